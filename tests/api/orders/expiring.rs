//! Holds run out, and the sweeper releases them.

use serde_json::json;

use super::shop;

/// The length of a hold, the allowance for clocks that differ, and one second more.
const OVERDUE_SECONDS: i64 = 900 + 30 + 1;

#[tokio::test]
async fn the_sweeper_releases_an_overdue_hold_and_no_other() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let overdue = shop.place("overdue", "TEA-01", 2).await.order_id();
        let confirmed = shop.place("confirmed", "TEA-01", 3).await.order_id();
        shop.confirm(&confirmed, "pay-1").await.assert(200);
        shop.pass_seconds(OVERDUE_SECONDS);
        let fresh = shop.place("fresh", "TEA-01", 1).await.order_id();
        let swept = shop.sweep().await;
        assert_eq!((&swept["expired"], &swept["left"]), (&json!(1), &json!(0)));
        let status = async |id: &str| shop.read("demo", id).await.json()["status"].clone();
        assert_eq!(status(&overdue).await, "expired");
        assert_eq!(status(&confirmed).await, "confirmed");
        assert_eq!(status(&fresh).await, "pending");
        assert_eq!(shop.available("TEA-01").await, 10 - 3 - 1);
        assert_eq!(shop.sweep().await["expired"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_late_confirmation_succeeds_until_the_hold_is_released() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let late = shop.place("late", "TEA-01", 2).await.order_id();
        let later = shop.place("later", "TEA-01", 2).await.order_id();
        shop.pass_seconds(OVERDUE_SECONDS);
        shop.confirm(&late, "pay-1").await.assert(200);
        shop.sweep().await;
        shop.confirm(&later, "pay-2")
            .await
            .assert_problem(410, "expired-unpaid");
        shop.cancel("demo", &later)
            .await
            .assert_problem(410, "order-expired");
        assert_eq!(shop.read("demo", &late).await.json()["status"], "confirmed");
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_an_expired_order_returns_it_as_placed_with_its_status_in_a_header() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let placed = shop.place("key-1", "TEA-01", 2).await;
        shop.pass_seconds(OVERDUE_SECONDS);
        shop.sweep().await;
        let replayed = shop.place("key-1", "TEA-01", 2).await;
        assert_eq!(replayed.assert(201).body, placed.body);
        assert_eq!(replayed.header("order-status"), Some("expired"));
    })
    .await;
}

#[tokio::test]
async fn the_sweeper_releases_hundreds_of_holds_and_reports_the_oldest() {
    shop(async |shop| {
        shop.stock("TEA-01", 1_000).await;
        for n in 0..230 {
            shop.place(&format!("key-{n}"), "TEA-01", 1)
                .await
                .assert(201);
        }
        shop.pass_seconds(2 * OVERDUE_SECONDS);
        let swept = shop.sweep().await;
        assert_eq!(swept["expired"], 230);
        assert!(OVERDUE_SECONDS <= swept["oldest_overdue_seconds"].as_i64().unwrap());
        assert_eq!(shop.available("TEA-01").await, 1_000);
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_order_does_not_stop_others_from_expiring() {
    shop(async |shop| {
        use aws_sdk_dynamodb::types::AttributeValue;
        shop.stock("TEA-01", 40).await;
        let unreadable = shop.place("unreadable", "TEA-01", 1).await.order_id();
        for n in 0..30 {
            shop.place(&format!("key-{n}"), "TEA-01", 1)
                .await
                .assert(201);
        }
        let status = async |value: &str| {
            let update = shop
                .running
                .dynamodb()
                .update_item()
                .table_name(crate::support::harness::orders_table(&shop.running))
                .key("pk", AttributeValue::S(format!("ORD#{unreadable}")))
                .key("sk", AttributeValue::S("ORDER".to_owned()))
                .update_expression("SET #status = :value")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":value", AttributeValue::S(value.to_owned()));
            update.send().await.unwrap();
        };
        status("of a newer release").await;
        shop.pass_seconds(OVERDUE_SECONDS);
        let swept = shop.sweep().await;
        assert_eq!((&swept["expired"], &swept["left"]), (&json!(30), &json!(1)));
        status("pending").await;
        assert_eq!(shop.sweep().await["expired"], 1);
    })
    .await;
}
