//! Confirming and cancelling an order.

use futures::future::join_all;
use serde_json::json;

use super::shop;
use crate::support::harness::{Answer, CUSTOMER, STAFF, Shop};

async fn cancel_if_match(shop: &Shop, id: &str, etag: &str) -> Answer {
    let request = shop
        .post(&format!("/orders/{id}/cancel"))
        .by("demo", CUSTOMER);
    request.header("if-match", etag).send().await
}

#[tokio::test]
async fn a_confirmed_order_keeps_its_stock_and_names_its_payment() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 2).await.order_id();
        let confirmed = shop.confirm(&id, "pay-1").await;
        confirmed.assert(200);
        assert_eq!(confirmed.header("etag"), Some("\"2\""));
        let order = confirmed.json();
        assert_eq!(order["status"], "confirmed");
        assert_eq!(order["payment_reference"], "pay-1");
        assert!(order["confirmed_at"].is_string());
        assert_eq!(shop.read("demo", &id).await.json(), order);
        assert_eq!(shop.available("TEA-01").await, 8);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_confirmation_gets_the_same_answer_and_another_payment_is_refused() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 2).await.order_id();
        let confirmed = shop.confirm(&id, "pay-1").await;
        let repeated = shop.confirm(&id, "pay-1").await;
        assert_eq!(repeated.assert(200).body, confirmed.body);
        assert!(repeated.is_replay() && !confirmed.is_replay());
        shop.confirm(&id, "pay-2")
            .await
            .assert_problem(409, "already-confirmed");
    })
    .await;
}

#[tokio::test]
async fn a_payment_confirms_only_one_order() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let one = shop.place("key-1", "TEA-01", 1).await.order_id();
        let other = shop.place("key-2", "TEA-01", 1).await.order_id();
        shop.confirm(&one, "pay-1").await.assert(200);
        shop.confirm(&other, "pay-1")
            .await
            .assert_problem(409, "payment-reference-used");
        assert_eq!(shop.read("demo", &other).await.json()["status"], "pending");
        shop.confirm(&other, "pay-2").await.assert(200);
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_order_gives_its_stock_back_even_after_payment() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        for key in ["pending", "confirmed"] {
            let id = shop.place(key, "TEA-01", 2).await.order_id();
            if key == "confirmed" {
                shop.confirm(&id, "pay-1").await.assert(200);
            }
            let cancelled = shop.cancel("demo", &id).await;
            assert_eq!(cancelled.assert(200).json()["status"], "cancelled");
            assert_eq!(shop.available("TEA-01").await, 10);
            let repeated = shop.cancel("demo", &id).await;
            assert_eq!(repeated.assert(200).body, cancelled.body);
            assert!(repeated.is_replay());
        }
    })
    .await;
}

#[tokio::test]
async fn a_payment_service_that_lost_the_answer_learns_whether_a_cancelled_order_was_paid() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let paid = shop.confirmed("paid", "TEA-01", 1).await;
        let cancelled = shop.cancel("demo", &paid).await;
        let again = shop.confirm(&paid, "pay-paid").await;
        assert_eq!(again.assert(200).body, cancelled.body, "the order as it is");
        assert!(again.is_replay());
        assert_eq!(again.header("order-status"), Some("cancelled"));
        let other = shop.confirm(&paid, "pay-2").await;
        other.assert_problem(409, "already-confirmed");

        let unpaid = shop.place("unpaid", "TEA-01", 1).await.order_id();
        shop.cancel("demo", &unpaid).await.assert(200);
        let refused = shop.confirm(&unpaid, "pay-3").await;
        refused.assert_problem(409, "cancelled-unpaid");

        let expired = shop.place("expired", "TEA-01", 1).await.order_id();
        shop.pass_seconds(931);
        shop.sweep().await;
        let refused = shop.confirm(&expired, "pay-4").await;
        refused.assert_problem(410, "expired-unpaid");
    })
    .await;
}

#[tokio::test]
async fn a_payment_of_another_amount_does_not_confirm() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 2).await.order_id();
        let confirm = async |amount: i64, currency: &str| {
            let request = shop.post(&format!("/orders/{id}/confirm"));
            let body = json!({
                "payment_reference": "pay-1", "amount": amount, "currency": currency,
            });
            request.by("payments", STAFF).json(&body).send().await
        };
        let differs = confirm(999, "KRW").await;
        differs.assert_problem(409, "amount-differs");
        assert_eq!(differs.json()["total"], 1_000);
        assert_eq!(differs.json()["currency"], "KRW");
        confirm(1_000, "USD")
            .await
            .assert_problem(409, "amount-differs");
        confirm(1_000, "KRW").await.assert(200);
        assert!(confirm(1, "USD").await.assert(200).is_replay());
    })
    .await;
}

#[tokio::test]
async fn fifty_parallel_cancels_give_the_stock_back_once() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 2).await.order_id();
        let answers = join_all((0..50).map(|_| shop.cancel("demo", &id))).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        let first = answers.iter().filter(|answer| !answer.is_replay()).count();
        assert_eq!(first, 1);
        assert_eq!(shop.available("TEA-01").await, 10);
    })
    .await;
}

#[tokio::test]
async fn a_stale_if_match_changes_nothing_and_if_match_is_optional() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 2).await.order_id();
        shop.confirm(&id, "pay-1").await.assert(200);
        cancel_if_match(shop, &id, "\"1\"")
            .await
            .assert_problem(412, "has-changed");
        assert_eq!(shop.read("demo", &id).await.json()["status"], "confirmed");
        shop.cancel("demo", &id).await.assert(200);
    })
    .await;
}

#[tokio::test]
async fn a_cancel_can_be_repeated_with_the_same_if_match() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 2).await.order_id();
        let cancelled = cancel_if_match(shop, &id, "\"1\"").await;
        let repeated = cancel_if_match(shop, &id, "\"1\"").await;
        assert_eq!(repeated.assert(200).body, cancelled.assert(200).body);
    })
    .await;
}

#[tokio::test]
async fn only_the_payment_service_confirms_orders() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key-1", "TEA-01", 2).await.order_id();
        let path = format!("/orders/{id}/confirm");
        let body = json!({"payment_reference": "pay-1"});
        let request = shop.post(&path).by("demo", CUSTOMER);
        request.json(&body).send().await.assert(403);
        let request = shop.post(&path).by("payments", STAFF);
        request.json(&body).send().await.assert(200);
    })
    .await;
}
