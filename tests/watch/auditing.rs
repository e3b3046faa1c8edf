//! What people hear from the auditor's alarms, whose windows are days.

use aws_sdk_dynamodb::types::AttributeValue;

use super::stage::{SKU, Stage};
use crate::api::auditing::{key, stock_key};
use crate::support::harness::orders_table;

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;

/// What people got about the books and their auditor.
fn heard(stage: &Stage) -> Vec<&str> {
    let said = stage.said().iter().map(|it| it.what.as_str());
    said.filter(|what| what.contains("audit") || what.contains("integrity"))
        .collect()
}

async fn pass(stage: &mut Stage, minutes: u32) {
    for _ in 0..minutes {
        stage.quiet_minute().await;
    }
}

/// Adds to what can be ordered, as somebody does who writes by hand.
async fn add_available(stage: &Stage, units: i64) {
    let running = &stage.shop.running;
    let update = running.dynamodb().update_item();
    let update = update.table_name(orders_table(running));
    let update = update.set_key(Some(stock_key(SKU)));
    let update = update.update_expression("ADD available :units");
    let units = AttributeValue::N(units.to_string());
    let update = update.expression_attribute_values(":units", units);
    update.send().await.unwrap();
}

/// Writes an item that no release can read.
async fn put_strange_item(stage: &Stage) {
    let running = &stage.shop.running;
    let put = running
        .dynamodb()
        .put_item()
        .table_name(orders_table(running));
    let put = put.set_item(Some(key("STRANGE#1", "ITEM")));
    put.send().await.unwrap();
}

async fn delete_strange_item(stage: &Stage) {
    let running = &stage.shop.running;
    let delete = running.dynamodb().delete_item();
    let delete = delete.table_name(orders_table(running));
    let delete = delete.set_key(Some(key("STRANGE#1", "ITEM")));
    delete.send().await.unwrap();
}

#[tokio::test]
async fn wrong_books_are_an_alarm_until_an_audit_of_everything_finds_nothing() {
    let mut stage = Stage::healthy().await;
    // The first audit of a new stack is no news.
    stage.audit().await;
    pass(&mut stage, 2 * HOUR).await;
    assert_eq!(heard(&stage), [""; 0], "the books are right");

    add_available(&stage, 1).await;
    stage.audit().await;
    pass(&mut stage, 2).await;
    assert_eq!(heard(&stage), ["ALARM integrity"]);

    // The books are right again, but this audit cannot see everything.
    add_available(&stage, -1).await;
    put_strange_item(&stage).await;
    stage.audit().await;
    pass(&mut stage, HOUR).await;
    assert_eq!(heard(&stage), ["ALARM integrity"], "nobody knows yet");

    delete_strange_item(&stage).await;
    stage.audit().await;
    pass(&mut stage, 2).await;
    assert_eq!(heard(&stage), ["ALARM integrity", "OK integrity"]);
    stage.stop().await;
}

#[tokio::test]
async fn slow_three_days_without_a_verdict_are_a_warning() {
    let mut stage = Stage::healthy().await;
    put_strange_item(&stage).await;
    for _ in 0..2 {
        stage.audit().await;
        pass(&mut stage, DAY).await;
        assert_eq!(heard(&stage), [""; 0]);
    }
    stage.audit().await;
    pass(&mut stage, DAY).await;
    assert_eq!(heard(&stage), ["ALARM audit-inconclusive"]);

    delete_strange_item(&stage).await;
    stage.audit().await;
    // An alarm that looks at more than a day is evaluated once an hour.
    pass(&mut stage, 2 * HOUR).await;
    let both = ["ALARM audit-inconclusive", "OK audit-inconclusive"];
    assert_eq!(heard(&stage), both);
    stage.stop().await;
}

#[tokio::test]
async fn slow_an_auditor_that_stops_is_noticed_within_three_days() {
    let mut stage = Stage::healthy().await;
    for _ in 0..2 {
        stage.audit().await;
        pass(&mut stage, DAY).await;
    }
    pass(&mut stage, HOUR * 20).await;
    assert_eq!(heard(&stage), [""; 0], "one audit may be missed");
    pass(&mut stage, DAY).await;
    let missed = "INSUFFICIENT_DATA auditor-missed";
    assert_eq!(heard(&stage), [missed]);

    stage.audit().await;
    pass(&mut stage, 2 * HOUR).await;
    assert_eq!(heard(&stage), [missed, "OK auditor-missed"]);
    stage.stop().await;
}
