//! Incidents: an alarm is one message that shows its newest state, whatever comes in whatever order.

use std::time::Duration;

use alert_forwarder::handle;
use discord::fault::Fault;
use serde_json::{Value, json};

use super::delivery::is_labelled;
use super::episode::{Episode, To, alarm, field, no_data, ok};
use super::stage::{Setting, handed_back, sample_event};

const MINUTE: i64 = 60;
/// Two routes: the first takes critical alarms.
const BY_SEVERITY: &str = r#"[
    {"name": "urgent", "webhook": "one", "match": {"severity": "critical"}}, {"name": "rest", "webhook": "two"}]"#;
const TWO: &str = r#"{"one": "HOST/api/webhooks/1/TOKEN", "two": "HOST/api/webhooks/2/TOKEN"}"#;

#[tokio::test]
async fn a_resolve_edits_the_message_to_green_and_posts_a_short_silent_line_with_a_link() {
    let episode = Episode::critical().await;
    episode.get(alarm(0)).await;
    assert_eq!(episode.shown(), ["🔴 ALARM @"]);
    episode.get(ok(12 * MINUTE)).await;
    assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …"]);
    let messages = episode.stage.discord.messages();
    assert_eq!(messages[0].embeds[0]["color"], 0x002E_CC71);
    assert_eq!(field(&messages[0], "Lasted").as_deref(), Some("12 min"));
    assert!(field(&messages[0], "Fired").is_some());
    let link = format!("https://discord.com/channels/2/1/{}", messages[0].id);
    assert!(
        messages[1]
            .content
            .ends_with(&format!("after 12 min · {link}"))
    );
    assert_eq!(episode.calls(), ["POST", "PATCH", "POST"]);
}

#[tokio::test]
async fn what_opens_again_is_posted_anew_and_mentions() {
    let episode = Episode::critical().await;
    for change in [alarm(0), ok(MINUTE), alarm(5 * MINUTE)] {
        episode.get(change).await;
    }
    assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …", "🔴 ALARM @"]);
}

#[tokio::test]
async fn a_first_deployment_sends_no_message() {
    let episode = Episode::usual().await;
    let first = To {
        from: Some("INSUFFICIENT_DATA"),
        ..ok(0)
    };
    episode.get(first).await;
    assert_eq!(episode.calls(), Vec::<String>::new());
    assert_eq!(episode.stage.metric("AlertQuiet"), 1);
    // The alarm works all the same.
    episode.get(alarm(MINUTE)).await;
    assert_eq!(episode.shown(), ["🔴 ALARM"]);
}

#[tokio::test]
async fn an_alarm_that_arrives_after_its_own_ok_is_one_silent_message() {
    let episode = Episode::critical().await;
    let late = episode.message(alarm(0));
    episode.get(ok(3 * MINUTE)).await;
    episode.deliver(&late).await;
    assert_eq!(episode.shown(), ["🟢 OK 🔕"]);
    let message = episode.last();
    assert_eq!(field(&message, "Lasted").as_deref(), Some("3 min"));
    // An OK that does not come from ALARM waits for it without a message.
    let episode = Episode::critical().await;
    let late = episode.message(alarm(0));
    let quiet = To {
        from: Some("INSUFFICIENT_DATA"),
        ..ok(3 * MINUTE)
    };
    episode.get(quiet).await;
    episode.deliver(&late).await;
    assert_eq!(episode.shown(), ["🟢 OK 🔕"]);
    assert_eq!(field(&episode.last(), "Lasted").as_deref(), Some("3 min"));
}

#[tokio::test]
async fn of_two_changes_at_the_same_time_alarm_wins_in_either_order() {
    for changes in [[alarm(0), ok(0)], [ok(0), alarm(0)]] {
        let episode = Episode::usual().await;
        for change in changes {
            episode.get(change).await;
        }
        assert_eq!(episode.shown().last().unwrap(), "🔴 ALARM");
    }
}

#[tokio::test]
async fn an_older_change_changes_nothing() {
    let episode = Episode::usual().await;
    let old = episode.message(ok(MINUTE));
    episode.get(alarm(2 * MINUTE)).await;
    episode.deliver(&old).await;
    assert_eq!(episode.shown(), ["🔴 ALARM"]);
    assert_eq!(episode.calls(), ["POST"]);
}

#[tokio::test]
async fn the_same_change_in_another_message_is_posted_once() {
    let episode = Episode::usual().await;
    let message = episode.message(alarm(0));
    for _ in 0..3 {
        episode.deliver(&message).await;
    }
    assert_eq!(episode.calls(), ["POST"]);
    assert_eq!(episode.stage.metric("AlertDuplicateSuppressed"), 2);
}

