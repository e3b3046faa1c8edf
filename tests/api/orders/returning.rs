//! Goods of a fulfilled order come back.

use futures::future::join_all;
use serde_json::{Value, json};

use super::shop;
use crate::support::harness::{Answer, CUSTOMER, STAFF, Shop, line, order_of, text};

async fn returned(shop: &Shop, id: &str) -> Value {
    shop.read("demo", id).await.assert(200).json()["returned"].clone()
}

/// Sends this body as a return.
async fn send(shop: &Shop, id: &str, key: &str, body: &Value) -> Answer {
    let request = shop.post(&format!("/orders/{id}/returns"));
    request
        .by("shipping", STAFF)
        .key(key)
        .json(body)
        .send()
        .await
}

#[tokio::test]
async fn returned_goods_are_sold_again_or_written_off() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.fulfilled("key-1", "TEA-01", 5).await;
        let back = shop.give_back(&id, "r-1", &[("TEA-01", 2)], true).await;
        let entry = back.assert(201).json();
        assert!(entry["id"].as_str().unwrap().starts_with("ret_"));
        assert_eq!(entry["order_id"], id);
        assert_eq!(entry["lines"], json!([{"sku": "TEA-01", "quantity": 2}]));
        assert_eq!(entry["restock"], true);
        assert_eq!(shop.available("TEA-01").await, 5 + 2);
        let broken = shop.give_back(&id, "r-2", &[("TEA-01", 1)], false).await;
        broken.assert(201);
        assert_eq!(shop.available("TEA-01").await, 5 + 2);
        let expected = json!([{"sku": "TEA-01", "quantity": 3}]);
        assert_eq!(returned(shop, &id).await, expected);
        let order = shop.read("demo", &id).await;
        assert_eq!(order.header("etag"), Some("\"5\""));
        assert_eq!(order.json()["status"], "fulfilled");
        // The answers to the placement and to the fulfilment do not show returns as placed.
        let placed = shop.place("key-1", "TEA-01", 5).await;
        assert_eq!(placed.json()["returned"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_return_gets_the_same_bytes_and_moves_nothing() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.fulfilled("key-1", "TEA-01", 2).await;
        let first = shop.give_back(&id, "r-1", &[("TEA-01", 2)], true).await;
        shop.pass_seconds(86_400);
        // Everything came back, and the repeat of the return still gets its answer.
        let again = shop.give_back(&id, "r-1", &[("TEA-01", 2)], true).await;
        assert_eq!(again.assert(201).body, first.assert(201).body);
        assert!(again.is_replay() && !first.is_replay());
        assert_eq!(shop.available("TEA-01").await, 10);
        for (goods, restock) in [([("TEA-01", 1)], true), ([("TEA-01", 2)], false)] {
            let other = shop.give_back(&id, "r-1", &goods, restock).await;
            other.assert_problem(422, "idempotency-key-reused");
        }
        // Reordered and split lines are the same return.
        let split = json!({"restock": true, "lines": [
            {"quantity": 1, "sku": "TEA-01"}, {"sku": "TEA-01", "quantity": 1},
        ]});
        let same = send(shop, &id, "r-1", &split).await;
        assert_eq!(same.assert(201).body, first.body);
    })
    .await;
}

#[tokio::test]
async fn more_than_was_shipped_cannot_come_back_and_the_refusal_is_final() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        shop.stock("CUP-01", 10).await;
        let order = order_of(&[line("TEA-01", 2), line("CUP-01", 1)]);
        let id = shop.place_as("demo", "key-1", &order).await.order_id();
        shop.confirm(&id, "pay-1").await.assert(200);
        let early = shop.give_back(&id, "early", &[("TEA-01", 1)], true).await;
        early.assert_problem(409, "order-not-fulfilled");
        shop.fulfil(&id, "parcel 7").await.assert(200);
        let again = shop.give_back(&id, "early", &[("TEA-01", 1)], true).await;
        assert_eq!(again.assert(409).body, early.body, "the refusal is final");
        assert!(again.is_replay());
        shop.give_back(&id, "one", &[("TEA-01", 1)], true)
            .await
            .assert(201);
        let goods = [("TEA-01", 2), ("CUP-01", 1), ("NONE", 1)];
        let refused = shop.give_back(&id, "too-many", &goods, true).await;
        refused.assert_problem(409, "exceeds-shipped");
        let expected = json!([
            {"sku": "NONE", "reason": "exceeds-shipped", "requested": 1, "returnable": 0},
            {"sku": "TEA-01", "reason": "exceeds-shipped", "requested": 2, "returnable": 1},
        ]);
        assert_eq!(refused.json()["lines"], expected);
        assert_eq!(shop.available("TEA-01").await, 9);
        assert_eq!(shop.available("CUP-01").await, 9);
        let unknown = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa";
        shop.give_back(unknown, "x", &[("TEA-01", 1)], true)
            .await
            .assert_problem(404, "not-found");
    })
    .await;
}

