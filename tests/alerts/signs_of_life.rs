//! What the forwarder writes so that its own trouble is noticed by e-mail: how long alerts have been
//! waiting, and that the daily test arrived.

use std::time::Duration;

use discord::fault::Fault;
use serde_json::{Value, json};

use super::stage::{Stage, alarm, alarm_message, record};

const TEST_ALARM: &str = "surefire-delivery-test";

/// The age that each hand-back wrote, in whole seconds.
fn ages(stage: &Stage) -> Vec<i64> {
    let lines = stage.metric_lines("OldestUndeliveredSeconds");
    for line in &lines {
        let sets = &line["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
        assert_eq!(*sets, json!([["service"]]), "an alarm watches the service");
        assert_eq!(line["service"], "alert-forwarder");
    }
    let age = |line: &Value| line["OldestUndeliveredSeconds"].as_f64().unwrap();
    lines
        .iter()
        .map(|line| format!("{:.0}", age(line)).parse().unwrap())
        .collect()
}

#[tokio::test]
async fn every_hand_back_writes_how_long_the_alert_has_been_waiting() {
    let stage = Stage::usual().await;
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(ages(&stage), [0; 0], "a delivered alert does not wait");

    // The edge's long limit makes no retry, so the clock stands still.
    let limited = || Fault::LimitedByEdge {
        retry_after: Some(7_200),
    };
    stage.discord.fail([limited()]);
    assert_eq!(
        stage.handed_back(&[alarm("b"), alarm("c")]).await,
        ["b", "c"]
    );
    // They were sent four seconds before the clock's start.
    assert_eq!(ages(&stage), [4, 4]);

    stage.clock.advance(Duration::from_hours(1));
    stage.discord.fail([limited()]);
    assert_eq!(stage.handed_back(&[alarm("b")]).await, ["b"]);
    assert_eq!(ages(&stage), [4, 4, 3_604]);
}

#[tokio::test]
async fn a_hand_back_without_a_time_of_sending_writes_no_age() {
    let stage = Stage::usual().await;
    stage.discord.script(|_| Some(Fault::Status(502)));
    let mut record = alarm("a");
    record["attributes"] = json!({"ApproximateReceiveCount": "1"});
    assert_eq!(stage.handed_back(&[record]).await, ["a"]);
    assert_eq!(ages(&stage), [0; 0]);
}

#[tokio::test]
async fn the_daily_test_is_counted_once_it_is_in_discord_and_makes_no_sound() {
    let stage = Stage::usual().await;
    let mut message = alarm_message(TEST_ALARM);
    message["AlarmDescription"] = json!("Only a test. severity: info");
    let count = || stage.metric("DeliveryTestDelivered");

    stage.discord.script(|_| Some(Fault::Status(502)));
    assert_eq!(stage.handed_back(&[record("a", &message)]).await, ["a"]);
    assert_eq!(count(), 0, "it is not there yet");

    stage.discord.script(|_| None);
    stage.clock.advance(Duration::from_mins(2));
    assert!(stage.handed_back(&[record("a", &message)]).await.is_empty());
    assert_eq!(count(), 1);
    let shown = stage.discord.messages();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0].flags, 4_096, "{:?}", shown[0]);
    let lines = stage.metric_lines("DeliveryTestDelivered");
    let sets = &lines[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"];
    assert_eq!(*sets, json!([["service"]]));
}

#[tokio::test]
async fn other_alarms_and_the_end_of_the_test_are_not_counted_as_the_test() {
    let stage = Stage::usual().await;
    let mut over = alarm_message(TEST_ALARM);
    over["NewStateValue"] = json!("OK");
    let records = [alarm("surefire-delivery-test-2"), record("over", &over)];
    assert!(stage.handed_back(&records).await.is_empty());
    assert_eq!(stage.metric("AlertDelivered"), 2);
    assert_eq!(stage.metric("DeliveryTestDelivered"), 0);
}
