//! The table of claims: which messages are sent again, and which records are handed back.

use std::time::Duration;

use alert_forwarder::handle;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::http::StatusCode;
use discord::fault::Fault;
use discord::message::Message;
use serde_json::json;

use super::delivery::is_labelled;
use super::stage::{Setting, Stage, alarm, handed_back, serve};

/// Puts a claim into the table, with times relative to now.
async fn put_claim(stage: &Stage, state: &str, leased_seconds: i64, expires_seconds: i64) {
    let now = stage.world.now().as_second();
    let number = |seconds: i64| AttributeValue::N((now + seconds).to_string());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    stage
        .table
        .put_item()
        .table_name("alerts")
        .item("pk", text("seen#sns-a#default"))
        .item("state", text(state))
        .item("owner", text("somebody"))
        .item("leased_until", number(leased_seconds))
        .item("expires_at", number(expires_seconds))
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_message_that_comes_twice_is_sent_once() {
    let stage = Stage::usual().await;
    for _ in 0..3 {
        assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    }
    assert_eq!(stage.posts().len(), 1);
    assert_eq!(stage.metric("AlertDuplicateSuppressed"), 2);
    assert_eq!(stage.metric("AlertDelivered"), 1);
}

#[tokio::test]
async fn a_message_that_two_instances_get_at_once_is_sent_once() {
    let stage = Stage::usual().await;
    let other = stage.another_instance();
    let event = || stage.event(json!({"Records": [alarm("a")]}), Duration::from_secs(20));
    let (one, two) = tokio::join!(handle(&stage.app, event()), handle(&other, event()));
    assert_eq!(stage.posts().len(), 1);
    // The second instance hands the record back, or finds it sent. It never acknowledges an unsent one.
    let back = [one.unwrap(), two.unwrap()]
        .iter()
        .map(handed_back)
        .collect::<Vec<_>>()
        .concat();
    assert!(back.len() <= 1, "{back:?}");
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.posts().len(), 1);
}

#[tokio::test]
async fn a_message_that_is_in_a_batch_twice_is_sent_once() {
    let stage = Stage::usual().await;
    assert!(
        stage
            .handed_back(&[alarm("a"), alarm("a")])
            .await
            .is_empty()
    );
    assert_eq!(stage.posts().len(), 1);
}

#[tokio::test]
async fn a_live_claim_hands_the_record_back_until_its_lease_ends() {
    let stage = Stage::usual().await;
    put_claim(&stage, "claimed", 45, 86_400).await;
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(stage.posts().is_empty());
    assert_eq!(stage.aws.hidden.lock().unwrap()["handle-a"], 45);

    stage.clock.advance(Duration::from_secs(45));
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert!(is_labelled(&stage.discord.messages()[0]));
}

#[tokio::test]
async fn a_message_whose_lease_has_expired_is_sent_again_with_a_label() {
    let stage = Stage::usual().await;
    put_claim(&stage, "claimed", -1, 86_400).await;
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert!(is_labelled(&stage.discord.messages()[0]));
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.posts().len(), 1);
}

#[tokio::test]
async fn an_expired_item_that_is_not_deleted_yet_does_not_count() {
    for (expires, sent) in [(-1, 1), (1, 0)] {
        let stage = Stage::usual().await;
        put_claim(&stage, "sent", -86_400, expires).await;
        assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
        assert_eq!(stage.posts().len(), sent, "expires in {expires} s");
        assert!(stage.discord.messages().iter().all(is_labelled));
    }
}

#[tokio::test]
async fn after_a_crash_between_call_and_note_the_message_is_sent_again_with_a_label() {
    let stage = Stage::usual().await;
    stage.discord.script(|_| Some(Fault::AcceptThenHang));
    let event = stage.event(json!({"Records": [alarm("a")]}), Duration::from_secs(20));
    {
        let mut invocation = Box::pin(handle(&stage.app, event));
        // The instance dies as soon as Discord has the message.
        while stage.discord.messages().is_empty() {
            tokio::select! {
                biased;
                _ = &mut invocation => panic!("the invocation must still be waiting"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    stage.discord.script(|_| None);
    let reborn = stage.another_instance();
    let again = || stage.event(json!({"Records": [alarm("a")]}), Duration::from_secs(20));
    let early = handle(&reborn, again()).await.unwrap();
    assert_eq!(
        handed_back(&early),
        ["a"],
        "the first instance may still be sending"
    );
    stage.clock.advance(Duration::from_mins(2));
    let late = handle(&reborn, again()).await.unwrap();
    assert_eq!(handed_back(&late), Vec::<String>::new());
    let labels: Vec<bool> = stage.discord.messages().iter().map(is_labelled).collect();
    assert_eq!(labels, [false, true]);
}

#[tokio::test]
async fn only_the_failed_record_of_a_batch_is_handed_back() {
    let stage = Stage::usual().await;
    stage.discord.script(|attempt| {
        attempt
            .text
            .contains("poison")
            .then_some(Fault::Status(500))
    });
    let batch = [alarm("a"), alarm("poison"), alarm("b")];
    assert_eq!(stage.handed_back(&batch).await, ["poison"]);
    assert_eq!(stage.discord.messages().len(), 2);
    // The others are not sent again.
    stage.discord.script(|_| None);
    stage.clock.advance(Duration::from_secs(30));
    assert!(stage.handed_back(&batch).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 3);
}

#[tokio::test]
async fn a_malformed_record_does_not_hold_up_the_batch() {
    let stage = Stage::usual().await;
    let odd = json!({"eventSource": "aws:sqs", "messageId": "odd", "body": null, "attributes": 7});
    assert!(stage.handed_back(&[odd, alarm("a")]).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 2);
}

#[tokio::test]
async fn the_most_severe_alert_is_sent_first() {
    let stage = Stage::usual().await;
    let mut critical = super::stage::alarm_message("z");
    critical["AlarmDescription"] = "severity: critical".into();
    stage
        .handed_back(&[alarm("a"), super::stage::record("z", &critical), alarm("b")])
        .await;
    let titles: Vec<String> = stage.discord.messages().iter().map(Message::line).collect();
    assert!(titles[0].contains("ALARM · z"), "{titles:?}");
    assert!(titles[1].contains("ALARM · a"), "{titles:?}");
}

#[tokio::test]
async fn an_alert_is_sent_while_the_table_is_throttled() {
    let throttled = Router::new().fallback(|| async {
        let error = json!({"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"});
        (StatusCode::BAD_REQUEST, axum::Json(error))
    });
    let stage = Stage::set(Setting {
        table_url: Some(serve(throttled).await),
        ..Setting::default()
    })
    .await;
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 1);
    assert!(!is_labelled(&stage.discord.messages()[0]));
    // Without the table, the queue's receive count says that this may be a repetition.
    let mut again = alarm("a");
    again["attributes"]["ApproximateReceiveCount"] = "2".into();
    assert!(stage.handed_back(&[again]).await.is_empty());
    assert!(is_labelled(&stage.discord.messages()[1]));
}

#[tokio::test]
async fn an_alert_is_sent_when_the_table_cannot_be_reached() {
    let stage = Stage::set(Setting {
        table_url: Some("http://127.0.0.1:1".to_owned()),
        no_queue: true,
        ..Setting::default()
    })
    .await;
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 1);
    // A record can be handed back without a queue URL too.
    stage.discord.script(|_| Some(Fault::Status(500)));
    assert_eq!(stage.handed_back(&[alarm("b")]).await, ["b"]);
    assert!(stage.aws.hidden.lock().unwrap().is_empty());
}
