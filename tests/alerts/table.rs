//! The table while other instances write it, when it hangs, and how long it keeps what.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use alert_forwarder::Timeouts;
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use discord::fault::Fault;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::episode::{Episode, alarm, ok};
use super::floods::{alert, deliver, digests, text};
use super::stage::{Setting, Stage, database, serve};

/// How many incidents of a minute get a message of their own.
const ALONE_MAX: usize = 10;

/// What happens to a request.
pub(super) enum Fate {
    Passes,
    /// Another instance writes the item first.
    Overtaken,
    /// Another instance changes the content of the item first.
    Changed(fn(&mut Value)),
    Refused,
    Hangs,
}

/// Sends a request to the database.
async fn send(url: &str, action: &str, headers: &HeaderMap, body: Vec<u8>) -> (StatusCode, Bytes) {
    let mut request = reqwest::Client::new().post(url).body(body);
    for name in ["authorization", "content-type", "x-amz-date"] {
        if let Some(value) = headers.get(name) {
            request = request.header(name, value);
        }
    }
    let answer = request.header("x-amz-target", action).send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap())
}

/// Starts a table. `fate` decides about each request from its action and its body. Returns its URL.
pub(super) async fn table(fate: impl Fn(&str, &Value) -> Fate + Send + Sync + 'static) -> String {
    let (url, fate) = (database().await, Arc::new(fate));
    serve(
        Router::new().fallback(move |headers: HeaderMap, body: Bytes| {
            let (url, fate) = (url.clone(), Arc::clone(&fate));
            async move {
                let action = headers["x-amz-target"].to_str().unwrap().to_owned();
                let request: Value = serde_json::from_slice(&body).unwrap();
                match fate(&action, &request) {
                    Fate::Passes => {}
                    Fate::Hangs => std::future::pending().await,
                    Fate::Refused => {
                        let fault =
                            json!({"__type": "com.amazon.coral.validate#ValidationException"});
                        return answer(StatusCode::BAD_REQUEST, fault.to_string().into());
                    }
                    Fate::Changed(change) => rewrite(&url, &headers, &key(&request), change).await,
                    Fate::Overtaken => {
                        let first = json!({
                            "TableName": "alerts", "Key": {"pk": {"S": key(&request)}},
                            "UpdateExpression": "ADD version :one",
                            "ExpressionAttributeValues": {":one": {"N": "1"}},
                        });
                        let action = "DynamoDB_20120810.UpdateItem";
                        let (status, _) =
                            send(&url, action, &headers, first.to_string().into()).await;
                        assert_eq!(status, 200);
                    }
                }
                let (status, body) = send(&url, &action, &headers, body.to_vec()).await;
                answer(status, body)
            }
        }),
    )
    .await
}

fn answer(status: StatusCode, body: Bytes) -> Response {
    let headers = [("content-type", "application/x-amz-json-1.0")];
    (status, headers, body).into_response()
}

/// Changes the content of an item, as another instance would.
async fn rewrite(url: &str, headers: &HeaderMap, key: &str, change: fn(&mut Value)) {
    let call = async |action: &str, mut request: Value| -> Value {
        request["TableName"] = "alerts".into();
        let action = format!("DynamoDB_20120810.{action}");
        let (status, answer) = send(url, &action, headers, request.to_string().into()).await;
        assert_eq!(status, 200);
        serde_json::from_slice(&answer).unwrap()
    };
    let read = json!({"Key": {"pk": {"S": key}}, "ConsistentRead": true});
    let mut item = call("GetItem", read).await["Item"].take();
    let mut content = serde_json::from_str(item["content"]["S"].as_str().unwrap()).unwrap();
    change(&mut content);
    item["content"]["S"] = content.to_string().into();
    let version: u64 = item["version"]["N"].as_str().unwrap().parse().unwrap();
    item["version"]["N"] = (version + 1).to_string().into();
    call("PutItem", json!({"Item": item})).await;
}

pub(super) fn key(request: &Value) -> String {
    let of = |part: &str| request[part]["pk"]["S"].as_str().map(str::to_owned);
    of("Item").or_else(|| of("Key")).unwrap_or_default()
}

