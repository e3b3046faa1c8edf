//! What repeats cost with a Redis, and that wrong entries in it are ignored.

use serde_json::json;

use super::server::Server;
use super::{key, shop_with};
use crate::support::harness::{Answer, Shop, line, order_of};
use crate::support::meter::Meter;

#[track_caller]
fn assert_same(repeat: &Answer, first: &Answer) {
    assert_eq!((repeat.status, &repeat.body), (first.status, &first.body));
    for name in ["content-type", "location", "etag"] {
        assert_eq!(repeat.header(name), first.header(name), "{name}");
    }
    assert!(repeat.is_replay());
}

/// Checks the cost of the database requests since the last reset.
#[track_caller]
fn assert_cost(meter: &Meter, round_trips: u32, read_units: u32) {
    meter.assert("RoundTrips", f64::from(round_trips));
    meter.assert("ReadUnits", f64::from(read_units));
    meter.assert("WriteUnits", 0.0);
    meter.assert("TransactionCancelled", 0.0);
    meter.reset();
}

#[tokio::test]
async fn a_repeated_refusal_makes_no_database_call() {
    let meter = Meter::start();
    shop_with(async |shop, _| {
        shop.stock("TEA-01", 1).await;
        let place = async || shop.place("key-1", "TEA-01", 2).await;
        let refused = place().await;
        refused.assert_problem(409, "out-of-stock");
        let unknown = shop.place("key-2", "NONE", 1).await;
        unknown.assert_problem(422, "unknown-product");
        shop.adjust("TEA-01", "more", 10).await.assert(201);
        meter.reset();
        for _ in 0..3 {
            assert_same(&place().await, &refused);
            assert_same(&shop.place("key-2", "NONE", 1).await, &unknown);
        }
        meter.assert("RedisHit", 6.0);
        assert_cost(&meter, 0, 0);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_adjustment_makes_no_database_call() {
    let meter = Meter::start();
    shop_with(async |shop, _| {
        shop.stock("TEA-01", 0).await;
        let made = shop.adjust("TEA-01", "up", 10).await;
        let refused = shop.adjust("TEA-01", "down", -11).await;
        refused.assert_problem(409, "stock-would-be-negative");
        meter.reset();
        assert_same(&shop.adjust("TEA-01", "up", 10).await, &made);
        assert_same(&shop.adjust("TEA-01", "down", -11).await, &refused);
        meter.assert("RedisHit", 2.0);
        assert_cost(&meter, 0, 0);
        assert_eq!(shop.available("TEA-01").await, 10);
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_an_order_that_can_change_costs_one_read_and_has_the_current_status() {
    let meter = Meter::start();
    shop_with(async |shop, _| {
        shop.stock("TEA-01", 10).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        let repeat = async |status: &str, round_trips: u32| {
            meter.reset();
            let repeat = shop.place("key-1", "TEA-01", 2).await;
            assert_same(&repeat, &placed);
            assert_eq!(repeat.header("order-status"), Some(status));
            assert_cost(&meter, round_trips, round_trips);
        };
        repeat("pending", 1).await;
        repeat("pending", 1).await;
        shop.confirm(&placed.order_id(), "pay-1").await.assert(200);
        repeat("confirmed", 1).await;
        shop.cancel("demo", &placed.order_id()).await.assert(200);
        repeat("cancelled", 1).await;
        // A cancelled order cannot change, and Redis remembers that.
        repeat("cancelled", 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_an_expired_order_has_the_status_expired_with_and_without_a_read() {
    let meter = Meter::start();
    shop_with(async |shop, _| {
        shop.stock("TEA-01", 10).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        shop.pass_seconds(900 + 30 + 1);
        assert_eq!(shop.sweep().await["expired"], 1);
        for round_trips in [1, 0] {
            meter.reset();
            let repeat = shop.place("key-1", "TEA-01", 2).await;
            assert_same(&repeat, &placed);
            assert_eq!(repeat.header("order-status"), Some("expired"));
            assert_cost(&meter, round_trips, round_trips);
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_reused_for_another_order_is_refused() {
    shop_with(async |shop, _| {
        shop.stock("TEA-01", 1).await;
        for (key, quantity) in [("placed", 1), ("refused", 5)] {
            shop.place(key, "TEA-01", quantity).await;
            for _ in 0..2 {
                let other = shop.place(key, "TEA-01", quantity + 1).await;
                other.assert_problem(422, "idempotency-key-reused");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_order_asks_redis_twice_and_a_remembered_decision_once() {
    let meter = Meter::start();
    shop_with(async |shop, server| {
        shop.stock("TEA-01", 10).await;
        shop.stock("CUP-01", 10).await;
        let commands = async || -> u64 {
            let info: String = server.ask("INFO", &["commandstats"]).await;
            let line = info
                .lines()
                .find(|line| line.starts_with("cmdstat_evalsha"));
            let calls = line.unwrap().split("calls=").nth(1).unwrap();
            calls.split(',').next().unwrap().parse().unwrap()
        };
        let lines = order_of(&[line("TEA-01", 1), line("CUP-01", 1)]);
        meter.reset();
        let before = commands().await;
        shop.place_as("demo", "key-1", &lines).await.assert(201);
        assert_eq!(commands().await - before, 2);
        meter.assert("RedisMiss", 1.0);
        shop.place("key-2", "CUP-01", 99).await.assert(409);
        let before = commands().await;
        shop.place("key-2", "CUP-01", 99).await.assert(409);
        assert_eq!(commands().await - before, 1);
        assert!(
            server.keys("lock:").await.is_empty(),
            "a lock was not released"
        );
    })
    .await;
}

#[tokio::test]
async fn an_entry_expires_after_a_day() {
    shop_with(async |shop, server| {
        shop.stock("TEA-01", 1).await;
        shop.place("key-1", "TEA-01", 1).await.assert(201);
        let keys = server.keys("decided:").await;
        assert_eq!(keys.len(), 2, "an adjustment and an order: {keys:?}");
        for key in keys {
            let seconds: i64 = server.ask("TTL", &[key]).await;
            assert!((86_000..=86_400).contains(&seconds), "{seconds}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_user_with_only_the_documented_rights_is_enough() {
    let rights = include_str!("../../../docs/redis.md");
    let rights = rights.split("A user of its own needs `").nth(1).unwrap();
    let (rights, rest) = rights.split_once('`').unwrap();
    let keys = rest.split('`').nth(1).unwrap();
    let server = Server::start();
    let mut rule = vec!["SETUSER", "orders", "on", ">hunter2", keys];
    rule.extend(rights.split_whitespace());
    server.ask::<()>("ACL", &rule).await;
    let url = server.url().replace("//", "//orders:hunter2@");
    let meter = Meter::start();
    let shop = Shop::open(super::patient(local::serve::Options {
        redis: Some(shared::secret::Secret::new(url)),
        ..local::serve::Options::in_memory()
    }))
    .await;
    shop.stock("TEA-01", 1).await;
    for _ in 0..2 {
        shop.place("key-1", "TEA-01", 2).await.assert(409);
    }
    meter.assert("RedisHit", 1.0);
    meter.assert("RedisFailure", 0.0);
    shop.running.stop().await;
}

/// Places an order and gets a refusal, lets `poison` change both entries in Redis, and repeats both
/// requests.
async fn poisoned(poison: impl AsyncFn(&Shop, &Server, &str)) {
    let meter = Meter::start();
    shop_with(async |shop, server| {
        shop.stock("TEA-01", 5).await;
        let placed = shop.place("placed", "TEA-01", 2).await;
        let refused = shop.place("refused", "TEA-01", 9).await;
        shop.place("others", "TEA-01", 8).await.assert(409);
        for key in server.keys("decided:ord_").await {
            poison(shop, server, &key).await;
        }
        for _ in 0..2 {
            let repeat = shop.place("placed", "TEA-01", 2).await;
            assert_same(&repeat, &placed);
            assert_eq!(repeat.header("order-status"), Some("pending"));
            assert_same(&shop.place("refused", "TEA-01", 9).await, &refused);
        }
        assert_eq!(shop.available("TEA-01").await, 3);
        // A bad entry does not open the circuit breaker, and a large one is not read.
        meter.assert("RedisFailure", 0.0);
        meter.assert("RedisLeftAlone", 0.0);
        let stats: String = server.ask("INFO", &["stats"]).await;
        let sent = stats
            .lines()
            .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
        let sent: u64 = sent.unwrap().trim().parse().unwrap();
        assert!(sent < 500_000, "{sent}");
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_cannot_be_parsed_is_ignored() {
    for garbage in [
        b"".as_slice(),
        b"null",
        b"{\"version\":1}",
        b"\xff\xfe",
        b"[1,2",
    ] {
        poisoned(async |_, server, key| {
            server.ask::<()>("SET", &[key.as_bytes(), garbage]).await;
        })
        .await;
    }
}

#[tokio::test]
async fn an_entry_of_another_type_or_of_a_megabyte_is_ignored() {
    poisoned(async |_, server, key| {
        server.ask::<()>("DEL", &[key]).await;
        server.ask::<()>("LPUSH", &[key, "x"]).await;
    })
    .await;
    poisoned(async |_, server, key| {
        server
            .ask::<()>("SET", &[key, &"x".repeat(1_000_000)])
            .await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_of_another_order_is_ignored() {
    poisoned(async |shop, server, key_to_poison| {
        let others = server.keys("decided:ord_").await;
        let other = others.iter().find(|other| *other != key_to_poison).unwrap();
        let entry: String = server.ask("GET", &[other]).await;
        assert!(entry.contains("ORD#"), "{entry}");
        server.ask::<()>("SET", &[key_to_poison, &entry]).await;
        assert!(key_to_poison.starts_with(&key(shop, "decided:")));
    })
    .await;
}

#[tokio::test]
async fn an_entry_of_an_incomplete_order_is_ignored() {
    // The entry has an order's keys and fingerprint but none of its other attributes.
    poisoned(async |_, server, key| {
        let entry: String = server.ask("GET", &[key]).await;
        let mut entry: serde_json::Value = serde_json::from_str(&entry).unwrap();
        entry["record"]["status"] = json!("cancelled");
        server.ask::<()>("SET", &[key, &entry.to_string()]).await;
    })
    .await;
}

#[tokio::test]
async fn an_order_that_redis_remembers_but_the_table_lost_is_placed_again() {
    shop_with(async |shop, server| {
        shop.stock("TEA-01", 5).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        let id = placed.order_id();
        // This is what happens if the table is restored to an earlier time under the same name.
        let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        let client = shop.running.dynamodb();
        let delete = client
            .delete_item()
            .table_name(crate::support::harness::orders_table(&shop.running))
            .key("pk", text(format!("ORD#{id}")))
            .key("sk", text("ORDER".to_owned()));
        delete.send().await.unwrap();
        assert_eq!(server.keys(&id).await.len(), 1);
        let again = shop.place("key-1", "TEA-01", 2).await;
        assert!(!again.assert(201).is_replay());
        // The test returns the stock of the deleted order.
        let table = crate::support::harness::orders_table(&shop.running);
        let give_back = client
            .update_item()
            .table_name(table)
            .key("pk", text("SKU#TEA-01".to_owned()))
            .key("sk", text("STOCK#0".to_owned()))
            .update_expression("SET taken = taken - :q, available = available + :q")
            .expression_attribute_values(
                ":q",
                aws_sdk_dynamodb::types::AttributeValue::N("2".to_owned()),
            );
        give_back.send().await.unwrap();
    })
    .await;
}
