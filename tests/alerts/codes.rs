//! Discord's codes about a message or a thread: each has a way to show the incident's newest state.

use std::time::Duration;

use discord::Thread;
use discord::fault::Fault;

use super::episode::{Episode, alarm, ok};
use super::stage::Setting;

const THREAD: &str = "111111111111111111";

/// An episode on a route, after its alarm has fired.
async fn fired(routes: &'static str) -> Episode {
    let episode = Episode::set(Setting {
        routes: Some(routes),
        ..Setting::default()
    })
    .await;
    if routes.contains("thread_name") {
        episode.stage.discord.make_forum("7", false);
    }
    episode.get(alarm(0)).await;
    episode
}

const PLAIN: &str = r#"[{"name": "all"}]"#;
const IN_THREAD: &str = r#"[{"name": "all", "thread_id": "111111111111111111"}]"#;
const FORUM: &str = r#"[{"name": "all", "thread_name": "{name}"}]"#;

/// No code of these is a fault of the route.
fn is_open(episode: &Episode) -> bool {
    episode.stage.metric("RouteCircuitOpen") == 0
}

#[tokio::test]
async fn a_message_that_was_edited_too_often_is_replaced_and_its_429_holds_nothing() {
    for status in [429, 400] {
        let episode = fired(PLAIN).await;
        episode.stage.discord.fail([Fault::Code(status, 30_046)]);
        let record = episode.message(ok(1));
        let begin = episode.stage.world.now();
        episode.deliver(&record).await;
        let waited = episode.stage.world.now().duration_since(begin);
        assert_eq!(episode.shown(), ["🔴 ALARM", "🟢 OK 🔕"], "{status}");
        assert!(waited.as_secs() < 5, "the route was held for {waited}");
        assert!(is_open(&episode));
    }
}

#[tokio::test]
async fn the_stand_in_refuses_the_sixth_edit_in_an_hour_of_an_old_message_and_a_new_one_follows() {
    let episode = fired(PLAIN).await;
    episode.stage.clock.advance(Duration::from_hours(2));
    for second in 0..5 {
        episode
            .deliver(&episode.message(alarm(7_200 + second)))
            .await;
    }
    assert_eq!(episode.shown().len(), 1);
    episode.deliver(&episode.message(alarm(7_206))).await;
    assert_eq!(episode.shown().len(), 2);
    assert!(is_open(&episode));
}

#[tokio::test]
async fn a_message_that_somebody_deleted_is_replaced() {
    let episode = fired(PLAIN).await;
    episode.stage.discord.remove_message(&episode.last().id);
    episode.get(ok(60)).await;
    assert_eq!(episode.shown(), ["🟢 OK 🔕"]);
    assert!(is_open(&episode));
}

#[tokio::test]
async fn an_archived_thread_is_opened_by_a_silent_message_and_then_edited() {
    for (routes, is_forum) in [(IN_THREAD, false), (FORUM, true)] {
        let episode = fired(routes).await;
        let thread = episode.last().thread_id.unwrap();
        assert_eq!(thread == THREAD, !is_forum);
        episode.stage.discord.set_thread(&thread, Thread::Archived);
        episode.get(ok(60)).await;
        assert_eq!(episode.shown(), ["🟢 OK", "📂 🔕 …", "🟢 OK 🔕 …"]);
        let messages = episode.stage.discord.messages();
        assert!(
            messages
                .iter()
                .all(|one| one.thread_id.as_ref() == Some(&thread))
        );
        assert!(is_open(&episode));
    }
}

#[tokio::test]
async fn a_post_of_a_forum_that_is_locked_or_deleted_is_replaced_by_another() {
    for state in [Thread::Locked, Thread::Gone] {
        let episode = fired(FORUM).await;
        let thread = episode.last().thread_id.unwrap();
        episode.stage.discord.set_thread(&thread, state);
        episode.get(ok(60)).await;
        assert_eq!(episode.shown(), ["🔴 ALARM", "🟢 OK 🔕"], "{state:?}");
        assert_ne!(episode.last().thread_id.unwrap(), thread);
        assert!(is_open(&episode));
    }
}

#[tokio::test]
async fn an_incident_of_a_forum_is_one_post_with_its_timeline_inside() {
    let episode = fired(FORUM).await;
    episode.get(ok(60)).await;
    let messages = episode.stage.discord.messages();
    assert_eq!(episode.shown(), ["🟢 OK", "🟢 OK 🔕 …"]);
    assert_eq!(messages[0].thread_name.as_deref(), Some("orders-5xx"));
    assert_eq!(messages[1].thread_id, messages[0].thread_id);
    assert_eq!(messages[1].thread_name, None);
    // What begins again is another post.
    episode.get(alarm(600)).await;
    assert_ne!(episode.last().thread_id, messages[0].thread_id);
}

#[tokio::test]
async fn every_edit_in_a_thread_names_the_thread_and_has_content() {
    for routes in [IN_THREAD, FORUM] {
        let episode = fired(routes).await;
        episode.get(ok(60)).await;
        let calls = episode.stage.discord.calls().into_iter();
        let edits: Vec<_> = calls.filter(|call| call.method == "PATCH").collect();
        assert_eq!(edits.len(), 1);
        for edit in edits {
            assert!(edit.query.contains("thread_id="), "{}", edit.query);
            assert!(!edit.payload["content"].as_str().unwrap().is_empty());
            assert!(edit.payload["allowed_mentions"].is_object());
            assert!(edit.payload["attachments"].is_array());
        }
    }
}
