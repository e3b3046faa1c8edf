//! A message that Discord refuses, and a webhook that Discord rejects.

use std::time::Duration;

use discord::fault::Fault;

use super::stage::{Setting, Stage, alarm};
use super::watch::TOKEN;

#[tokio::test]
async fn a_refused_message_is_sent_with_less_and_less_and_then_goes_to_the_dead_letters() {
    let stage = Stage::usual().await;
    let refuse = |times| vec![Fault::Refuse; times];
    stage.discord.fail(refuse(1));
    assert!(stage.handed_back(&[alarm("z")]).await.is_empty());
    let message = stage.discord.messages().pop().unwrap();
    assert!(message.components.is_empty(), "{message:?}");
    let fields = message.embeds[0]["fields"].to_string();
    assert!(fields.contains("alarmsV2:alarm/z"), "{fields}");
    assert_eq!(stage.metric("AlertDegraded"), 0);

    stage.discord.fail(refuse(2));
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    let message = stage.discord.messages().pop().unwrap();
    assert_eq!(message.embeds[0]["fields"], serde_json::json!([]));
    let file = String::from_utf8(message.files[0].bytes.clone()).unwrap();
    assert!(
        file.contains("Threshold: > 1\n"),
        "the fields are attached: {file}"
    );

    stage.discord.fail(refuse(3));
    assert!(stage.handed_back(&[alarm("b")]).await.is_empty());
    let message = stage.discord.messages().pop().unwrap();
    assert!(message.embeds.is_empty() && message.files.is_empty());
    assert!(
        message
            .content
            .starts_with("🔴 ALARM · b · since 2026-07-19 10:00 UTC\nThreshold Crossed"),
        "{}",
        message.content
    );
    assert!(
        message.content.ends_with("alarmsV2:alarm/b>"),
        "{}",
        message.content
    );
    assert_eq!(stage.metric("AlertDegraded"), 2);

    stage.discord.script(|_| Some(Fault::Refuse));
    let calls = stage.posts().len();
    assert!(stage.handed_back(&[alarm("c")]).await.is_empty());
    assert_eq!(stage.posts().len() - calls, 4);
    let dead_letters = stage.aws.dead_letters.lock().unwrap().clone();
    assert_eq!(dead_letters, [alarm("c")["body"].as_str().unwrap()]);

    // After a repair the message is moved back to the queue, and then it is sent.
    stage.discord.script(|_| None);
    assert!(stage.handed_back(&[alarm("c")]).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 4);
}

#[tokio::test]
async fn without_a_dead_letter_queue_a_refused_message_is_handed_back() {
    let stage = Stage::set(Setting {
        no_dead_letter_queue: true,
        ..Setting::default()
    })
    .await;
    stage.discord.script(|_| Some(Fault::Refuse));
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert_eq!(stage.aws.hidden.lock().unwrap()["handle-a"], 30);
}

#[test]
fn the_buttons_are_left_out_first_and_then_the_image() {
    use alert_forwarder::Detail::{Full, NoButtons, NoFields, NoImage, Plain};
    assert_eq!(Full.less(true, true), Some(NoButtons));
    assert_eq!(NoButtons.less(false, true), Some(NoImage));
    assert_eq!(NoButtons.less(false, false), Some(NoFields));
    assert_eq!(Full.less(false, true), Some(NoImage));
    assert_eq!(NoImage.less(false, false), Some(NoFields));
    assert_eq!(Full.less(false, false), Some(NoFields));
    assert_eq!(NoFields.less(false, false), Some(Plain));
    assert_eq!(Plain.less(false, false), None);
}

#[tokio::test]
async fn a_deleted_webhook_opens_the_circuit_and_the_next_message_makes_no_call() {
    let stage = Stage::usual().await;
    stage.discord.remove_webhook("7");
    assert_eq!(
        stage.handed_back(&[alarm("a"), alarm("b")]).await,
        ["a", "b"]
    );
    assert_eq!(stage.handed_back(&[alarm("c")]).await, ["c"]);
    assert_eq!(stage.posts().len(), 1);
    assert_eq!(stage.metric("RouteCircuitOpen"), 1);
    assert!(stage.logged("circuit is open"));

    // After ten minutes one message tries the webhook again.
    stage.clock.advance(Duration::from_mins(10));
    stage.handed_back(&[alarm("a"), alarm("b")]).await;
    assert_eq!(stage.posts().len(), 2);

    stage.clock.advance(Duration::from_mins(10));
    stage.discord.add_webhook("7", TOKEN);
    assert!(
        stage
            .handed_back(&[alarm("a"), alarm("b")])
            .await
            .is_empty()
    );
    assert_eq!(stage.discord.messages().len(), 2);
}

#[tokio::test]
async fn a_wrong_token_or_a_missing_permission_opens_the_circuit() {
    let wrong = Stage::usual().await;
    wrong.discord.add_webhook("7", "another");
    let forbidden = Stage::usual().await;
    forbidden.discord.fail([Fault::Forbid]);
    for stage in [wrong, forbidden] {
        assert_eq!(
            stage.handed_back(&[alarm("a"), alarm("b")]).await,
            ["a", "b"]
        );
        assert_eq!(stage.posts().len(), 1);
        assert!(matches!(stage.posts()[0].status, Some(401 | 403)));
    }
}

