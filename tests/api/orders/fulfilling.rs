//! Fulfilling an order: its goods leave.

use futures::future::join_all;
use serde_json::json;

use super::shop;
use crate::support::harness::{CUSTOMER, STAFF};

#[tokio::test]
async fn a_fulfilled_order_ships_its_stock_and_cannot_be_cancelled_any_more() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.confirmed("key-1", "TEA-01", 2).await;
        let fulfilled = shop.fulfil(&id, "parcel 7").await;
        let order = fulfilled.assert(200).json();
        assert_eq!(fulfilled.header("etag"), Some("\"3\""));
        assert_eq!(order["status"], "fulfilled");
        assert_eq!(order["fulfilment_reference"], "parcel 7");
        assert!(order["fulfilled_at"].is_string());
        assert_eq!(shop.read("demo", &id).await.json(), order);
        assert_eq!(shop.available("TEA-01").await, 8);
        let refused = shop.cancel("demo", &id).await;
        refused.assert_problem(409, "order-fulfilled");
        // What left is no longer there to be taken away.
        shop.adjust("TEA-01", "count", -9)
            .await
            .assert_problem(409, "stock-would-be-negative");
        let placed = shop.place("key-1", "TEA-01", 2).await;
        assert_eq!(placed.header("order-status"), Some("fulfilled"));
        assert_eq!(placed.json()["status"], "pending", "the order as placed");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_fulfilment_gets_the_order_as_it_is_and_another_reference_is_refused() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.confirmed("key-1", "TEA-01", 2).await;
        let fulfilled = shop.fulfil(&id, "parcel 7").await;
        let again = shop.fulfil(&id, "parcel 7").await;
        assert_eq!(again.assert(200).body, fulfilled.body);
        assert!(again.is_replay() && !fulfilled.is_replay());
        assert_eq!(again.header("order-status"), Some("fulfilled"));
        shop.fulfil(&id, "parcel 8")
            .await
            .assert_problem(409, "already-fulfilled");
        // The payment service may also have lost its answer.
        let confirmed = shop.confirm(&id, "pay-key-1").await;
        assert_eq!(confirmed.assert(200).body, fulfilled.body);
        assert!(confirmed.is_replay());
        // One parcel may carry two orders.
        let other = shop.confirmed("key-2", "TEA-01", 1).await;
        shop.fulfil(&other, "parcel 7").await.assert(200);
    })
    .await;
}

#[tokio::test]
async fn only_a_confirmed_order_can_be_fulfilled() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let pending = shop.place("pending", "TEA-01", 1).await.order_id();
        let expired = shop.place("expired", "TEA-01", 1).await.order_id();
        shop.confirm(&pending, "pay-1").await.assert(200);
        shop.pass_seconds(931);
        shop.sweep().await;
        let refused = shop.fulfil(&expired, "parcel 7").await;
        refused.assert_problem(410, "order-expired");
        let unpaid = shop.place("unpaid", "TEA-01", 1).await.order_id();
        let refused = shop.fulfil(&unpaid, "parcel 7").await;
        refused.assert_problem(409, "order-not-confirmed");
        shop.cancel("demo", &unpaid).await.assert(200);
        let refused = shop.fulfil(&unpaid, "parcel 7").await;
        refused.assert_problem(409, "order-cancelled");
        let refused = shop.fulfil("ord_aaaaaaaaaaaaaaaaaaaaaaaaaa", "x").await;
        refused.assert_problem(404, "not-found");
        let path = format!("/orders/{pending}/fulfil");
        let stale = shop.post(&path).by("shipping", STAFF);
        let stale = stale.header("if-match", "\"1\"");
        let stale = stale.json(&json!({"reference": "parcel 7"})).send().await;
        stale.assert_problem(412, "has-changed");
        shop.fulfil(&pending, "parcel 7").await.assert(200);
    })
    .await;
}

#[tokio::test]
async fn only_the_shipping_service_fulfils_orders_and_names_the_fulfilment() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.confirmed("key-1", "TEA-01", 2).await;
        let path = format!("/orders/{id}/fulfil");
        let body = json!({"reference": "parcel 7"});
        let request = shop.post(&path).by("demo", CUSTOMER);
        request.json(&body).send().await.assert(403);
        for bad in [
            json!({}),
            json!({"reference": ""}),
            json!({"reference": "x".repeat(256)}),
            json!({"reference": null}),
            json!({"reference": "a\nb"}),
            json!({"reference": "x", "more": 1}),
        ] {
            let request = shop.post(&path).by("shipping", STAFF);
            let answer = request.json(&bad).send().await;
            answer.assert_problem(400, "invalid-request");
        }
        let longest = "é".repeat(255);
        shop.fulfil(&id, &longest).await.assert(200);
    })
    .await;
}

#[tokio::test]
async fn fifty_parallel_fulfilments_ship_the_stock_once() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.confirmed("key-1", "TEA-01", 2).await;
        let answers = join_all((0..50).map(|_| shop.fulfil(&id, "parcel 7"))).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        let first = answers.iter().filter(|answer| !answer.is_replay()).count();
        assert_eq!(first, 1);
    })
    .await;
}
