//! Several instances at one incident or digest, of which one dies or is overtaken: what is shown in the
//! end, and what is labelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alert_forwarder::{App, handle};
use discord::fault::Fault;
use serde_json::{Value, json};

use super::delivery::is_labelled;
use super::episode::{Episode, alarm, ok};
use super::floods::{alert, deliver, digests, text};
use super::stage::{Setting, Stage, handed_back};
use super::table::{Fate, awaited, eleven, key, show_without, table, the_eleventh};

/// The alarm of the line in the digest.
const LAST: usize = 10;

/// Delivers a record to an instance that dies when Discord has this many messages.
async fn die_at(stage: &Stage, instance: &App, record: Value, messages: usize) {
    let event = stage.event(json!({"Records": [record]}), Duration::from_secs(20));
    let mut invocation = Box::pin(handle(instance, event));
    while stage.discord.messages().len() < messages {
        tokio::select! {
            biased;
            _ = &mut invocation => panic!("the invocation must still be waiting"),
            () = tokio::task::yield_now() => {}
        }
    }
}

/// Delivers a record to another instance, which must accept it.
async fn accept(stage: &Stage, instance: &App, record: Value) {
    let event = stage.event(json!({"Records": [record]}), Duration::from_secs(20));
    let answer = handle(instance, event).await.unwrap();
    assert_eq!(handed_back(&answer), [""; 0]);
}

async fn with_table(url: String) -> Stage {
    Stage::set(Setting {
        table_url: Some(url),
        ..Setting::default()
    })
    .await
}

async fn with_alarm(url: String) -> Episode {
    Episode::set(Setting {
        table_url: Some(url),
        ..Setting::default()
    })
    .await
}

/// A contributor of the episode's alarm fires.
fn of_a_contributor(episode: &Episode) -> Value {
    let mut message = episode.message(alarm(0));
    message["AlarmContributorId"] = "id-1".into();
    message["AlarmContributorAttributes"] = json!({"TableName": "orders"});
    message
}

/// A table that counts how often a digest's item is read.
async fn counting() -> (Stage, Arc<AtomicUsize>) {
    let reads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reads);
    let url = table(move |action, request| {
        let reads = action.ends_with(".GetItem") && key(request).starts_with("flood#");
        count.fetch_add(usize::from(reads), Ordering::Relaxed);
        Fate::Passes
    });
    (with_table(url.await).await, reads)
}

#[tokio::test]
async fn a_digest_is_edited_ten_seconds_after_the_last_time_and_not_before() {
    for (milliseconds, later) in [(9_999, 1), (10_000, 0)] {
        let (stage, reads) = counting().await;
        let reset = |_: &Stage| reads.store(0, Ordering::Relaxed);
        assert_eq!(the_eleventh(&stage, reset).await, [""; 0]);
        // To add the line, to show it, and to note that it is shown.
        assert_eq!(reads.swap(0, Ordering::Relaxed), 3);
        stage.clock.advance(Duration::from_millis(milliseconds));
        let over = alert(LAST, "OK", false);
        assert_eq!(stage.handed_back(&[over]).await, [""; 0]);
        assert_eq!(reads.load(Ordering::Relaxed), 3 - later);
        assert_eq!(awaited(&stage), later, "after {milliseconds} ms");
        let is_shown = || text(&digests(&stage)[0]).contains("🟢 OK · alarm-010");
        assert_eq!(is_shown(), later == 0, "after {milliseconds} ms");
        deliver(&stage, Vec::new()).await;
        assert!(is_shown());
        assert_eq!(digests(&stage).len(), 1);
    }
}

#[tokio::test]
async fn a_line_that_changes_while_its_digest_is_posted_is_shown_too() {
    let reads = Arc::new(AtomicUsize::new(usize::MAX / 2));
    let count = Arc::clone(&reads);
    let url = table(move |action, request| {
        let reads = action.ends_with(".GetItem") && key(request).starts_with("flood#");
        // The third read of the last alert is the one after Discord has the message.
        if reads && count.fetch_add(1, Ordering::Relaxed) == 2 {
            return Fate::Changed(|flood| {
                let members = flood["members"].as_array_mut().unwrap();
                members.last_mut().unwrap()["state"] = "Ok".into();
                let wanted = flood["ordinary"]["wanted"].as_u64().unwrap();
                flood["ordinary"]["wanted"] = (wanted + 1).into();
            });
        }
        Fate::Passes
    });
    let stage = with_table(url.await).await;
    let reset = |_: &Stage| reads.store(0, Ordering::Relaxed);
    assert_eq!(the_eleventh(&stage, reset).await, [""; 0]);
    assert!(text(&digests(&stage)[0]).contains("🔴 ALARM · alarm-010"));
    assert_eq!(awaited(&stage), 1);
    deliver(&stage, Vec::new()).await;
    assert!(text(&digests(&stage)[0]).contains("🟢 OK · alarm-010"));
    assert_eq!(digests(&stage).len(), 1);
}

