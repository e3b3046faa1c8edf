//! What an alarm's message says beyond the alarm: the newest errors of the functions concerned, and a deployment
//! shortly before.

use std::time::Duration;

use serde_json::{Value, json};

use super::aws::{Graph, Log};
use super::episode::{Episode, alarm, field, ok};
use super::stage::{Setting, handed_back};

const ERRORS: &str = "Last errors (UTC)";
const DEPLOYMENT: &str = "Last deployment";
/// 2026-07-19T10:00:00Z.
const TEN: i64 = 1_784_455_200_000;

/// A line as our functions log it.
fn error(second: i64, cause: &str) -> (i64, String) {
    let line = json!({"level": "ERROR", "message": "a request failed", "route": "POST /orders", "cause": cause});
    (TEN + 1_000 * second, line.to_string())
}

/// An alarm whose description names log groups.
fn with_groups(episode: &Episode) -> Value {
    let mut message = episode.message(alarm(0));
    message["AlarmDescription"] = "Orders fail.\n\nlogs: orders-a, orders-b".into();
    message
}

async fn shown(log: Log) -> (Episode, Option<String>) {
    let episode = Episode::usual().await;
    *episode.stage.aws.log.lock().unwrap() = log;
    episode.deliver(&with_groups(&episode)).await;
    let errors = field(&episode.last(), ERRORS);
    (episode, errors)
}

#[tokio::test]
async fn an_alarm_shows_the_three_newest_errors_of_its_log_groups_without_secrets() {
    let info = json!({"level": "INFO", "message": "an Error was mended"}).to_string();
    let lines = vec![
        error(9, "POST https://discord.com/api/webhooks/7/s3cr3t failed"),
        error(8, "password=hunter2"),
        (TEN + 7_000, info),
        error(3, "DynamoDB answered 500"),
        error(2, "DynamoDB answered 500"),
        error(1, "older"),
    ];
    let (episode, errors) = shown(Log::Lines(lines)).await;
    let expected = [
        "10:00:09 POST /orders: a request failed: POST https\\://discord\\.com/… failed (2 times)",
        "10:00:08 POST /orders: a request failed: password=\\[masked] (2 times)",
        "10:00:03 POST /orders: a request failed: DynamoDB answered 500 (4 times)",
    ];
    // Both groups have these lines.
    assert_eq!(errors.unwrap(), expected.join("\n"));
    let requests = episode.stage.aws.log_requests.lock().unwrap().clone();
    let mut asked: Vec<&str> = requests
        .iter()
        .map(|request| request["logGroupName"].as_str().unwrap())
        .collect();
    asked.sort_unstable();
    // Each has an empty page first.
    assert_eq!(asked, ["orders-a", "orders-a", "orders-b", "orders-b"]);
    for request in &requests {
        assert_eq!(request["startFromHead"], false);
        assert_eq!(request["startTime"], TEN + 5_000 - 600_000);
        assert_eq!(request["endTime"], TEN + 5_000 + 300_000);
    }
}

#[tokio::test]
async fn the_green_message_keeps_the_errors_of_the_time_when_it_fired() {
    let lines = vec![error(1, "DynamoDB answered 500")];
    let (episode, _) = shown(Log::Lines(lines)).await;
    let mut message = episode.message(ok(3_600));
    message["AlarmDescription"] = with_groups(&episode)["AlarmDescription"].clone();
    episode.stage.aws.log_requests.lock().unwrap().clear();
    episode.deliver(&message).await;
    assert!(episode.first().content.starts_with("🟢"));
    assert!(
        field(&episode.first(), ERRORS)
            .unwrap()
            .contains("answered 500")
    );
    let requests = episode.stage.aws.log_requests.lock().unwrap().clone();
    assert_eq!(requests[0]["startTime"], TEN + 5_000 - 600_000);
}

#[tokio::test]
async fn without_errors_or_without_the_right_to_read_them_an_alarm_has_no_such_field() {
    let info = (
        TEN,
        json!({"level": "INFO", "message": "ERROR"}).to_string(),
    );
    for log in [
        Log::Lines(Vec::new()),
        Log::Lines(vec![info]),
        Log::Forbidden,
    ] {
        let (episode, errors) = shown(log.clone()).await;
        assert_eq!(errors, None, "{log:?}");
        assert_eq!(episode.shown(), ["🔴 ALARM"], "{log:?}");
        let warned = episode.stage.logged("the alert goes without its errors");
        assert_eq!(warned, log == Log::Forbidden);
    }
}

#[tokio::test]
async fn logs_and_a_graph_that_never_come_together_cost_a_share_of_the_time() {
    let episode = Episode::set(Setting {
        real_time: true,
        ..Setting::default()
    })
    .await;
    *episode.stage.aws.log.lock().unwrap() = Log::Hanging;
    *episode.stage.aws.graph.lock().unwrap() = Graph::Hanging;
    let record = episode.record(&with_groups(&episode));
    let event = json!({"Records": [record]});
    // Two seconds are for sending. That is as long as anything is waited for at most.
    let answer = episode.stage.invoke_within(event, Duration::from_secs(4));
    let answer = answer.await;
    assert_eq!(handed_back(&answer.unwrap()), Vec::<String>::new());
    assert_eq!(episode.shown(), ["🔴 ALARM"]);
    assert!(episode.stage.logged("the alert goes without its errors"));
}

/// What an alarm says about a deployment.
async fn deployed(at: &str, status: &'static str) -> (Episode, Option<String>) {
    let episode = Episode::usual().await;
    let release = (at.to_owned(), status, "v1.4.2");
    *episode.stage.aws.deployed.lock().unwrap() = Some(release);
    episode.get(alarm(0)).await;
    let said = field(&episode.last(), DEPLOYMENT);
    (episode, said)
}

#[tokio::test]
async fn an_alarm_soon_after_a_deployment_says_what_was_deployed_and_when() {
    let (episode, said) = deployed("2026-07-19T09:48:00Z", "UPDATE_COMPLETE").await;
    let said = said.unwrap();
    assert!(said.contains("<t:1784454480:R>"), "{said}");
    assert!(said.ends_with(" · v1.4.2"), "{said}");
    // The green message still says so, an hour later.
    episode.get(ok(3_600)).await;
    assert!(field(&episode.first(), DEPLOYMENT).is_some());
}

#[tokio::test]
async fn a_deployment_that_was_rolled_back_is_said_to_be() {
    let (_, said) = deployed("2026-07-19T09:48:00Z", "UPDATE_ROLLBACK_COMPLETE").await;
    assert!(said.unwrap().ends_with(" · v1.4.2 · rolled back"));
}

#[tokio::test]
async fn a_deployment_of_an_earlier_hour_is_not_mentioned() {
    let (_, said) = deployed("2026-07-19T08:59:00Z", "UPDATE_COMPLETE").await;
    assert_eq!(said, None);
}

#[tokio::test]
async fn an_alarm_of_another_stack_says_nothing_about_this_one() {
    let episode = Episode::usual().await.named("payments-5xx");
    let release = (
        "2026-07-19T09:48:00Z".to_owned(),
        "UPDATE_COMPLETE",
        "v1.4.2",
    );
    *episode.stage.aws.deployed.lock().unwrap() = Some(release);
    episode.get(alarm(0)).await;
    assert_eq!(field(&episode.last(), DEPLOYMENT), None);
}
