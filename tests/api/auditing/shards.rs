//! The auditor finds what is wrong with a product of several shards, and says in which shard.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use local::serve::Options;
use serde_json::{Value, json};

use super::{audit_in, audit_within, impatient, key, remove};
use crate::support::harness::{Shop, orders_table, text};

/// A finding: kind, shards, expected and found.
type Found = (String, Option<String>, i64, i64);

fn finding(kind: &str, shards: Option<&str>, expected: i64, found: i64) -> Found {
    (kind.to_owned(), shards.map(str::to_owned), expected, found)
}

/// A shop with a product of three shards, whose orders have every status, and with one of three
/// shards and no stock.
async fn busy_shop() -> Shop {
    let shop = Shop::open(Options::in_memory()).await;
    for sku in ["TEA-01", "CUP-01"] {
        shop.describe(sku, &json!({"shards": 3})).await.assert(201);
    }
    shop.adjust("TEA-01", "delivery", 60).await.assert(201);
    shop.adjust("TEA-01", "lost", -2).await.assert(201);
    for number in 0..6 {
        let key = format!("pending-{number}");
        shop.place(&key, "TEA-01", 1).await.assert(201);
    }
    let id = shop.confirmed("cancelled", "TEA-01", 1).await;
    shop.cancel("demo", &id).await.assert(200);
    let sent = shop.fulfilled("sent", "TEA-01", 4).await;
    for (name, restock) in [("return-1", true), ("return-2", false)] {
        let back = shop.give_back(&sent, name, &[("TEA-01", 1)], restock);
        back.await.assert(201);
    }
    let sound = audit_within(&shop, 900).await;
    assert_eq!(sound["outcome"], "sound", "{sound}");
    assert_eq!(sound["products"], 2);
    let taken = shop.items().await.into_iter().filter(|item| {
        text(item, "pk").starts_with("SKU#TEA-01") && item.get("taken") != Some(&number(0))
    });
    assert!(1 < taken.count(), "the orders are all in one shard");
    shop
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn shard_key(sku: &str, shard: u32) -> HashMap<String, AttributeValue> {
    match shard {
        0 => key(&format!("SKU#{sku}"), "STOCK#0"),
        other => key(&format!("SKU#{sku}#{other}"), &format!("STOCK#{other}")),
    }
}

/// Changes one attribute of a shard by hand.
async fn change(shop: &Shop, (sku, shard): (&str, u32), update: &str, value: AttributeValue) {
    let (client, table) = (shop.running.dynamodb(), orders_table(&shop.running));
    let request = client.update_item().table_name(table);
    let request = request.set_key(Some(shard_key(sku, shard)));
    let request = request.update_expression(update);
    let request = request.expression_attribute_values(":value", value);
    request.send().await.unwrap();
}

/// Adds to numbers of a shard of `TEA-01` by hand.
async fn add(shop: &Shop, shard: u32, numbers: &[(&str, i64)]) {
    for (name, units) in numbers {
        let update = format!("ADD {name} :value");
        change(shop, ("TEA-01", shard), &update, number(*units)).await;
    }
}

fn found(report: &Value) -> Vec<Found> {
    let list = report["violations"].as_array().unwrap().iter();
    let found = list.map(|it| {
        finding(
            it["kind"].as_str().unwrap(),
            it["about"].as_str(),
            it["expected"].as_i64().unwrap(),
            it["found"].as_i64().unwrap(),
        )
    });
    found.collect()
}

/// Spoils the table of a busy shop, and checks what the auditor says.
async fn check(spoil: impl AsyncFnOnce(&Shop), expected: &[Found]) {
    let shop = busy_shop().await;
    spoil(&shop).await;
    let report = audit_within(&shop, 900).await;
    let outcome = if expected.is_empty() {
        "sound"
    } else {
        "violated"
    };
    assert_eq!(report["outcome"], outcome, "{report}");
    assert_eq!(found(&report), expected, "{report}");
    for violation in report["violations"].as_array().unwrap() {
        // Which shard to mend is not for a program to decide.
        assert_eq!(violation["repair"], Value::Null);
        assert_eq!(violation["shards"], 3);
    }
    shop.running.stop().await;
}

#[tokio::test]
async fn a_shard_that_does_not_add_up_is_found_in_one_read() {
    let shop = busy_shop().await;
    add(&shop, 2, &[("available", 100)]).await;
    let report = audit_within(&shop, 900).await;
    assert_eq!(report["passes"], 1, "one item proves it");
    let found = found(&report);
    let (kind, about, expected, found) = &found[0];
    assert_eq!(
        (kind.as_str(), about.as_deref()),
        ("stock-does-not-add-up", Some("2"))
    );
    assert_eq!(found - expected, 100);
    shop.running.stop().await;
}

#[tokio::test]
async fn a_shard_below_zero_is_found() {
    let shop = busy_shop().await;
    // The sum of the shards, and of each shard's numbers, is as before.
    add(&shop, 1, &[("available", -100), ("levelled", -100)]).await;
    add(&shop, 2, &[("available", 100), ("levelled", 100)]).await;
    let report = audit_within(&shop, 900).await;
    let found = found(&report);
    assert_eq!(found.len(), 1, "{report}");
    assert_eq!(
        (found[0].0.as_str(), found[0].1.as_deref()),
        ("stock-is-negative", Some("1"))
    );
    shop.running.stop().await;
}

#[tokio::test]
async fn half_a_move_between_shards_is_found() {
    let spoil = async |shop: &Shop| add(shop, 1, &[("available", 3), ("levelled", 3)]).await;
    check(spoil, &[finding("levelled-differs", None, 0, 3)]).await;
}

#[tokio::test]
async fn stock_of_a_shard_that_no_adjustment_brought_is_found() {
    let spoil = async |shop: &Shop| add(shop, 2, &[("available", 3), ("received", 3)]).await;
    check(spoil, &[finding("received-differs", None, 57, 60)]).await;
}

/// The sums over all shards are right. Only each shard's own orders show it.
#[tokio::test]
async fn stock_that_was_taken_from_another_shard_than_its_order_says_is_found() {
    let shop = busy_shop().await;
    let taken = |shard: u32, units: i64| {
        let shop = &shop;
        async move { add(shop, shard, &[("available", -units), ("taken", units)]).await }
    };
    taken(1, 1).await;
    taken(2, -1).await;
    let report = audit_within(&shop, 900).await;
    let differs: Vec<_> = found(&report)
        .into_iter()
        .filter(|(kind, ..)| kind == "taken-differs")
        .map(|(_, about, expected, found)| (about.unwrap(), found - expected))
        .collect();
    assert_eq!(
        differs,
        [("1".to_owned(), 1), ("2".to_owned(), -1)],
        "{report}"
    );
    shop.running.stop().await;
}

#[tokio::test]
async fn goods_that_left_another_shard_than_their_order_says_are_found() {
    let shop = busy_shop().await;
    add(&shop, 1, &[("available", -1), ("shipped", 1)]).await;
    add(&shop, 2, &[("available", 1), ("shipped", -1)]).await;
    let report = audit_within(&shop, 900).await;
    let kinds: Vec<_> = found(&report).into_iter().map(|it| it.0).collect();
    let shipped = kinds.iter().filter(|kind| *kind == "shipped-differs");
    assert_eq!(shipped.count(), 2, "{report}");
    shop.running.stop().await;
}

#[tokio::test]
async fn a_shard_that_is_gone_is_found() {
    let spoil = async |shop: &Shop| {
        let items = shop.items().await;
        let shard = items.iter().find(|item| text(item, "pk") == "SKU#CUP-01#2");
        remove(shop, shard.unwrap()).await;
    };
    check(spoil, &[finding("shard-is-missing", Some("2"), 3, 2)]).await;
}

#[tokio::test]
async fn a_number_of_shards_that_was_lowered_is_found() {
    let spoil = async |shop: &Shop| {
        change(shop, ("TEA-01", 0), "SET shards = :value", number(2)).await;
    };
    check(spoil, &[finding("shard-is-not-counted", Some("2"), 3, 2)]).await;
}

#[tokio::test]
async fn a_shard_with_a_price_of_its_own_is_found() {
    let spoil = async |shop: &Shop| {
        for shard in [1, 2] {
            change(
                shop,
                ("TEA-01", shard),
                "SET unit_price = :value",
                number(1),
            )
            .await;
        }
    };
    check(spoil, &[finding("terms-differ", Some("1, 2"), 1, 1)]).await;
}

/// Half a description: shard 0 has it, and the others do not.
async fn describe_half(shop: &Shop) {
    let version = "SET details_version = :value";
    change(shop, ("TEA-01", 0), version, number(2)).await;
}

#[tokio::test]
async fn a_description_that_reached_half_of_the_shards_is_found_unless_it_is_under_way() {
    let behind = [finding("terms-differ", Some("1, 2"), 2, 1)];
    check(describe_half, &behind).await;
    let marked = async |shop: &Shop| {
        describe_half(shop).await;
        let rolling = AttributeValue::S("ROLLING".to_owned());
        let mark = "SET expiry_shard = :value";
        change(shop, ("TEA-01", 0), mark, rolling).await;
    };
    check(marked, &[]).await;
}

/// The first half of a description that was given up: it makes shards without stock.
#[tokio::test]
async fn shards_without_stock_that_no_product_counts_yet_are_sound() {
    let spoil = async |shop: &Shop| {
        for (sku, shard) in [("TEA-01", 3), ("NEW-01", 1)] {
            for name in [
                "available",
                "taken",
                "received",
                "version",
                "details_version",
            ] {
                let update = format!("SET {name} = :value");
                change(shop, (sku, shard), &update, number(0)).await;
            }
        }
    };
    check(spoil, &[]).await;
}

/// Every shard's stock may move while the auditor waits. It looks at the versions of all.
#[tokio::test]
async fn a_shard_that_moves_during_the_last_wait_accuses_nobody() {
    let shop = busy_shop().await;
    add(&shop, 1, &[("available", 3), ("levelled", 3)]).await;
    let (client, table) = (shop.running.dynamodb(), orders_table(&shop.running));
    let waits = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&waits);
    let world = impatient(move || {
        let is_last = counted.fetch_add(1, Ordering::Relaxed) == 1;
        let update = client.update_item().table_name(&table);
        let update = update.set_key(Some(shard_key("TEA-01", 2)));
        let update = update
            .update_expression("ADD version :one")
            .expression_attribute_values(":one", number(1));
        async move {
            if is_last {
                update.send().await.unwrap();
            }
        }
    });
    let report = audit_in(world, &shop, "", 900).await;
    // The third pass proves nothing: the second may have seen half of a move.
    assert_eq!(found(&report), [], "{report}");
    assert_eq!(report["outcome"], "inconclusive", "{report}");
    shop.running.stop().await;
}