#[tokio::test]
async fn a_digest_that_another_instance_is_posting_is_not_posted_by_a_second_one() {
    let stage = Stage::usual().await;
    let mut alerts = eleven();
    let last = alerts.pop().unwrap();
    deliver(&stage, alerts).await;
    stage.discord.fail([Fault::AcceptThenHang]);
    die_at(&stage, &stage.app, last, LAST + 1).await;
    let reborn = stage.another_instance();
    accept(&stage, &reborn, alert(LAST + 1, "ALARM", false)).await;
    assert_eq!(digests(&stage).len(), 1);
    assert_eq!(awaited(&stage), 1);
    // The lease ends. Nobody knows the message of the instance that died, so there is another one.
    stage.clock.advance(Duration::from_mins(1));
    deliver(&stage, Vec::new()).await;
    let digests = digests(&stage);
    assert_eq!(digests.len(), 2);
    assert!(text(&digests[1]).contains("🔴 ALARM · alarm-011"));
    assert!(is_labelled(&digests[1]));
}

#[tokio::test]
async fn a_digest_that_waited_for_its_webhook_is_no_possible_duplicate() {
    let stage = Stage::set(Setting {
        routes: Some(r#"[{"name": "all", "webhook": "main"}]"#),
        secret: Some(r#"{"main": "HOST/api/webhooks/7/TOKEN"}"#),
        ..Setting::default()
    })
    .await;
    let mut alerts = eleven();
    let last = alerts.pop().unwrap();
    deliver(&stage, alerts).await;
    let rename = |from: &str, to: &str| {
        let mut secret = stage.aws.secret.lock().unwrap();
        *secret = secret.replace(from, to);
    };
    rename("main", "other");
    let fresh = stage.another_instance();
    accept(&stage, &fresh, last).await;
    assert_eq!((digests(&stage).len(), awaited(&stage)), (0, 1));
    rename("other", "main");
    deliver(&stage, Vec::new()).await;
    let digests = digests(&stage);
    assert_eq!(digests.len(), 1);
    assert!(text(&digests[0]).contains("🔴 ALARM · alarm-010"));
    assert!(!is_labelled(&digests[0]));
}

#[tokio::test]
async fn a_digest_whose_webhook_is_gone_is_posted_anew_by_the_fallback() {
    let stage = Stage::set(Setting {
        routes: Some(
            r#"[{"name": "a", "webhook": "one", "fallback": "b", "match": {"severity": "error"}},
                {"name": "b", "webhook": "two"}]"#,
        ),
        secret: Some(r#"{"one": "HOST/api/webhooks/1/TOKEN", "two": "HOST/api/webhooks/2/TOKEN"}"#),
        ..Setting::default()
    })
    .await;
    assert_eq!(the_eleventh(&stage, |_| {}).await, [""; 0]);
    stage.clock.advance(Duration::from_secs(30));
    stage.discord.script(|attempt| {
        let is_gone = attempt.webhook_id == "1";
        is_gone.then_some(Fault::Code(404, 10_015))
    });
    let over = alert(LAST, "OK", false);
    assert_eq!(stage.handed_back(&[over]).await, [""; 0]);
    let digests = digests(&stage);
    let webhooks: Vec<&str> = digests.iter().map(|one| one.webhook_id.as_str()).collect();
    assert_eq!(webhooks, ["1", "2"]);
    assert!(text(&digests[1]).contains("🟢 OK · alarm-010"));
}

#[tokio::test]
async fn an_alert_that_finds_a_post_without_a_record_labels_its_own() {
    let episode = Episode::usual().await;
    let stage = &episode.stage;
    let record = || episode.record(&episode.message(alarm(0)));
    stage.discord.fail([Fault::AcceptThenHang]);
    die_at(stage, &stage.app, record(), 1).await;
    stage.clock.advance(Duration::from_mins(2));
    // It is another message about the same change: its claim says nothing about the post.
    accept(stage, &stage.another_instance(), record()).await;
    let messages = stage.discord.messages();
    assert_eq!(messages.len(), 2);
    assert!(!is_labelled(&messages[0]) && is_labelled(&messages[1]));
}

#[tokio::test]
async fn a_post_in_the_place_of_a_message_that_cannot_be_edited_is_announced_too() {
    let episode = Episode::usual().await;
    let stage = &episode.stage;
    episode.get(alarm(0)).await;
    {
        let mut secret = stage.aws.secret.lock().unwrap();
        *secret = secret.replace("/7/", "/8/");
    }
    stage.clock.advance(Duration::from_mins(10));
    let record = || episode.record(&episode.message(ok(600)));
    stage.discord.fail([Fault::AcceptThenHang]);
    die_at(stage, &stage.app, record(), 2).await;
    stage.clock.advance(Duration::from_mins(2));
    accept(stage, &stage.another_instance(), record()).await;
    let messages = stage.discord.messages();
    assert_eq!(messages.len(), 3);
    assert!(!is_labelled(&messages[1]) && is_labelled(&messages[2]));
}

#[tokio::test]
async fn an_incident_that_others_write_is_written_in_the_end_after_ever_longer_pauses() {
    let writes = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&writes);
    let url = table(move |action, request| {
        let writes = action.ends_with(".PutItem") && key(request).starts_with("incident#");
        if writes && count.fetch_add(1, Ordering::Relaxed) < 7 {
            return Fate::Overtaken;
        }
        Fate::Passes
    });
    let episode = with_alarm(url.await).await;
    let before = episode.stage.world.now();
    episode.get(alarm(0)).await;
    assert_eq!(episode.shown(), ["🔴 ALARM"]);
    // The last one that took the item, and the one that gives it back.
    assert_eq!(writes.load(Ordering::Relaxed), 9);
    // Pauses that were not longer than the first one would be 350 ms together at most.
    let waited = episode.stage.world.now().duration_since(before);
    assert!(400 < waited.as_millis(), "{waited}");
}

#[tokio::test]
async fn an_alert_that_one_of_two_channels_does_not_take_comes_back() {
    for broken in ["1", "2"] {
        let episode = Episode::set(Setting {
            routes: Some(
                r#"[{"name": "urgent", "webhook": "one", "match": {"severity": "critical"}},
                    {"name": "rest", "webhook": "two"}]"#,
            ),
            secret: Some(
                r#"{"one": "HOST/api/webhooks/1/TOKEN", "two": "HOST/api/webhooks/2/TOKEN"}"#,
            ),
            ..Setting::default()
        })
        .await;
        let stage = &episode.stage;
        let mut critical = episode.message(alarm(0));
        critical["AlarmDescription"] = "severity: critical".into();
        episode.deliver(&critical).await;
        // Somebody lowers the severity while it fires: both channels show the new state.
        stage.clock.advance(Duration::from_mins(1));
        let record = episode.record(&episode.message(alarm(60)));
        stage
            .discord
            .script(move |attempt| (attempt.webhook_id == broken).then_some(Fault::Status(500)));
        let records = [record];
        assert_eq!(stage.handed_back(&records).await, ["m1"], "{broken}");
        stage.discord.script(|_| None);
        stage.clock.advance(Duration::from_mins(2));
        assert_eq!(stage.handed_back(&records).await, [""; 0], "{broken}");
        let messages = stage.discord.messages();
        let webhooks: Vec<&str> = messages.iter().map(|one| one.webhook_id.as_str()).collect();
        assert_eq!(webhooks, ["1", "2"]);
    }
}

