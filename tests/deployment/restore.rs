//! The runbook's steps that take an item back from a restored table, on the embedded database.
//!
//! That database has no point-in-time recovery. A copy of the items stands for the restored table.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use local::serve::Options;
use serde_json::Value;

use crate::api::auditing::audit_within;
use crate::support::harness::{Shop, orders_table};

const PAGE: &str = include_str!("../../docs/runbook.md");

type Item = HashMap<String, AttributeValue>;

/// What the page has between two texts.
fn written(before: &str, after: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(before).expect(before);
    rest.split_once(after).expect(after).0
}

/// A key as the AWS CLI takes it.
fn key(json: &str) -> Item {
    let json: Value = serde_json::from_str(json).unwrap();
    let parts = json.as_object().unwrap().iter();
    parts
        .map(|(name, value)| {
            let text = value["S"].as_str().unwrap().to_owned();
            (name.clone(), AttributeValue::S(text))
        })
        .collect()
}

#[tokio::test]
async fn a_lost_order_is_taken_back_once_and_only_where_nothing_is() {
    let shop = Shop::open(Options::in_memory()).await;
    let (client, table) = (shop.running.dynamodb(), orders_table(&shop.running));
    shop.stock("TEA-01", 10).await;
    let placed = shop.place("key-1", "TEA-01", 2).await;
    let id = placed.order_id();
    shop.confirm(&id, "pay-1").await.assert(200);

    // The page's key finds the product and its stock.
    let stock = key(written("KEY='", "'\n"));
    let got = client.get_item().table_name(&table).set_key(Some(stock));
    let got = got.send().await.unwrap().item.unwrap();
    assert_eq!(got["available"], AttributeValue::N("8".to_owned()));

    let order = format!(r#"{{"pk": {{"S": "ORD#{id}"}}, "sk": {{"S": "ORDER"}}}}"#);
    assert!(PAGE.contains("an order is `ORD#`\n   and its id, with the sort key `ORDER`"));
    let order = key(&order);
    let was = client
        .get_item()
        .table_name(&table)
        .set_key(Some(order.clone()))
        .send()
        .await
        .unwrap()
        .item
        .expect("the page's key finds the order");
    let delete = client.delete_item().table_name(&table).set_key(Some(order));
    delete.send().await.unwrap();
    shop.read("demo", &id).await.assert(404);
    // The audit names the order, and the stock that it held.
    let lost = audit_within(&shop, 900).await;
    assert_eq!(lost["violations"][0]["kind"], "taken-differs", "{lost}");
    assert_eq!(lost["violations"][1]["order_id"], id.as_str(), "{lost}");

    let condition = written("--condition-expression '", "'\n");
    let put = || {
        client
            .put_item()
            .table_name(&table)
            .set_item(Some(was.clone()))
            .condition_expression(condition)
            .send()
    };
    put().await.unwrap();
    let read = shop.read("demo", &id).await;
    read.assert(200);
    assert_eq!(read.json()["status"], "confirmed");
    assert!(shop.place("key-1", "TEA-01", 2).await.is_replay());
    let again = put().await.unwrap_err().into_service_error();
    assert!(again.is_conditional_check_failed_exception(), "{again:?}");

    // The page ends with an audit.
    assert!(PAGE.contains("Check that everything adds up again: `cargo run -q -- audit"));
    let sound = audit_within(&shop, 900).await;
    assert_eq!(sound["outcome"], "sound", "{sound}");
    shop.assert_conserved().await;
    shop.running.stop().await;
}
