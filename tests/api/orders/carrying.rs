//! What an order can carry for its shop, and the most that one order can have.

use serde_json::{Value, json};

use super::shop;
use crate::support::harness::{line, order_of, text};

/// An order of one tea with more members.
fn with(more: &Value) -> Value {
    let mut order = order_of(&[line("TEA-01", 1)]);
    for (name, value) in more.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

#[tokio::test]
async fn an_order_carries_a_reference_and_metadata_and_repeats_them_byte_for_byte() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let extras = json!({"reference": "basket 7", "metadata": {"note": "", "gift": "yes"}});
        let placed = shop.place_as("demo", "key-1", &with(&extras)).await;
        let order = placed.assert(201).json();
        assert_eq!(order["reference"], "basket 7");
        assert_eq!(order["metadata"], json!({"gift": "yes", "note": ""}));
        shop.confirm(order["id"].as_str().unwrap(), "pay-1")
            .await
            .assert(200);
        let again = shop.place_as("demo", "key-1", &with(&extras)).await;
        assert_eq!(again.assert(201).body, placed.body);
        let read = shop.read("demo", &placed.order_id()).await.json();
        assert_eq!(read["reference"], "basket 7");
        assert_eq!(read["metadata"], order["metadata"]);
        for other in [
            json!({}),
            json!({"reference": "basket 7"}),
            json!({"reference": "basket 8", "metadata": {"note": "", "gift": "yes"}}),
            json!({"reference": "basket 7", "metadata": {"note": "yes", "gift": ""}}),
        ] {
            let reused = shop.place_as("demo", "key-1", &with(&other)).await;
            reused.assert_problem(422, "idempotency-key-reused");
        }
    })
    .await;
}

#[tokio::test]
async fn an_order_without_either_is_another_request_than_one_with_either() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let plain = shop.place("key-1", "TEA-01", 1).await;
        let extra = with(&json!({"metadata": {"gift": "yes"}}));
        let reused = shop.place_as("demo", "key-1", &extra).await;
        reused.assert_problem(422, "idempotency-key-reused");
        // An empty object says nothing, so it is the same request.
        let empty = with(&json!({"metadata": {}}));
        let same = shop.place_as("demo", "key-1", &empty).await;
        assert_eq!(same.assert(201).body, plain.body);
        for item in shop.items().await {
            if text(&item, "sk") == "ORDER" {
                assert_eq!(item["answer_version"].as_n().unwrap(), "1");
                assert!(!item.contains_key("metadata"));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_an_order_carries_has_limits_that_are_named() {
    shop(async |shop| {
        let names: Vec<_> = (0..11).map(|n| (format!("n{n}"), json!("x"))).collect();
        let eleven: Value = Value::Object(names.into_iter().collect());
        for (bad, pointer) in [
            (json!({"reference": ""}), "/reference"),
            (json!({"reference": "x".repeat(101)}), "/reference"),
            (json!({"reference": null}), "/reference"),
            (json!({"metadata": []}), "/metadata"),
            (json!({"metadata": {"a": 1}}), "/metadata/a"),
            (json!({"metadata": {"a": "x".repeat(501)}}), "/metadata/a"),
            (json!({"metadata": {"": "x"}}), "/metadata/"),
            (json!({"metadata": eleven}), "/metadata"),
        ] {
            let answer = shop.place_as("demo", "key-1", &with(&bad)).await;
            answer.assert_problem(400, "invalid-request");
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
        }
    })
    .await;
}

#[tokio::test]
async fn one_order_cannot_take_more_than_the_products_limit() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let limited = shop.describe("TEA-01", &json!({"quantity_max": 3})).await;
        assert_eq!(limited.assert(200).json()["quantity_max"], 3);
        let refused = shop.place("four", "TEA-01", 4).await;
        refused.assert_problem(409, "quantity-exceeds-limit");
        let expected = json!([{
            "sku": "TEA-01", "reason": "quantity-exceeds-limit",
            "requested": 4, "quantity_max": 3,
        }]);
        assert_eq!(refused.json()["lines"], expected);
        // The limit is for the merged quantity.
        let split = order_of(&[line("TEA-01", 2), line("TEA-01", 2)]);
        let refused = shop.place_as("demo", "split", &split).await;
        refused.assert_problem(409, "quantity-exceeds-limit");
        shop.place("three", "TEA-01", 3).await.assert(201);
        // A description without the limit ends it.
        let unlimited = shop.describe("TEA-01", &json!({})).await;
        assert_eq!(unlimited.assert(200).json()["quantity_max"], Value::Null);
        shop.place("seven", "TEA-01", 7).await.assert(201);
        for bad in [
            json!(0),
            json!(-1),
            json!(1_000_001),
            json!(null),
            json!("3"),
        ] {
            let answer = shop.describe("TEA-01", &json!({"quantity_max": bad})).await;
            answer.assert_problem(400, "invalid-request");
        }
    })
    .await;
}