/// Whether a request is the first one that writes this text into a flood.
fn writes_first(text: &'static str) -> impl Fn(&str, &Value) -> bool + Send + Sync {
    let seen = AtomicUsize::new(0);
    move |action, request| {
        let content = request["Item"]["content"]["S"].as_str().unwrap_or_default();
        let is_it = action.ends_with(".PutItem")
            && key(request).starts_with("flood#")
            && content.contains(text);
        is_it && seen.fetch_add(1, Ordering::Relaxed) == 0
    }
}

/// More new incidents than get messages of their own, by one: it is the first line of a digest.
pub(super) fn eleven() -> Vec<Value> {
    (0..=ALONE_MAX)
        .map(|number| alert(number, "ALARM", false))
        .collect()
}

/// How many messages the function has sent itself to show a digest.
pub(super) fn awaited(stage: &Stage) -> usize {
    let wakes = stage.aws.wakes.lock().unwrap();
    wakes
        .iter()
        .filter(|(_, body)| body.contains("flood#"))
        .count()
}

/// Delivers the first ten of eleven new incidents, which get messages of their own, and then the last.
/// Returns what is handed back of it.
pub(super) async fn the_eleventh(
    stage: &Stage,
    before_the_last: impl FnOnce(&Stage),
) -> Vec<String> {
    let mut alerts = eleven();
    let last = alerts.pop().unwrap();
    deliver(stage, alerts).await;
    assert_eq!(stage.discord.messages().len(), ALONE_MAX);
    before_the_last(stage);
    stage.handed_back(&[last]).await
}

fn breaks_digests(stage: &Stage) {
    stage.discord.script(|attempt| {
        let is_digest = attempt.text.contains("in one minute");
        is_digest.then_some(Fault::Status(500))
    });
}