#[tokio::test]
async fn a_new_webhook_in_the_secret_is_used_within_a_minute() {
    let stage = Stage::usual().await;
    stage.discord.add_webhook("8", TOKEN);
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    let better = stage.aws.secret.lock().unwrap().replace("/7/", "/8/");
    *stage.aws.secret.lock().unwrap() = better;
    stage.clock.advance(Duration::from_mins(1));
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.discord.messages()[0].webhook_id, "8");
}

#[tokio::test]
async fn a_fallback_route_takes_over_when_a_webhook_is_rejected() {
    let stage = Stage::set(Setting {
        routes: Some(
            r#"[{"name": "oncall", "webhook": "oncall", "match": {"severity": "error"}, "fallback": "default"},
                {"name": "default"}]"#,
        ),
        secret: Some(
            r#"{"oncall": "HOST/api/webhooks/1/TOKEN", "default": "HOST/api/webhooks/2/TOKEN"}"#,
        ),
        ..Setting::default()
    })
    .await;
    stage.discord.add_webhook("2", TOKEN);
    assert!(
        stage
            .handed_back(&[alarm("a"), alarm("b")])
            .await
            .is_empty()
    );
    let messages = stage.discord.messages();
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|message| message.webhook_id == "2"));
    assert_eq!(
        stage.posts().len(),
        3,
        "the rejected webhook is called once"
    );
    // The claim is the first route's, so a repetition is recognised after a fallback too.
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 2);
}

#[tokio::test]
async fn a_fallback_mentions_its_own_roles_for_what_the_first_route_mentions_somebody_for() {
    let stage = Stage::set(Setting {
        routes: Some(
            r#"[{"name": "oncall", "webhook": "oncall", "fallback": "rest", "mention_from": "error",
                 "roles": ["111111111111111111"], "match": {"name": "on-*"}},
                {"name": "rest", "roles": ["222222222222222222"]}]"#,
        ),
        secret: Some(
            r#"{"oncall": "HOST/api/webhooks/1/TOKEN", "default": "HOST/api/webhooks/2/TOKEN"}"#,
        ),
        ..Setting::default()
    })
    .await;
    stage.discord.add_webhook("2", TOKEN);
    // Both alarms are errors. The route `rest` by itself mentions its roles for critical ones only.
    let alarms = [alarm("on-call"), alarm("other")];
    assert!(stage.handed_back(&alarms).await.is_empty());
    let pings: Vec<_> = stage
        .discord
        .messages()
        .into_iter()
        .map(|one| one.pings)
        .collect();
    assert_eq!(pings, [vec!["<@&222222222222222222>".to_owned()], vec![]]);
}

#[tokio::test]
async fn a_message_in_the_dead_letters_keeps_its_attributes() {
    let stage = Stage::usual().await;
    stage.discord.script(|_| Some(Fault::Refuse));
    let mut record = alarm("a");
    record["messageAttributes"] = serde_json::json!({
        "severity": {"stringValue": "critical", "dataType": "String"},
        "count": {"stringValue": "3", "dataType": "Number.int"},
        "blob": {"binaryValue": "AAEC", "dataType": "Binary"},
        "broken": {"binaryValue": "*", "dataType": "Binary"},
    });
    assert!(stage.handed_back(&[record]).await.is_empty());
    let attributes = stage.aws.dead_letter_attributes.lock().unwrap().clone();
    assert_eq!(
        attributes,
        [serde_json::json!({
            "severity": {"StringValue": "critical", "DataType": "String"},
            "count": {"StringValue": "3", "DataType": "Number.int"},
            "blob": {"BinaryValue": "AAEC", "DataType": "Binary"},
        })]
    );
}

#[tokio::test]
async fn a_ring_of_fallbacks_ends() {
    let stage = Stage::set(Setting {
        routes: Some(r#"[{"name": "a", "fallback": "b"}, {"name": "b", "fallback": "a"}]"#),
        ..Setting::default()
    })
    .await;
    stage.discord.remove_webhook("7");
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert_eq!(stage.posts().len(), 2);
}

#[tokio::test]
async fn a_placeholder_in_the_secret_is_reported_and_loses_no_alert() {
    let stage = Stage::set(Setting {
        secret: Some("REPLACE_ME"),
        ..Setting::default()
    })
    .await;
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(stage.logged("still a placeholder: put your channel's webhook URL into the secret"));
    assert!(stage.posts().is_empty());
}

#[tokio::test]
async fn while_the_secret_cannot_be_read_alerts_are_handed_back() {
    let stage = Stage::usual().await;
    let secret = std::mem::take(&mut *stage.aws.secret.lock().unwrap());
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(stage.logged("cannot be read from Secrets Manager"));
    *stage.aws.secret.lock().unwrap() = secret;
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
}

#[tokio::test]
async fn the_secret_is_read_every_five_minutes_and_the_old_one_kept_if_that_fails() {
    let stage = Stage::usual().await;
    stage.handed_back(&[alarm("a"), alarm("b")]).await;
    assert_eq!(*stage.aws.secrets_read.lock().unwrap(), 1);
    stage.aws.secret.lock().unwrap().clear();
    stage.clock.advance(Duration::from_mins(5));
    assert!(stage.handed_back(&[alarm("c")]).await.is_empty());
    assert_eq!(*stage.aws.secrets_read.lock().unwrap(), 2);
}
