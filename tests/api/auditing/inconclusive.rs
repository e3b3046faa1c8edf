//! What the auditor says when it cannot see everything, or when what it saw proves nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::{
    add, add_to, audit_in, audit_with, audit_within, busy_shop, found, impatient, items, put,
    stock_key,
};
use crate::support::harness::{Shop, integer, orders_table, text};
use crate::support::meter::Meter;

#[tokio::test]
async fn an_item_that_cannot_be_read_is_named_and_the_audit_says_nothing_more() {
    let shop = busy_shop().await;
    let mut order = items(&shop, "ORD#", "ORDER").await.remove(0);
    let pk = text(&order, "pk").to_owned();
    order.insert("status".to_owned(), AttributeValue::S("parked".to_owned()));
    order.insert("lines".to_owned(), AttributeValue::L(Vec::new()));
    put(&shop, order).await;
    let report = audit_within(&shop, 900).await;
    assert_eq!(report["unreadable"], json!([format!("{pk} ORDER")]));
    assert_ne!(report["outcome"], "sound", "{report}");
    shop.running.stop().await;
}

#[tokio::test]
async fn an_item_of_no_known_kind_makes_the_audit_inconclusive() {
    let shop = busy_shop().await;
    let part = |text: &str| AttributeValue::S(text.to_owned());
    let item = [("pk", part("STRANGE#1")), ("sk", part("ITEM"))];
    put(
        &shop,
        item.map(|(name, value)| (name.to_owned(), value)).into(),
    )
    .await;
    let report = audit_within(&shop, 900).await;
    assert_eq!(report["outcome"], "inconclusive", "{report}");
    assert_eq!(
        report["inconclusive"],
        "this release cannot read some items"
    );
    shop.running.stop().await;
}

/// The second pass may have seen half of that move, so it proves nothing.
#[tokio::test]
async fn a_product_that_moves_during_the_last_wait_is_not_accused() {
    let shop = busy_shop().await;
    add(&shop, "available", -1).await;
    add(&shop, "taken", 1).await;
    let (client, table) = (shop.running.dynamodb(), orders_table(&shop.running));
    let waits = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&waits);
    let world = impatient(move || {
        let is_last = counted.fetch_add(1, Ordering::Relaxed) == 1;
        let update = client.update_item().table_name(&table);
        let update = update.set_key(Some(stock_key("TEA-01")));
        let update = update.update_expression("ADD version :one");
        let update = update.expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        async move {
            if is_last {
                update.send().await.unwrap();
            }
        }
    });
    let report = audit_in(world, &shop, "", 900).await;
    assert_eq!(report["outcome"], "inconclusive", "{report}");
    assert_eq!(report["passes"], 3);
    assert_eq!(report["violations"], json!([]));
    assert_eq!(waits.load(Ordering::Relaxed), 2);
    // When nothing moves any more, it is proven.
    let report = audit_within(&shop, 900).await;
    assert_eq!(found(&report)[0].0, "taken-differs", "{report}");
    shop.running.stop().await;
}

/// The pass that proves one product looks at another again, which moved in the pass before.
#[tokio::test]
async fn what_is_proven_already_does_not_keep_the_audit_from_an_end() {
    let shop = busy_shop().await;
    for sku in ["TEA-01", "CUP-01"] {
        add_to(&shop, sku, "available", -1).await;
        add_to(&shop, sku, "taken", 1).await;
    }
    let (client, table) = (shop.running.dynamodb(), orders_table(&shop.running));
    let waits = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&waits);
    let world = impatient(move || {
        let is_first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        let update = client.update_item().table_name(&table);
        let update = update.set_key(Some(stock_key("CUP-01")));
        let update = update.update_expression("ADD version :one");
        let update = update.expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        async move {
            if is_first {
                update.send().await.unwrap();
            }
        }
    });
    let report = audit_in(world, &shop, "", 900).await;
    assert_eq!(report["outcome"], "violated", "{report}");
    assert_eq!(report["inconclusive"], Value::Null, "{report}");
    assert_eq!(report["passes"], 3);
    assert_eq!(report["suspects"], json!([]));
    assert_eq!(found(&report).len(), 2, "{report}");
    for violation in report["violations"].as_array().unwrap() {
        let pk = format!("SKU#{}", violation["product"].as_str().unwrap());
        let stock = items(&shop, &pk, "STOCK#").await.remove(0);
        assert_eq!(violation["version"], integer(&stock, "version"));
    }
    shop.running.stop().await;
}

