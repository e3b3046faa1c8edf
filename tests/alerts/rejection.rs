//! A route that Discord rejects: each fault has words of its own, and no alert is lost.

use discord::Thread;
use discord::fault::Fault;

use super::stage::{Setting, Stage, alarm};
use super::watch::TOKEN;

/// Answers the first call with a fault of the route. The alert must be kept, with one call and these words.
async fn rejected(fault: Fault, words: &str) {
    let stage = Stage::usual().await;
    stage.discord.fail([fault.clone()]);
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"], "{fault:?}");
    assert_eq!(stage.handed_back(&[alarm("b")]).await, ["b"], "{fault:?}");
    assert_eq!(stage.posts().len(), 1, "{fault:?}");
    assert!(stage.logged(words), "{fault:?}: {words}");
    assert_eq!(stage.metric("RouteCircuitOpen"), 1, "{fault:?}");
    assert!(stage.aws.dead_letters.lock().unwrap().is_empty());
}

#[tokio::test]
async fn each_fault_of_a_route_keeps_the_alert_and_has_its_own_words() {
    let webhook = "put a working webhook URL into the secret";
    rejected(Fault::Code(404, 10_015), webhook).await;
    rejected(Fault::Code(401, 50_027), webhook).await;
    rejected(Fault::Code(403, 50_013), webhook).await;
    rejected(Fault::Code(404, 0), webhook).await;
    rejected(
        Fault::Code(404, 10_003),
        "thread or channel no longer exists",
    )
    .await;
    rejected(Fault::Code(400, 160_005), "thread is locked or archived").await;
    rejected(Fault::Code(400, 50_083), "thread is locked or archived").await;
    rejected(Fault::Code(400, 220_001), "give the route a thread_name").await;
    rejected(Fault::Code(400, 220_003), "remove the route's thread_name").await;
    rejected(Fault::Code(400, 40_067), "change the route's tags").await;
    rejected(Fault::Status(403), "the edge in front of Discord blocks").await;
}

#[tokio::test]
async fn a_page_of_html_from_the_edge_does_not_blame_the_webhook() {
    let stage = Stage::usual().await;
    stage.discord.fail([Fault::Status(403)]);
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(!stage.logged("put a working webhook URL"));
}

#[tokio::test]
async fn a_deleted_thread_is_the_fault_of_its_route_alone() {
    let stage = Stage::set(Setting {
        routes: Some(
            r#"[{"name": "a", "match": {"name": "a*"}, "thread_id": "111111111111111111", "fallback": "b"},
                {"name": "b"}]"#,
        ),
        ..Setting::default()
    })
    .await;
    stage.discord.set_thread("111111111111111111", Thread::Gone);
    let alarms = [alarm("a1"), alarm("a2"), alarm("b1")];
    assert!(stage.handed_back(&alarms).await.is_empty());
    assert_eq!(stage.posts().len(), 4);
    let threads = stage.discord.messages();
    assert!(threads.iter().all(|message| message.thread_id.is_none()));
}

#[tokio::test]
async fn an_answer_that_asks_for_another_try_gets_one_with_the_whole_message() {
    for status in [408, 425] {
        let stage = Stage::usual().await;
        stage.discord.fail([Fault::Status(status)]);
        assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
        assert_eq!(stage.posts().len(), 2);
        let message = stage.discord.messages().pop().unwrap();
        assert!(
            !message.components.is_empty(),
            "{status}: nothing is left out"
        );
        assert!(!super::delivery::is_labelled(&message), "{status}");
    }
}

#[tokio::test]
async fn a_redirect_within_the_host_is_followed_with_the_message() {
    let stage = Stage::usual().await;
    let moved = format!("/api/v10/webhooks/8/{TOKEN}?wait=true");
    stage.discord.fail([Fault::Redirect(moved)]);
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    let message = stage.discord.messages().pop().unwrap();
    assert_eq!(message.webhook_id, "8");
    assert!(message.content.starts_with("🔴 ALARM · a"));
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed_and_the_alert_is_kept() {
    let other = Stage::usual().await;
    let url = other.aws.secret.lock().unwrap().clone();
    let stage = Stage::usual().await;
    stage
        .discord
        .script(move |_| Some(Fault::Redirect(url.clone())));
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(other.posts().is_empty(), "the token went to another host");
    assert!(stage.logged("redirected to a place outside Discord"));
}

#[tokio::test]
async fn a_ring_of_redirects_ends() {
    let stage = Stage::usual().await;
    let here = format!("/api/v10/webhooks/7/{TOKEN}");
    stage
        .discord
        .script(move |_| Some(Fault::Redirect(here.clone())));
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(stage.logged("too many redirects"));
    assert_eq!(stage.posts().len(), 9, "three tries of three calls each");
}

#[tokio::test]
async fn a_forum_without_a_thread_name_is_the_routes_fault_and_a_fallback_takes_over() {
    let stage = Stage::set(Setting {
        routes: Some(
            r#"[{"name": "forum", "webhook": "forum", "fallback": "rest"}, {"name": "rest"}]"#,
        ),
        secret: Some(
            r#"{"forum": "HOST/api/webhooks/1/TOKEN", "default": "HOST/api/webhooks/2/TOKEN"}"#,
        ),
        ..Setting::default()
    })
    .await;
    stage.discord.make_forum("1", false);
    let alarms = [alarm("a"), alarm("b")];
    assert!(stage.handed_back(&alarms).await.is_empty());
    assert_eq!(stage.posts().len(), 3, "the forum is called once");
    assert!(stage.logged("give the route a thread_name or a thread_id"));
    assert_eq!(stage.metric("AlertRefused"), 0);
    assert_eq!(stage.metric("AlertDegraded"), 0);
}

#[tokio::test]
async fn each_alert_of_a_route_with_a_thread_name_begins_a_thread_of_a_forum() {
    let stage = Stage::set(Setting {
        routes: Some(
            r#"[{"name": "forum", "thread_name": "{name} of the shop", "tags": ["111111111111111111"]}]"#,
        ),
        ..Setting::default()
    })
    .await;
    stage.discord.make_forum("7", true);
    let long = "n".repeat(150);
    let alarms = [alarm("orders-5xx"), alarm(&long)];
    assert!(stage.handed_back(&alarms).await.is_empty());
    let messages = stage.discord.messages();
    assert_eq!(
        messages[0].thread_name.as_deref(),
        Some("orders-5xx of the shop")
    );
    assert_eq!(messages[0].thread_id.as_ref(), Some(&messages[0].id));
    let name = messages[1].thread_name.as_deref().unwrap();
    assert_eq!(
        (name.chars().count(), name.chars().last()),
        (100, Some('…'))
    );
}
