//! An order is placed once, however often its request is repeated.

use futures::future::join_all;
use serde_json::json;

use super::shop;
use crate::support::harness::{Shop, line, order_of};

#[tokio::test]
async fn a_first_order_takes_its_stock() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        placed.assert(201);
        let order = placed.json();
        let id = placed.order_id();
        assert_eq!(
            placed.header("location"),
            Some(format!("/orders/{id}").as_str())
        );
        assert_eq!(placed.header("etag"), Some("\"1\""));
        assert_eq!(order["status"], "pending");
        assert_eq!(order["total"], 1_000);
        assert_eq!(order["lines"], json!([line("TEA-01", 2)]));
        assert!(!placed.is_replay());
        assert_eq!(shop.available("TEA-01").await, 8);
        assert_eq!(shop.read("demo", &id).await.json(), order);
    })
    .await;
}

#[tokio::test]
async fn a_repeat_gets_the_same_bytes() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        let replayed = shop.place("key-1", "TEA-01", 2).await;
        replayed.assert(201);
        assert_eq!(replayed.body, placed.body);
        for name in ["location", "etag", "content-type"] {
            assert_eq!(replayed.header(name), placed.header(name), "{name}");
        }
        assert!(replayed.is_replay());
        assert_eq!(replayed.header("order-status"), Some("pending"));
        assert_eq!(shop.available("TEA-01").await, 8);
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_an_order_that_sold_out_the_stock_returns_the_order() {
    shop(async |shop| {
        shop.stock("TEA-01", 2).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        let replayed = shop.place("key-1", "TEA-01", 2).await;
        assert_eq!(replayed.assert(201).body, placed.body);
        assert_eq!(shop.available("TEA-01").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_repeat_after_a_confirmation_or_a_cancellation_returns_the_order_as_it_was_placed() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let confirmed = shop.place("confirmed", "TEA-01", 1).await;
        let cancelled = shop.place("cancelled", "TEA-01", 1).await;
        shop.confirm(&confirmed.order_id(), "pay-1")
            .await
            .assert(200);
        shop.cancel("demo", &cancelled.order_id()).await.assert(200);
        for (key, placed) in [("confirmed", confirmed), ("cancelled", cancelled)] {
            let replayed = shop.place(key, "TEA-01", 1).await;
            assert_eq!(replayed.assert(201).body, placed.body);
            assert_eq!(replayed.header("order-status"), Some(key));
        }
    })
    .await;
}

#[tokio::test]
async fn the_same_key_for_another_order_is_refused_and_changes_nothing() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        let other = shop.place("key-1", "TEA-01", 3).await;
        other.assert_problem(422, "idempotency-key-reused");
        assert_eq!(
            shop.read("demo", &placed.order_id()).await.json(),
            placed.json()
        );
        assert_eq!(shop.available("TEA-01").await, 8);
    })
    .await;
}

#[tokio::test]
async fn reordered_and_split_lines_are_the_same_order() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        shop.stock("CUP-01", 10).await;
        let body = order_of(&[line("TEA-01", 3), line("CUP-01", 1)]);
        let placed = shop.place_as("demo", "key-1", &body).await;
        let split = order_of(&[line("CUP-01", 1), line("TEA-01", 1), line("TEA-01", 2)]);
        let replayed = shop.place_as("demo", "key-1", &split).await;
        assert_eq!(replayed.assert(201).body, placed.assert(201).body);
        assert!(replayed.is_replay());
    })
    .await;
}

#[tokio::test]
async fn the_same_key_of_another_customer_is_another_order() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let body = order_of(&[line("TEA-01", 1)]);
        let one = shop.place_as("one", "key-1", &body).await;
        let other = shop.place_as("other", "key-1", &body).await;
        assert!(!other.assert(201).is_replay());
        assert_ne!(one.order_id(), other.order_id());
        assert_eq!(shop.available("TEA-01").await, 8);
    })
    .await;
}

#[tokio::test]
async fn a_hundred_parallel_repeats_make_one_order() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let answers = join_all((0..100).map(|_| shop.place("key-1", "TEA-01", 2))).await;
        for answer in &answers {
            assert_eq!(answer.assert(201).body, answers[0].body);
        }
        let first = answers.iter().filter(|answer| !answer.is_replay()).count();
        assert_eq!(first, 1, "exactly one is the first");
        assert_eq!(shop.count_orders().await, 1);
        assert_eq!(shop.available("TEA-01").await, 8);
    })
    .await;
}

#[tokio::test]
async fn one_of_a_hundred_parallel_orders_gets_the_last_unit() {
    shop(async |shop| {
        shop.stock("TEA-01", 1).await;
        let place = async |n: usize| shop.place(&format!("key-{n}"), "TEA-01", 1).await;
        let answers = join_all((0..100).map(place)).await;
        let placed = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((placed, refused), (1, 99));
        assert_eq!(shop.available("TEA-01").await, 0);
        assert_eq!(shop.count_orders().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_repeat_after_a_month_still_returns_the_first_order() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        for seconds in [11 * 60, 30 * 24 * 60 * 60] {
            shop.pass_seconds(seconds);
            let replayed = shop.place("key-1", "TEA-01", 2).await;
            assert_eq!(replayed.assert(201).body, placed.body);
        }
        assert_eq!(shop.available("TEA-01").await, 8);
    })
    .await;
}

#[tokio::test]
async fn another_customers_order_is_not_found() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 1).await.order_id();
        shop.read("eve", &id).await.assert_problem(404, "not-found");
        shop.cancel("eve", &id)
            .await
            .assert_problem(404, "not-found");
        let any = shop.get(&format!("/orders/{id}"));
        any.by("auditor", "orders:read orders:read:any")
            .send()
            .await
            .assert(200);
        shop.read("demo", "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa")
            .await
            .assert_problem(404, "not-found");
        shop.read("demo", "nonsense")
            .await
            .assert_problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_a_later_releases_order_is_not_guessed_at() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        for (key, version) in [
            ("key-1", "answer_version"),
            ("key-2", "fingerprint_version"),
        ] {
            let placed = shop.place(key, "TEA-01", 2).await;
            made_by_a_later_release(shop, &placed.order_id(), version).await;
            let repeated = shop.place(key, "TEA-01", 2).await;
            repeated.assert_problem(503, "outcome-unknown");
        }
        // Without the fingerprint, nobody knows whether the order is another one.
        let other = shop.place("key-2", "TEA-01", 3).await;
        other.assert_problem(503, "outcome-unknown");
        assert_eq!(shop.available("TEA-01").await, 6);
    })
    .await;
}

/// Gives an order a version that this release does not know.
async fn made_by_a_later_release(shop: &Shop, id: &str, version: &str) {
    use aws_sdk_dynamodb::types::AttributeValue;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let update = shop
        .running
        .dynamodb()
        .update_item()
        .table_name(crate::support::harness::orders_table(&shop.running))
        .key("pk", text(&format!("ORD#{id}")))
        .key("sk", text("ORDER"))
        .update_expression("SET #version = :later")
        .expression_attribute_names("#version", version)
        .expression_attribute_values(":later", AttributeValue::N("3".to_owned()));
    update.send().await.unwrap();
}
