//! An adjustment of stock is applied once, and never takes the stock below zero.

use futures::future::join_all;
use serde_json::json;

use super::shop;
use crate::support::harness::STAFF;

#[tokio::test]
async fn a_repeated_restock_is_applied_once() {
    shop(async |shop| {
        shop.stock("TEA-01", 0).await;
        let made = shop.adjust("TEA-01", "1", 10).await;
        made.assert(201);
        let repeated = shop.adjust("TEA-01", "1", 10).await;
        assert_eq!(repeated.assert(201).body, made.body);
        assert!(repeated.is_replay());
        assert_eq!(made.json()["delta"], 10);
        assert_eq!(made.json()["sku"], "TEA-01");
        assert_eq!(shop.available("TEA-01").await, 10);
        shop.adjust("TEA-01", "1", 11)
            .await
            .assert_problem(422, "idempotency-key-reused");
    })
    .await;
}

#[tokio::test]
async fn an_adjustment_below_zero_stays_refused_when_it_is_repeated_after_a_restock() {
    shop(async |shop| {
        shop.stock("TEA-01", 3).await;
        let refused = shop.adjust("TEA-01", "down", -4).await;
        refused.assert_problem(409, "stock-would-be-negative");
        assert_eq!(refused.json()["available"], 3);
        shop.adjust("TEA-01", "up", 10).await.assert(201);
        let repeated = shop.adjust("TEA-01", "down", -4).await;
        assert_eq!(repeated.assert(409).body, refused.body);
        assert!(repeated.is_replay());
        shop.adjust("TEA-01", "down-again", -4).await.assert(201);
        assert_eq!(shop.available("TEA-01").await, 9);
    })
    .await;
}

#[tokio::test]
async fn two_people_who_use_the_same_key_both_adjust() {
    shop(async |shop| {
        shop.stock("TEA-01", 0).await;
        for person in ["one", "other"] {
            let request = shop
                .post("/products/TEA-01/stock")
                .by(person, STAFF)
                .key("1");
            let body = json!({"delta": 5, "reason": "delivery"});
            let made = request.json(&body).send().await;
            assert!(!made.assert(201).is_replay());
        }
        assert_eq!(shop.available("TEA-01").await, 10);
    })
    .await;
}

#[tokio::test]
async fn the_same_key_on_two_products_makes_two_adjustments() {
    shop(async |shop| {
        shop.stock("A", 0).await;
        shop.stock("B", 0).await;
        let one = shop.adjust("A", "1", 5).await;
        let other = shop.adjust("B", "1", 5).await;
        assert_ne!(one.assert(201).json()["id"], other.assert(201).json()["id"]);
    })
    .await;
}

#[tokio::test]
async fn an_adjustment_of_an_unknown_product_stays_refused_when_the_product_appears() {
    shop(async |shop| {
        let refused = shop.adjust("TEA-01", "1", 5).await;
        refused.assert_problem(422, "unknown-product");
        shop.stock("TEA-01", 0).await;
        let repeated = shop.adjust("TEA-01", "1", 5).await;
        assert_eq!(repeated.assert(422).body, refused.body);
    })
    .await;
}

#[tokio::test]
async fn a_hundred_parallel_repeats_make_one_adjustment() {
    shop(async |shop| {
        shop.stock("TEA-01", 0).await;
        let answers = join_all((0..100).map(|_| shop.adjust("TEA-01", "1", 1))).await;
        assert!(answers.iter().all(|answer| answer.status == 201));
        assert_eq!(shop.available("TEA-01").await, 1);
    })
    .await;
}