#[tokio::test]
async fn a_line_of_a_digest_that_another_instance_overtakes_is_written_again() {
    let (new, over) = (writes_first("alarm-010"), writes_first(r#""state":"Ok""#));
    let overtaken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&overtaken);
    let stage = Stage::set(Setting {
        table_url: Some(
            table(move |action, request| {
                if new(action, request) || over(action, request) {
                    count.fetch_add(1, Ordering::Relaxed);
                    return Fate::Overtaken;
                }
                Fate::Passes
            })
            .await,
        ),
        ..Setting::default()
    })
    .await;
    deliver(&stage, eleven()).await;
    assert_eq!(overtaken.load(Ordering::Relaxed), 1);
    let shown = text(&digests(&stage)[0]);
    assert!(shown.contains("🔴 ALARM · alarm-010"), "{shown}");
    stage.clock.advance(Duration::from_mins(5));
    deliver(&stage, vec![alert(ALONE_MAX, "OK", false)]).await;
    assert_eq!(overtaken.load(Ordering::Relaxed), 2);
    let shown = text(&digests(&stage)[0]);
    assert!(shown.contains("🟢 OK · alarm-010"), "{shown}");
}

/// Delivers an alert to an instance that has this much time. The table never answers for keys that begin with `prefix`,
/// and the alert is shown nevertheless.
pub(super) async fn show_without(prefix: &'static str, time: Duration, patience: Duration) {
    let url = table(move |_, request| {
        if key(request).starts_with(prefix) {
            Fate::Hangs
        } else {
            Fate::Passes
        }
    });
    let stage = Stage::set(Setting {
        table_url: Some(url.await),
        timeouts: Some(Timeouts {
            table: Duration::from_mins(10),
            ..Timeouts::default()
        }),
        ..Setting::default()
    })
    .await;
    let event = json!({"Records": [alert(0, "ALARM", false)]});
    let answer = timeout(patience, stage.invoke_within(event, time)).await;
    let answer = answer
        .expect("the invocation waited for the table")
        .unwrap();
    assert_eq!(answer["batchItemFailures"], json!([]));
    assert_eq!(stage.discord.messages().len(), 1);
}

#[tokio::test]
async fn a_place_in_a_flood_that_cannot_be_had_costs_a_quarter_of_the_time() {
    // 4.4 seconds are for sending. A quarter of them is short, and four times as long is more than the patience.
    let (time, patience) = (Duration::from_millis(6_400), Duration::from_secs(15));
    show_without("flood#", time, patience).await;
}

#[tokio::test]
async fn a_lease_lasts_a_minute_or_half_a_minute_longer_than_the_time_to_send() {
    for (time, lasts) in [(20, 60), (600, 628)] {
        let until = Arc::new(AtomicI64::new(0));
        let seen = Arc::clone(&until);
        let url = table(move |_, request| {
            let of = |name: &str| request["Item"][name]["N"].as_str()?.parse().ok();
            if key(request).starts_with("incident#") && seen.load(Ordering::Relaxed) == 0 {
                seen.store(of("leased_until").unwrap_or_default(), Ordering::Relaxed);
            }
            Fate::Passes
        })
        .await;
        let stage = Stage::set(Setting {
            table_url: Some(url),
            ..Setting::default()
        })
        .await;
        let now = stage.world.now().as_second();
        let event = json!({"Records": [alert(0, "ALARM", false)]});
        let answer = stage.invoke_within(event, Duration::from_secs(time));
        assert_eq!(answer.await.unwrap()["batchItemFailures"], json!([]));
        assert_eq!(until.load(Ordering::Relaxed) - now, lasts, "{time} s");
    }
}

#[tokio::test]
async fn a_digest_that_is_shown_at_once_needs_no_message_to_ourselves() {
    let stage = Stage::usual().await;
    assert_eq!(the_eleventh(&stage, |_| {}).await, [""; 0]);
    assert!(text(&digests(&stage)[0]).contains("alarm-010"));
    assert_eq!(awaited(&stage), 0);
}

#[tokio::test]
async fn a_digest_that_cannot_be_shown_now_is_shown_by_a_message_to_ourselves() {
    let stage = Stage::usual().await;
    assert_eq!(the_eleventh(&stage, breaks_digests).await, [""; 0]);
    assert_eq!(awaited(&stage), 1);
    stage.discord.script(|_| None);
    deliver(&stage, Vec::new()).await;
    assert!(text(&digests(&stage)[0]).contains("alarm-010"));
}

#[tokio::test]
async fn an_alert_comes_back_if_neither_its_digest_nor_a_message_to_ourselves_can_be_sent() {
    let stage = Stage::usual().await;
    let back = the_eleventh(&stage, |stage| {
        breaks_digests(stage);
        *stage.aws.queue_is_broken.lock().unwrap() = true;
    })
    .await;
    assert_eq!(back, ["alarm-010-ALARM"]);
    stage.discord.script(|_| None);
    *stage.aws.queue_is_broken.lock().unwrap() = false;
    stage.clock.advance(Duration::from_mins(2));
    deliver(&stage, vec![alert(ALONE_MAX, "ALARM", false)]).await;
    // That is in another minute, so it gets a message of its own.
    let last = stage.discord.messages().pop().unwrap();
    assert!(text(&last).contains("alarm-010"), "{}", text(&last));
}

#[tokio::test]
async fn an_incident_is_kept_while_it_fires_and_for_fifteen_days_after_it() {
    let episode = Episode::usual().await;
    let expires = async || {
        let scanned = episode.stage.table.scan().table_name("alerts").send().await;
        let items = scanned.unwrap().items.unwrap();
        let of = |item: &std::collections::HashMap<String, _>, name: &str| item.get(name).cloned();
        let incident = items.iter().find(|item| {
            let pk: aws_sdk_dynamodb::types::AttributeValue = of(item, "pk").unwrap();
            pk.as_s().unwrap().starts_with("incident#")
        });
        let at = of(incident.unwrap(), "expires_at")?;
        Some(at.as_n().unwrap().parse::<i64>().unwrap())
    };
    episode.get(alarm(0)).await;
    assert_eq!(expires().await, None);
    episode.get(ok(60)).await;
    let now = episode.stage.world.now().as_second();
    assert_eq!(expires().await, Some(now + 15 * 24 * 60 * 60));
}