#[tokio::test]
async fn of_two_parallel_returns_that_are_too_much_together_one_wins() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.fulfilled("key-1", "TEA-01", 3).await;
        let back = async |n: usize| {
            let key = format!("r-{n}");
            shop.give_back(&id, &key, &[("TEA-01", 2)], true).await
        };
        let answers = join_all((0..20).map(back)).await;
        let won = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(won, 1);
        for refused in answers.iter().filter(|answer| answer.status != 201) {
            refused.assert_problem(409, "exceeds-shipped");
        }
        assert_eq!(shop.available("TEA-01").await, 9);
    })
    .await;
}

#[tokio::test]
async fn an_order_has_at_most_twenty_returns() {
    shop(async |shop| {
        shop.stock("TEA-01", 30).await;
        let id = shop.fulfilled("key-1", "TEA-01", 30).await;
        for n in 0..20 {
            let key = format!("r-{n}");
            let back = shop.give_back(&id, &key, &[("TEA-01", 1)], true).await;
            back.assert(201);
        }
        let refused = shop.give_back(&id, "r-20", &[("TEA-01", 1)], true).await;
        refused.assert_problem(409, "too-many-returns");
        let first = shop.give_back(&id, "r-0", &[("TEA-01", 1)], true).await;
        assert!(first.assert(201).is_replay());
    })
    .await;
}

#[tokio::test]
async fn a_return_is_valid_keyed_and_the_shipping_services() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.fulfilled("key-1", "TEA-01", 2).await;
        let path = format!("/orders/{id}/returns");
        let good = json!({"lines": [{"sku": "TEA-01", "quantity": 1}], "restock": true});
        let request = shop.post(&path).by("demo", CUSTOMER).key("r");
        request.json(&good).send().await.assert(403);
        let request = shop.post(&path).by("shipping", STAFF);
        let answer = request.json(&good).send().await;
        answer.assert_problem(400, "idempotency-key-missing");
        let line = json!({"sku": "TEA-01", "quantity": 1});
        for bad in [
            json!({}),
            json!({"lines": [], "restock": true}),
            json!({"lines": [line]}),
            json!({"lines": vec![line.clone(); 51], "restock": true}),
            json!({"lines": [{"sku": "TEA-01", "quantity": 0}], "restock": true}),
            json!({"lines": [{"sku": "TEA-01", "quantity": 1.5}], "restock": true}),
            json!({"lines": [{"sku": "TEA-01", "quantity": 1, "unit_price": 1}], "restock": true}),
            json!({"lines": [{"sku": "TEA 01", "quantity": 1}], "restock": true}),
            json!({"lines": vec![json!({"sku": "TEA-01", "quantity": 600_000}); 2], "restock": true}),
            json!({"lines": [line], "restock": "true"}),
            json!({"lines": [line], "restock": true, "why": "broken"}),
        ] {
            let answer = send(shop, &id, "r", &bad).await;
            answer.assert_problem(400, "invalid-request");
        }
        assert_eq!(send(shop, &id, "r", &good).await.status, 201);
    })
    .await;
}

#[tokio::test]
async fn a_return_and_its_refusal_are_in_no_list_and_never_expire() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.fulfilled("key-1", "TEA-01", 2).await;
        shop.give_back(&id, "r-1", &[("TEA-01", 1)], true)
            .await
            .assert(201);
        shop.give_back(&id, "r-2", &[("TEA-01", 2)], true)
            .await
            .assert(409);
        let items = shop.items().await;
        let returns: Vec<_> = items
            .iter()
            .filter(|item| text(item, "sk").starts_with("RET#"))
            .collect();
        assert_eq!(returns.len(), 2);
        for item in &returns {
            let indexed = ["owner", "created_at", "day_shard", "expiry_shard"];
            assert!(indexed.iter().all(|name| !item.contains_key(*name)));
            assert!(!item.contains_key("expires_at"));
        }
        assert!(
            returns
                .iter()
                .any(|item| text(item, "by") == "local#shipping")
        );
        let list = shop.get("/orders").by("demo", CUSTOMER).send().await;
        assert_eq!(list.json()["orders"].as_array().unwrap().len(), 1);
    })
    .await;
}