/// The numbers that would mend the one need not mend the other.
#[tokio::test]
async fn a_product_has_no_repair_while_something_else_about_it_is_not_proven() {
    let shop = busy_shop().await;
    add(&shop, "taken", 1).await;
    let report = audit_within(&shop, 30).await;
    assert_eq!(report["inconclusive"], "the time was over", "{report}");
    let (violation, suspect) = (&report["violations"][0], &report["suspects"][0]);
    assert_eq!(violation["kind"], "stock-does-not-add-up");
    assert_eq!(suspect["kind"], "taken-differs");
    assert_eq!(violation["repair"], Value::Null);
    shop.running.stop().await;
}

/// Adds items that take many units to read: an order of a kilobyte would need a thousand of them.
pub(super) async fn add_big_refusals(shop: &Shop) {
    for number in 0..8 {
        let mut refusal = BTreeMap::new();
        let texts = [
            ("pk", format!("ORD#ord_{number}")),
            ("sk", "ORDER".to_owned()),
            ("status", "rejected".to_owned()),
            ("answer", "x".repeat(300_000)),
            ("fingerprint", "x".to_owned()),
        ];
        for (name, value) in texts {
            refusal.insert(name.to_owned(), AttributeValue::S(value));
        }
        for name in ["answer_status", "fingerprint_version"] {
            refusal.insert(name.to_owned(), AttributeValue::N("409".to_owned()));
        }
        put(shop, refusal).await;
    }
}

#[tokio::test]
async fn an_audit_that_would_read_too_much_says_how_far_it_came() {
    let shop = busy_shop().await;
    add_big_refusals(&shop).await;
    let whole = audit_with(&shop, "10000", 900).await;
    assert_eq!(whole["outcome"], "sound", "{whole}");
    let meter = Meter::start();
    let part = audit_with(&shop, "500", 900).await;
    let lines = meter.lines();
    drop(meter);
    assert_eq!(part["outcome"], "inconclusive");
    assert_eq!(part["inconclusive"], "the limit of read units was reached");
    assert!(part["read_units"].as_f64().unwrap() <= 500.0, "{part}");
    let (done, of) = (part["segments"].as_i64(), part["segments_of"].as_i64());
    assert!(done.unwrap() < of.unwrap(), "{part}");
    assert!(part["items"].as_i64() < whole["items"].as_i64());
    let line = lines
        .iter()
        .find(|line| line["service"] == "orders-auditor");
    let line = line.unwrap();
    assert_eq!(line["AuditInconclusive"], 1.0);
    // The alarm must not end by an audit that did not see everything.
    assert!(line.get("IntegrityViolation").is_none(), "{line}");
    shop.running.stop().await;
}

#[tokio::test]
async fn an_audit_without_time_for_a_second_pass_accuses_nobody() {
    let shop = busy_shop().await;
    add(&shop, "available", -1).await;
    add(&shop, "taken", 1).await;
    let report = audit_within(&shop, 30).await;
    assert_eq!(report["outcome"], "inconclusive", "{report}");
    assert_eq!(report["inconclusive"], "the time was over");
    assert_eq!(report["violations"], json!([]));
    assert_eq!(report["suspects"][0]["kind"], "taken-differs");
    assert_eq!(report["suspects"][0]["product"], "TEA-01");
    // No page can be read in what is left of a second.
    let report = audit_within(&shop, 0).await;
    assert_eq!(report["inconclusive"], "the time was over");
    assert_eq!(report["segments"], 0);
    shop.running.stop().await;
}
