//! Floods: many incidents at once are a bounded number of messages, and none of them is lost.

use std::collections::BTreeSet;
use std::time::Duration;

use discord::message::Message;
use serde_json::{Value, json};

use super::episode::shown;
use super::stage::{Setting, Stage, alarm_message, record};

/// The alerts of a route posted by themselves in one minute, as the forwarder promises.
const ALONE_MAX: usize = 10;
const CRITICAL_ALONE_MAX: usize = 18;

/// A stage on which one role is mentioned.
pub(super) async fn stage() -> Stage {
    Stage::set(Setting {
        routes: Some(r#"[{"name": "all", "roles": ["111111111111111111"]}]"#),
        level: Some(tracing::Level::INFO),
        ..Setting::default()
    })
    .await
}

pub(super) fn alert(number: usize, state: &str, critical: bool) -> Value {
    let name = if critical {
        format!("critical-{number:03}")
    } else {
        format!("alarm-{number:03}")
    };
    let mut message = alarm_message(&name);
    message["NewStateValue"] = state.into();
    message["OldStateValue"] = if state == "OK" { "ALARM" } else { "OK" }.into();
    if state == "OK" {
        message["StateChangeTime"] = "2026-07-19T10:05:00.000+0000".into();
    }
    if critical {
        message["AlarmDescription"] = "severity: critical".into();
    }
    record(&format!("{name}-{state}"), &message)
}

/// Delivers alerts in batches until all are accepted, and then what the function has sent to itself.
pub(super) async fn deliver(stage: &Stage, alerts: Vec<Value>) {
    let (mut waiting, mut batches) = (alerts, 0);
    while !waiting.is_empty() {
        batches += 1;
        assert!(batches < 500, "an alert comes back again and again");
        let batch: Vec<Value> = waiting.drain(..waiting.len().min(5)).collect();
        let back: BTreeSet<String> = stage.handed_back(&batch).await.into_iter().collect();
        let is_back = |record: &Value| back.contains(record["messageId"].as_str().unwrap());
        if !back.is_empty() {
            stage.clock.advance(Duration::from_secs(1));
        }
        waiting.extend(batch.into_iter().filter(is_back));
    }
    let mut number = 0;
    loop {
        let wakes = std::mem::take(&mut *stage.aws.wakes.lock().unwrap());
        let flushes: Vec<_> = wakes
            .into_iter()
            .filter(|(_, body)| body.contains("flood#"))
            .collect();
        if flushes.is_empty() {
            return;
        }
        stage.clock.advance(Duration::from_secs(20));
        for (_, body) in flushes {
            number += 1;
            assert!(number < 500, "a digest is never shown");
            let at = stage.world.now().as_millisecond();
            let mut wake = record(&format!("wake-{at}-{number}"), &json!({}));
            wake["body"] = body.into();
            wake["eventSourceARN"] = "arn:aws:sqs:eu-west-1:1:alerts".into();
            stage.handed_back(&[wake]).await;
        }
    }
}

pub(super) fn digests(stage: &Stage) -> Vec<Message> {
    let messages = stage.discord.messages().into_iter();
    messages
        .filter(|message| message.content.contains("in one minute"))
        .collect()
}

/// Everything that a message says, its attachments included.
pub(super) fn text(message: &Message) -> String {
    let mut text = message.line();
    for file in &message.files {
        text.push_str(&String::from_utf8_lossy(&file.bytes));
    }
    text
}

#[tokio::test]
async fn more_than_ten_new_incidents_in_a_minute_are_in_a_digest_and_none_is_lost() {
    let stage = stage().await;
    deliver(
        &stage,
        (0..100)
            .map(|number| alert(number, "ALARM", false))
            .collect(),
    )
    .await;
    let messages = stage.discord.messages();
    // The clock moves while the bucket is empty, so the alarms may fall into two minutes.
    assert!(messages.len() <= 2 * (ALONE_MAX + 1), "{}", messages.len());
    let all: Vec<String> = messages.iter().map(text).collect();
    for number in 0..100 {
        let name = format!("alarm-{number:03}");
        assert!(
            all.iter().any(|text| text.contains(&name)),
            "{name} is lost"
        );
    }
}

#[tokio::test]
async fn an_incident_in_a_digest_resolves_by_its_line() {
    let stage = stage().await;
    deliver(
        &stage,
        (0..14)
            .map(|number| alert(number, "ALARM", false))
            .collect(),
    )
    .await;
    let digest = digests(&stage).remove(0);
    assert!(
        text(&digest).contains("🔴 ALARM · alarm-013"),
        "{}",
        text(&digest)
    );
    let posts = stage.discord.messages().len();
    stage.clock.advance(Duration::from_mins(5));
    deliver(&stage, vec![alert(13, "OK", false)]).await;
    let digest = digests(&stage).remove(0);
    assert!(
        text(&digest).contains("🟢 OK · alarm-013 · after 5 min"),
        "{}",
        text(&digest)
    );
    assert!(text(&digest).contains("🔴 ALARM · alarm-012"));
    assert_eq!(stage.discord.messages().len(), posts, "no further message");
    // When all are over, the digest is green.
    deliver(
        &stage,
        (0..13).map(|number| alert(number, "OK", false)).collect(),
    )
    .await;
    let digest = digests(&stage).remove(0);
    assert!(shown(&digest).starts_with("🟢"), "{}", text(&digest));
}

#[tokio::test]
async fn critical_incidents_are_alone_up_to_the_bound_and_then_in_a_digest_that_mentions_once() {
    let stage = stage().await;
    let ordinary = (0..20).map(|number| alert(number, "ALARM", false));
    let critical = (0..30).map(|number| alert(number, "ALARM", true));
    deliver(&stage, ordinary.chain(critical).collect()).await;
    let messages = stage.discord.messages();
    let alone = messages
        .iter()
        .filter(|message| message.content.contains("ALARM · critical-"));
    assert!(CRITICAL_ALONE_MAX <= alone.clone().count());
    assert!(alone.into_iter().all(|message| message.pings.len() == 1));
    let digests = digests(&stage);
    let critical: Vec<&Message> = digests
        .iter()
        .filter(|message| message.content.contains("critical alarms"))
        .collect();
    assert!(!critical.is_empty());
    assert!(critical.iter().all(|message| message.pings.len() == 1));
    let mut ordinary = digests
        .iter()
        .filter(|message| !message.content.contains("critical alarms"));
    assert!(ordinary.all(|message| message.pings.is_empty()));
    let all: Vec<String> = messages.iter().map(text).collect();
    for number in 0..30 {
        let name = format!("critical-{number:03}");
        assert!(
            all.iter().any(|text| text.contains(&name)),
            "{name} is lost"
        );
    }
}