#[tokio::test]
async fn an_ok_that_lands_while_the_alarm_is_being_posted_is_shown_in_the_end() {
    let episode = Episode::usual().await;
    let stage = &episode.stage;
    let other = stage.another_instance();
    let records = [alarm(0), ok(MINUTE)].map(|to| episode.record(&episode.message(to)));
    let [first, second] = records.map(|record| json!({"Records": [record]}));
    let time = Duration::from_secs(20);
    // The second instance runs as soon as Discord has the first one's message.
    stage.discord.script(|_| None);
    let posting = handle(&stage.app, stage.event(first, time));
    let resolving = async {
        while stage.discord.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        handle(&other, stage.event(second.clone(), time)).await
    };
    let (posted, resolved) = tokio::join!(posting, resolving);
    assert_eq!(handed_back(&posted.unwrap()), Vec::<String>::new());
    if !handed_back(&resolved.unwrap()).is_empty() {
        // The holder of the lease may have been done already: then the OK comes back.
        stage.clock.advance(Duration::from_mins(2));
        assert_eq!(
            stage.invoke(second).await.unwrap()["batchItemFailures"],
            json!([])
        );
    }
    assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …"]);
}

#[tokio::test]
async fn a_crash_after_the_post_before_the_record_leaves_an_orphan_and_a_labelled_message() {
    let episode = Episode::usual().await;
    let stage = &episode.stage;
    stage.discord.fail([Fault::AcceptThenHang]);
    let record = episode.record(&episode.message(alarm(0)));
    let event = || stage.event(json!({"Records": [record]}), Duration::from_secs(20));
    {
        let mut invocation = Box::pin(handle(&stage.app, event()));
        while stage.discord.messages().is_empty() {
            tokio::select! {
                biased;
                _ = &mut invocation => panic!("the invocation must still be waiting"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    let reborn = stage.another_instance();
    stage.clock.advance(Duration::from_mins(2));
    let late = handle(&reborn, event()).await.unwrap();
    assert_eq!(handed_back(&late), Vec::<String>::new());
    episode.get(ok(10 * MINUTE)).await;
    // The first message is an orphan; the recorded one, which has the label, became green.
    assert_eq!(episode.shown(), ["🔴 ALARM", "🟢 OK", "🟢 OK 🔕 …"]);
    assert!(!is_labelled(&stage.discord.messages()[0]));
}

#[tokio::test]
async fn a_resolve_goes_to_the_route_where_the_alarm_was_posted() {
    let episode = Episode::set(Setting {
        routes: Some(BY_SEVERITY),
        secret: Some(TWO),
        ..Setting::default()
    })
    .await;
    let mut critical = episode.message(alarm(0));
    critical["AlarmDescription"] = "severity: critical".into();
    episode.deliver(&critical).await;
    // Somebody has lowered the severity since: the OK would go to the other route.
    episode.get(ok(5 * MINUTE)).await;
    let messages = episode.stage.discord.messages();
    let webhooks: Vec<&str> = messages.iter().map(|one| one.webhook_id.as_str()).collect();
    assert_eq!(webhooks, ["1", "1"]);
    assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …"]);
}

#[tokio::test]
async fn a_message_of_a_fallback_is_resolved_with_the_fallbacks_webhook() {
    let episode = Episode::set(Setting {
        routes: Some(
            r#"[{"name": "a", "webhook": "one", "fallback": "b", "match": {"severity": "error"}},
                {"name": "b", "webhook": "two"}]"#,
        ),
        secret: Some(TWO),
        ..Setting::default()
    })
    .await;
    episode.stage.discord.fail([Fault::Code(404, 10_015)]);
    episode.get(alarm(0)).await;
    assert_eq!(episode.last().webhook_id, "2");
    episode.get(ok(15 * MINUTE)).await;
    assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …"]);
    assert_eq!(episode.last().webhook_id, "2");
}

#[tokio::test]
async fn after_the_webhook_has_changed_the_resolve_is_a_new_message() {
    let episode = Episode::usual().await;
    episode.get(alarm(0)).await;
    {
        let mut secret = episode.stage.aws.secret.lock().unwrap();
        *secret = secret.replace("/7/", "/8/");
    }
    episode.get(ok(10 * MINUTE)).await;
    let messages = episode.stage.discord.messages();
    assert_eq!(episode.shown(), ["🔴 ALARM", "🟢 OK 🔕"]);
    assert_eq!(
        (&*messages[0].webhook_id, &*messages[1].webhook_id),
        ("7", "8")
    );
}

#[tokio::test]
async fn an_alarm_without_data_is_said_and_edited_when_data_come_back() {
    let episode = Episode::usual().await;
    episode.get(no_data(0)).await;
    assert_eq!(episode.shown(), ["⚪ NO DATA"]);
    let back = To {
        from: Some("INSUFFICIENT_DATA"),
        ..ok(MINUTE)
    };
    episode.get(back).await;
    assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …"]);
}

/// The changes of an alarm that flaps from its fourth change on, at minute 3.
async fn flap(episode: &Episode) {
    for change in [alarm(0), ok(60), alarm(120), ok(180), alarm(240), ok(300)] {
        episode.get(change).await;
    }
}

#[tokio::test]
async fn a_flapping_alarm_only_edits_its_message() {
    let episode = Episode::critical().await;
    flap(&episode).await;
    assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …", "🟠 FLAPPING"]);
    let message = episode.last();
    assert_eq!(field(&message, "Now").as_deref(), Some("OK"));
    episode.get(alarm(360)).await;
    assert_eq!(field(&episode.last(), "Now").as_deref(), Some("ALARM"));
    assert_eq!(episode.shown().len(), 3, "no further post");
}

#[tokio::test]
async fn after_fifteen_quiet_minutes_an_alarm_is_news_again() {
    let episode = Episode::critical().await;
    flap(&episode).await;
    episode.get(alarm(300 + 15 * MINUTE)).await;
    assert_eq!(episode.shown().last().unwrap(), "🔴 ALARM @");
}

#[tokio::test]
async fn a_contributors_ok_does_not_resolve_the_alarm() {
    let episode = Episode::usual().await;
    let of = |state: &str, minute: i64| {
        let mut message = episode.message(To {
            at: minute * MINUTE,
            ..alarm(0)
        });
        message["NewStateValue"] = state.into();
        message
    };
    let contributor = |state, minute, table: &str| {
        let mut message = of(state, minute);
        message["AlarmContributorId"] = format!("id-{table}").into();
        message["AlarmContributorAttributes"] = json!({"TableName": table});
        message
    };
    episode.deliver(&contributor("ALARM", 0, "orders")).await;
    episode.deliver(&contributor("ALARM", 1, "stock")).await;
    episode.deliver(&contributor("OK", 2, "orders")).await;
    assert_eq!(episode.shown(), ["🔵 INFO", "🔴 ALARM", "🔵 INFO 🔕 …"]);
    let calmed = &episode.stage.discord.messages()[0];
    assert!(calmed.content.contains("resolved for TableName=orders"));
    assert!(field(calmed, "The alarm itself").is_some());
    // The alarm's own OK ends what is left of its contributors.
    episode.deliver(&of("OK", 5)).await;
    let shown = episode.shown();
    assert_eq!(shown[..2], ["🟢 OK", "🟢 OK"], "{shown:?}");
    assert!(shown[2..].iter().all(|message| message.contains('🔕')));
}

#[tokio::test]
async fn an_alarm_that_is_deleted_while_it_fires_ends_its_incident() {
    let episode = Episode::usual().await;
    let mut fires = sample_event("alarm-deleted");
    let arn = fires
        .pointer("/resources/0")
        .and_then(Value::as_str)
        .unwrap()
        .to_owned();
    let mut message = episode.message(alarm(0));
    message["AlarmArn"] = arn.into();
    episode.deliver(&message).await;
    let at = episode.stage.world.now() + Duration::from_mins(1);
    fires["time"] = at.to_string().into();
    episode.stage.invoke(fires).await.unwrap();
    let shown = episode.shown();
    assert_eq!(shown[0], "⚪ DELETED");
    assert!(
        shown[1..].iter().all(|message| message.contains('🔕')),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_muted_alarm_mentions_nobody() {
    let episode = Episode::critical().await;
    let mut message = episode.message(alarm(0));
    message["MuteDetail"] =
        json!({"MutedByArn": "arn:aws:cloudwatch:eu-west-1:1:alarm-mute-rule:night"});
    episode.deliver(&message).await;
    assert_eq!(episode.shown(), ["🔴 ALARM (muted) 🔕"]);
}

#[tokio::test]
async fn an_item_gets_its_time_to_live_only_when_the_alarm_is_ok() {
    let episode = Episode::usual().await;
    let expires = async || {
        let items = episode.stage.table.scan().table_name("alerts").send().await;
        let items = items.unwrap().items.unwrap_or_default();
        let mut incidents = items
            .into_iter()
            .filter(|item| item["pk"].as_s().unwrap().starts_with("incident#"));
        incidents.next().unwrap().contains_key("expires_at")
    };
    episode.get(alarm(0)).await;
    assert!(!expires().await);
    episode.get(no_data(MINUTE)).await;
    assert!(!expires().await);
    episode.get(ok(2 * MINUTE)).await;
    assert!(expires().await);
    episode.get(alarm(9 * MINUTE)).await;
    assert!(!expires().await);
}

#[tokio::test]
async fn without_the_table_each_change_is_sent_by_itself() {
    let episode = Episode::set(Setting {
        table_url: Some("http://127.0.0.1:1".to_owned()),
        ..Setting::default()
    })
    .await;
    episode.get(alarm(0)).await;
    episode.get(ok(MINUTE)).await;
    assert_eq!(episode.shown(), ["🔴 ALARM", "🟢 OK 🔕"]);
    // A new alarm that is well is no news. It waits for the table.
    let first = To {
        from: Some("INSUFFICIENT_DATA"),
        ..ok(2 * MINUTE)
    };
    let back = episode
        .stage
        .handed_back(&[episode.record(&episode.message(first))])
        .await;
    assert_eq!(back.len(), 1);
    assert_eq!(episode.shown().len(), 2);
}
