//! Reminders: a critical alarm that still fires is said again, until somebody looks at it or it is over.

use std::time::Duration;

use serde_json::{Value, json};

use super::aws::Alarm;
use super::episode::{Episode, alarm, field, ok, shown};
use super::stage::Setting;

const MINUTE: i64 = 60;

impl Episode {
    /// The messages that the function has sent to itself since the last call.
    fn queued(&self) -> Vec<(u64, String)> {
        std::mem::take(&mut *self.stage.aws.wakes.lock().unwrap())
    }

    /// Delivers a message of the function's own, as SQS does when its delay is over. Returns whether it
    /// was accepted.
    async fn wake(&self, (delay, body): &(u64, String)) -> bool {
        self.stage.clock.advance(Duration::from_secs(*delay));
        self.wake_now(body).await
    }

    async fn wake_now(&self, body: &str) -> bool {
        let mut record = self.record(&json!({}));
        record["body"] = body.into();
        record["eventSourceARN"] = "arn:aws:sqs:eu-west-1:123456789012:alerts".into();
        self.stage.handed_back(&[record]).await.is_empty()
    }

    /// Lets the queue deliver all messages in their order until none is left or the time is over. Returns
    /// what was posted, with the minute of each.
    async fn run(&self, minutes: i64) -> Vec<(i64, String)> {
        let begin = self.stage.world.now().as_second();
        let mut waiting: Vec<(i64, String)> = Vec::new();
        let mut posted = Vec::new();
        loop {
            let now = self.stage.world.now().as_second();
            let arrived = self.queued().into_iter();
            waiting
                .extend(arrived.map(|(delay, body)| (now + i64::try_from(delay).unwrap(), body)));
            waiting.sort();
            if waiting.is_empty() || begin + minutes * MINUTE < waiting[0].0 {
                return posted;
            }
            let (at, body) = waiting.remove(0);
            let wait = u64::try_from(at - now).unwrap_or_default();
            let before = self.stage.discord.messages().len();
            assert!(self.wake(&(wait, body)).await);
            let messages = self.stage.discord.messages();
            for message in &messages[before..] {
                posted.push(((at - begin) / MINUTE, shown(message)));
            }
        }
    }
}

/// A critical alarm on a route that escalates to another role.
async fn escalating() -> Episode {
    let episode = Episode::set(Setting {
        routes: Some(
            r#"[{"name": "all", "roles": ["111111111111111111"], "escalation": ["222222222222222222"]}]"#,
        ),
        ..Setting::default()
    })
    .await;
    episode.named("critical-orders-5xx")
}

#[tokio::test]
async fn a_critical_alarm_is_said_again_after_15_minutes_and_escalated_after_45_and_at_most_four_times()
 {
    let episode = escalating().await;
    episode.get(alarm(0)).await;
    let posted = episode.run(24 * 60).await;
    let minutes: Vec<i64> = posted.iter().map(|(minute, _)| *minute).collect();
    assert_eq!(minutes, [15, 45, 90, 180]);
    assert!(posted.iter().all(|(_, message)| message == "🔴 ALARM @ …"));
    let messages = episode.stage.discord.messages();
    let roles: Vec<&str> = messages
        .iter()
        .map(|message| message.pings[0].as_str())
        .collect();
    let (first, second) = ("<@&111111111111111111>", "<@&222222222222222222>");
    assert_eq!(roles, [first, first, second, second, second]);
    let link = format!("https://discord.com/channels/2/1/{}", messages[0].id);
    assert!(messages[1].content.contains("still firing after 15 min"));
    assert!(messages[1].content.ends_with(&link));
}

#[tokio::test]
async fn a_reminder_is_queued_before_the_alert_is_acknowledged() {
    let episode = Episode::critical().await;
    *episode.stage.aws.queue_is_broken.lock().unwrap() = true;
    let record = episode.record(&episode.message(alarm(0)));
    assert_eq!(
        episode
            .stage
            .handed_back(std::slice::from_ref(&record))
            .await,
        ["m0"]
    );
    assert_eq!(episode.shown(), ["🔴 ALARM @"]);
    // The alert comes back. It is not sent again, but its reminder is queued.
    *episode.stage.aws.queue_is_broken.lock().unwrap() = false;
    episode.stage.clock.advance(Duration::from_mins(2));
    assert!(episode.stage.handed_back(&[record]).await.is_empty());
    assert_eq!(episode.shown(), ["🔴 ALARM @"]);
    assert_eq!(episode.queued().len(), 1);
}

#[tokio::test]
async fn a_queue_that_will_never_take_a_reminder_does_not_bring_the_alert_back() {
    let episode = Episode::critical().await;
    *episode.stage.aws.queue_is_forbidden.lock().unwrap() = true;
    episode.get(alarm(0)).await;
    assert_eq!(episode.shown(), ["🔴 ALARM @"]);
    assert!(
        episode
            .stage
            .logged("the function may not send itself messages")
    );
}

#[tokio::test]
async fn an_alert_that_was_sent_but_not_acknowledged_still_gets_its_reminder() {
    let episode = Episode::critical().await;
    let record = episode.record(&episode.message(alarm(0)));
    for _ in 0..2 {
        let handed_back = episode
            .stage
            .handed_back(std::slice::from_ref(&record))
            .await;
        assert!(handed_back.is_empty());
    }
    assert_eq!(episode.queued().len(), 1, "one for each opening");
}