#[tokio::test]
async fn an_incident_that_the_table_does_not_give_costs_half_of_the_time() {
    // Six seconds are for sending. Half of them is short, and twice as long is more than the patience.
    let (time, patience) = (Duration::from_secs(8), Duration::from_secs(10));
    show_without("incident#", time, patience).await;
}

#[tokio::test]
async fn a_change_that_a_newer_one_overtakes_while_it_is_written_is_no_duplicate() {
    let writes = AtomicUsize::new(0);
    let url = table(move |action, request| {
        let writes_it = action.ends_with(".PutItem") && key(request).starts_with("incident#");
        // The alarm takes the item and gives it back.
        if writes_it && writes.fetch_add(1, Ordering::Relaxed) == 2 {
            return Fate::Changed(|incident| incident["at"] = (i64::MAX / 2).into());
        }
        Fate::Passes
    });
    let episode = with_alarm(url.await).await;
    episode.get(alarm(0)).await;
    episode.get(ok(60)).await;
    assert_eq!(episode.shown(), ["🔴 ALARM"]);
    assert_eq!(episode.stage.metric("AlertDuplicateSuppressed"), 0);
}

#[tokio::test]
async fn a_contributor_is_noted_with_its_alarm_though_another_instance_writes_that_first() {
    let writes = AtomicUsize::new(0);
    let url = table(move |action, request| {
        let notes = action.ends_with(".PutItem") && key(request).ends_with(":alarm:orders-5xx");
        if notes && writes.fetch_add(1, Ordering::Relaxed) == 0 {
            return Fate::Overtaken;
        }
        Fate::Passes
    });
    let episode = with_alarm(url.await).await;
    episode.deliver(&of_a_contributor(&episode)).await;
    assert_eq!(episode.shown(), ["🔴 ALARM"]);
    episode.get(ok(60)).await;
    assert_eq!(episode.shown()[0], "🟢 OK");
}

/// The alarm's own OK would not end the contributor's incident.
#[tokio::test]
async fn a_contributor_that_cannot_be_noted_with_its_alarm_is_logged() {
    for is_broken in [false, true] {
        let url = table(move |_, request| {
            if is_broken && key(request).ends_with(":alarm:orders-5xx") {
                Fate::Refused
            } else {
                Fate::Passes
            }
        });
        let episode = with_alarm(url.await).await;
        episode.deliver(&of_a_contributor(&episode)).await;
        assert_eq!(episode.shown(), ["🔴 ALARM"]);
        let said = "a fact about an incident could not be recorded";
        assert_eq!(episode.stage.logged(said), is_broken);
    }
}
