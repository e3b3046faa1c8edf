//! A refusal says why, and a repeat gets the same refusal.

use serde_json::json;

use super::shop;
use crate::support::harness::{line, order_of};

#[tokio::test]
async fn a_repeat_after_a_restock_gets_the_same_refusal() {
    shop(async |shop| {
        shop.stock("TEA-01", 1).await;
        let refused = shop.place("key-1", "TEA-01", 2).await;
        refused.assert_problem(409, "out-of-stock");
        assert_eq!(
            refused.json()["lines"],
            json!([{"sku": "TEA-01", "reason": "out-of-stock", "requested": 2, "available": 1}])
        );
        assert_eq!(
            refused.json()["detail"],
            "TEA-01 has 1 left, 2 were asked for."
        );
        shop.adjust("TEA-01", "restock", 10).await.assert(201);
        let replayed = shop.place("key-1", "TEA-01", 2).await;
        assert_eq!(replayed.assert(409).body, refused.body);
        assert!(replayed.is_replay());
        assert!(!refused.is_replay());
        assert_ne!(
            replayed.header("x-request-id"),
            refused.header("x-request-id")
        );
        shop.place("key-2", "TEA-01", 2).await.assert(201);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_lists_every_failing_line_and_moves_no_stock() {
    shop(async |shop| {
        shop.stock("A", 1).await;
        shop.stock("B", 1).await;
        let one_short = order_of(&[line("A", 1), line("B", 2)]);
        let refused = shop.place_as("demo", "one", &one_short).await;
        refused.assert_problem(409, "out-of-stock");
        assert_eq!(refused.json()["lines"].as_array().unwrap().len(), 1);
        assert_eq!(refused.json()["lines"][0]["sku"], "B");
        let both_short = order_of(&[line("A", 2), line("B", 2)]);
        let refused = shop.place_as("demo", "both", &both_short).await;
        assert_eq!(
            refused.assert(409).json()["lines"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
        let mixed = order_of(&[line("A", 2), line("NONE", 1)]);
        let refused = shop.place_as("demo", "mixed", &mixed).await;
        refused.assert_problem(422, "unknown-product");
        let lines = refused.json()["lines"].clone();
        assert_eq!(lines[0]["reason"], "out-of-stock");
        assert_eq!(lines[1]["reason"], "unknown-product");
        assert_eq!(
            (shop.available("A").await, shop.available("B").await),
            (1, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn an_unknown_product_is_422_and_a_sold_out_product_is_409() {
    shop(async |shop| {
        shop.place("a", "NONE", 1)
            .await
            .assert_problem(422, "unknown-product");
        shop.stock("TEA-01", 0).await;
        shop.place("b", "TEA-01", 1)
            .await
            .assert_problem(409, "out-of-stock");
    })
    .await;
}

#[tokio::test]
async fn a_changed_price_currency_or_availability_is_refused_with_the_current_value() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        shop.describe("TEA-01", &json!({"unit_price": 600}))
            .await
            .assert(200);
        let refused = shop.place("price", "TEA-01", 1).await;
        refused.assert_problem(409, "price-changed");
        assert_eq!(refused.json()["lines"][0]["unit_price"], 600);
        shop.describe("TEA-01", &json!({"unit_price": 5, "currency": "USD"}))
            .await
            .assert(200);
        let refused = shop.place("currency", "TEA-01", 1).await;
        refused.assert_problem(409, "currency-changed");
        assert_eq!(refused.json()["lines"][0]["currency"], "USD");
        shop.describe("TEA-01", &json!({"sellable": false}))
            .await
            .assert(200);
        let refused = shop.place("sale", "TEA-01", 1).await;
        refused.assert_problem(409, "not-for-sale");
        shop.describe("TEA-01", &json!({})).await.assert(200);
        shop.place("price", "TEA-01", 1)
            .await
            .assert_problem(409, "price-changed");
        shop.place("new", "TEA-01", 1).await.assert(201);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_stands_until_its_record_is_deleted() {
    shop(async |shop| {
        shop.stock("TEA-01", 1).await;
        let refused = shop.place("key-1", "TEA-01", 2).await;
        shop.adjust("TEA-01", "restock", 10).await.assert(201);
        // Its time to live is over, but it is not deleted yet: it still stands.
        shop.pass_seconds(15 * 24 * 60 * 60);
        let replayed = shop.place("key-1", "TEA-01", 2).await;
        assert_eq!(replayed.assert(409).body, refused.body);
        // DynamoDB deletes it sooner or later. Then the next request is decided anew.
        let items = shop.items().await;
        let refusal = items
            .iter()
            .find(|item| item.contains_key("answer"))
            .unwrap();
        let client = shop.running.dynamodb();
        let delete = client
            .delete_item()
            .table_name(crate::support::harness::orders_table(&shop.running))
            .key("pk", refusal["pk"].clone())
            .key("sk", refusal["sk"].clone());
        delete.send().await.unwrap();
        let placed = shop.place("key-1", "TEA-01", 2).await;
        assert!(!placed.assert(201).is_replay());
    })
    .await;
}

#[tokio::test]
async fn a_refusal_expires_after_14_days_and_an_order_never_does() {
    shop(async |shop| {
        shop.stock("TEA-01", 1).await;
        shop.place("refused", "TEA-01", 2).await.assert(409);
        shop.place("placed", "TEA-01", 1).await.assert(201);
        shop.adjust("TEA-01", "refused", -5).await.assert(409);
        for item in shop.items().await {
            let is_refused_order = item.contains_key("answer")
                && crate::support::harness::text(&item, "pk").starts_with("ORD#");
            assert_eq!(
                item.contains_key("expires_at"),
                is_refused_order,
                "{item:?}"
            );
            if is_refused_order {
                let seconds = crate::support::harness::integer(&item, "expires_at");
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the time-to-live is compared with it"
                )]
                let now = jiff::Timestamp::now().as_second();
                let days = 14 * 24 * 60 * 60;
                assert!(
                    (now + days - 60..=now + days + 60).contains(&seconds),
                    "{seconds}"
                );
                assert!(!item.contains_key("owner"), "no index names a refusal");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_cannot_be_read_or_cancelled_as_an_order() {
    shop(async |shop| {
        shop.place("key-1", "NONE", 1).await.assert(422);
        let items = shop.items().await;
        let refusal = items
            .iter()
            .find(|item| item.contains_key("answer"))
            .unwrap();
        let id = crate::support::harness::text(refusal, "pk")
            .trim_start_matches("ORD#")
            .to_owned();
        shop.read("demo", &id)
            .await
            .assert_problem(404, "not-found");
        shop.cancel("demo", &id)
            .await
            .assert_problem(404, "not-found");
        shop.confirm(&id, "pay-1")
            .await
            .assert_problem(404, "not-found");
    })
    .await;
}