#[tokio::test]
async fn only_a_critical_alarm_is_said_again_and_only_if_the_route_wants_it() {
    let episode = Episode::usual().await;
    episode.get(alarm(0)).await;
    assert!(episode.queued().is_empty());
    let silent = Episode::set(Setting {
        routes: Some(r#"[{"name": "all", "remind_after_minutes": 0}]"#),
        ..Setting::default()
    })
    .await
    .named("critical-orders-5xx");
    silent.get(alarm(0)).await;
    assert!(silent.queued().is_empty());
}

#[tokio::test]
async fn a_message_that_comes_too_early_is_queued_again_within_the_queues_limit() {
    let episode = escalating().await;
    episode.get(alarm(0)).await;
    let first = episode.queued().remove(0);
    assert!(episode.wake(&first).await);
    let mut second = episode.queued().remove(0);
    assert_eq!(second.0, 900, "45 minutes are three delays");
    assert!(episode.wake(&second).await);
    second = episode.queued().remove(0);
    assert_eq!(second.0, 900);
    assert_eq!(episode.shown().len(), 2, "nothing is said before the time");
}

#[tokio::test]
async fn the_same_reminder_twice_is_said_once() {
    let episode = Episode::critical().await;
    episode.get(alarm(0)).await;
    let first = episode.queued().remove(0);
    assert!(episode.wake(&first).await);
    assert!(episode.wake_now(&first.1).await);
    assert_eq!(episode.shown().len(), 2);
}

#[tokio::test]
async fn an_ok_ends_the_reminders() {
    let episode = Episode::critical().await;
    episode.get(alarm(0)).await;
    episode.get(ok(5 * MINUTE)).await;
    assert_eq!(episode.run(24 * 60).await, []);
    // The reminder of the first opening says nothing about the second.
    let episode = Episode::critical().await;
    episode.get(alarm(0)).await;
    let old = episode.queued().remove(0);
    episode.get(ok(5 * MINUTE)).await;
    episode.get(alarm(14 * MINUTE)).await;
    assert!(episode.wake(&(60, old.1)).await);
    let said = episode
        .shown()
        .into_iter()
        .filter(|message| message.contains("ALARM @ …"));
    assert_eq!(said.count(), 0);
}

/// Lets a reminder be due while CloudWatch says this. Returns the messages after it.
pub(super) async fn due(found: Alarm) -> Episode {
    let episode = Episode::critical().await;
    episode.get(alarm(0)).await;
    *episode.stage.aws.alarm.lock().unwrap() = found;
    let first = episode.queued().remove(0);
    assert!(episode.wake(&first).await);
    episode
}

#[tokio::test]
async fn an_incident_whose_ok_never_came_is_resolved_by_the_check() {
    for (found, words) in [
        (Alarm::Ok, "CloudWatch says that the alarm is OK"),
        (Alarm::Absent, "CloudWatch has no such alarm any more"),
    ] {
        let episode = due(found).await;
        assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …"], "{found:?}");
        let message = &episode.stage.discord.messages()[0];
        let description = message.embeds[0]["description"].as_str().unwrap();
        assert!(description.contains("The OK never came"), "{description}");
        assert!(description.contains(words), "{description}");
        assert_eq!(field(message, "Lasted").as_deref(), Some("15 min"));
        assert!(episode.queued().is_empty());
    }
}

#[tokio::test]
async fn an_alarm_whose_actions_are_off_or_muted_is_not_said_again_for_now() {
    for found in [Alarm::Off, Alarm::Muted] {
        let episode = due(found).await;
        assert_eq!(episode.shown(), ["🔴 ALARM @"], "{found:?}");
        *episode.stage.aws.alarm.lock().unwrap() = Alarm::Firing;
        assert_eq!(episode.run(31).await.len(), 1, "the next reminder is said");
    }
}

#[tokio::test]
async fn a_composite_alarm_is_found_and_without_cloudwatch_an_alarm_is_said_again() {
    for found in [Alarm::Composite, Alarm::Broken] {
        let episode = due(found).await;
        assert_eq!(episode.shown(), ["🔴 ALARM @", "🔴 ALARM @ …"], "{found:?}");
    }
}

#[tokio::test]
async fn a_reaction_on_the_message_stops_the_reminders() {
    for emoji in ["✅", "👀"] {
        let episode = Episode::critical().await;
        episode.get(alarm(0)).await;
        episode.stage.discord.react(&episode.last().id, emoji);
        assert_eq!(episode.run(24 * 60).await, []);
        // The next opening is said again.
        episode.get(ok(26 * 60 * MINUTE)).await;
        episode.get(alarm(27 * 60 * MINUTE)).await;
        assert_eq!(episode.run(16).await.len(), 1);
    }
}

#[tokio::test]
async fn flapping_that_ends_in_alarm_posts_and_mentions_and_that_ends_in_ok_edits() {
    for (last, expected) in [(alarm(240), "🔴 ALARM @"), (ok(240), "🟢 OK")] {
        let episode = Episode::critical().await;
        for change in [alarm(0), ok(60), alarm(120), ok(180), last] {
            episode.get(change).await;
        }
        let posts = episode.shown().len();
        let posted = episode.run(20).await;
        assert_eq!(episode.shown().last().unwrap(), expected);
        assert_eq!(posted.len(), episode.shown().len() - posts);
        assert!(posted.len() <= 1, "{posted:?}");
    }
}

#[tokio::test]
async fn a_message_from_a_topic_is_an_alert_whatever_it_says() {
    let episode = Episode::critical().await;
    episode.get(alarm(0)).await;
    let (_, body) = episode.queued().remove(0);
    let message: Value = serde_json::from_str(&body).unwrap();
    episode.stage.clock.advance(Duration::from_mins(15));
    episode.deliver(&message).await;
    assert_eq!(episode.shown()[0], "🔴 ALARM @");
    assert!(
        !episode.last().embeds.is_empty(),
        "it is shown as JSON of an unknown form"
    );
}
