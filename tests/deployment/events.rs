//! The sample events in `events/`, and the expected answer to each.
//!
//! The story is a sequence of events. These tests send it to the handlers in this process;
//! `bootstraps.rs` sends it to the built functions.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use local::serve::{Options, Running, start};
use serde_json::{Value, json};
use template::Kind;

use crate::support::description::{self, Described};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");

/// The authorizer's sample in which the tests replace `TOKEN` by a valid token.
///
/// A file cannot contain a valid token: it expires, and its issuer's secret is made at the first start.
pub(crate) const TOKEN_EVENT: &str = "authorizer/token.json";

/// How many alerts one Discord stand-in receives. It accepts five messages in two seconds.
const ALERTS_AT_ONCE: usize = 5;

/// A file, its function, and members that the answer must have.
type Step = (&'static str, Kind, Value);

fn http(status: u16) -> Value {
    json!({"statusCode": status})
}

fn problem(status: u16, kind: &str) -> Value {
    json!({"statusCode": status, "body": {"type": format!("urn:surefire:problem:{kind}")}})
}

fn order(status: u16, state: &str) -> Value {
    json!({"statusCode": status, "body": {"sku": null, "status": state}})
}

/// The events of a shop with the demo products. Their order matters.
fn shop_story() -> Vec<Step> {
    let available = |count: i64| json!({"statusCode": 200, "body": {"available": count}});
    let replayed = json!({
        "statusCode": 201,
        "headers": {"idempotent-replayed": "true", "order-status": "pending"},
        "body": {"status": "pending"},
    });
    let steps = [
        ("orders/list-products.json", http(200)),
        ("orders/get-product.json", available(10)),
        ("place-order.json", order(201, "pending")),
        ("orders/place-replay.json", replayed),
        (
            "orders/place-key-reused.json",
            problem(422, "idempotency-key-reused"),
        ),
        (
            "orders/place-out-of-stock.json",
            problem(409, "out-of-stock"),
        ),
        (
            "orders/place-price-changed.json",
            problem(409, "price-changed"),
        ),
        ("orders/place-invalid.json", problem(400, "invalid-request")),
        (
            "orders/place-without-key.json",
            problem(400, "idempotency-key-missing"),
        ),
        ("orders/get.json", order(200, "pending")),
        ("orders/get-unknown.json", problem(404, "not-found")),
        ("orders/list.json", http(200)),
        ("orders/confirm.json", order(200, "confirmed")),
        ("orders/cancel-stale.json", problem(412, "has-changed")),
        ("orders/cancel.json", order(200, "cancelled")),
        ("orders/place-with-metadata.json", order(201, "pending")),
        (
            "orders/fulfil-not-confirmed.json",
            problem(409, "order-not-confirmed"),
        ),
        (
            "orders/confirm-amount-differs.json",
            problem(409, "amount-differs"),
        ),
        ("orders/confirm-amount.json", order(200, "confirmed")),
        ("orders/fulfil.json", order(200, "fulfilled")),
        (
            "orders/return.json",
            json!({"statusCode": 201, "body": {"restock": true}}),
        ),
        (
            "orders/return-exceeds-shipped.json",
            problem(409, "exceeds-shipped"),
        ),
        ("orders/list-of-day.json", http(200)),
        ("orders/get-product-unknown.json", problem(404, "not-found")),
        ("orders/put-product.json", http(200)),
        ("orders/put-product-new.json", http(201)),
        (
            "orders/adjust-stock.json",
            json!({"statusCode": 201, "body": {"delta": 10}}),
        ),
        (
            "orders/adjust-below-zero.json",
            problem(409, "stock-would-be-negative"),
        ),
    ];
    let of_orders = |(file, expected)| (file, Kind::Orders, expected);
    steps.into_iter().map(of_orders).collect()
}

/// Events whose order does not matter.
fn single_steps() -> Vec<Step> {
    let denied = json!({"isAuthorized": false});
    let cors = |file, status| (file, Kind::Cors, http(status));
    let token = |file| (file, Kind::Authorizer, denied.clone());
    vec![
        cors("cors/allowed-preflight.json", 204),
        cors("cors/bare-options.json", 204),
        cors("cors/foreign-preflight.json", 403),
        cors("cors/preflight-unknown-path.json", 204),
        cors("cors/preflight-unlisted-method.json", 403),
        token("authorizer/no-token.json"),
        token("authorizer/not-a-token.json"),
        token("authorizer/other-scheme.json"),
        token("authorizer/algorithm-none.json"),
        token("authorizer/other-algorithm.json"),
        token("authorizer/other-issuer.json"),
        token("authorizer/other-key.json"),
        token("authorizer/other-signature.json"),
        token(TOKEN_EVENT),
        (
            "authorizer/wrong-event.json",
            Kind::Authorizer,
            json!({"errorType": "WrongEvent"}),
        ),
        (
            "orders-sweeper/schedule.json",
            Kind::OrdersSweeper,
            json!({"expired": 0, "left": 0}),
        ),
        (
            "orders-auditor/schedule.json",
            Kind::OrdersAuditor,
            json!({"outcome": "sound", "violations": [], "passes": 1}),
        ),
        (
            "release-check/wrong-event.json",
            Kind::ReleaseCheck,
            json!({"errorType": "WrongEvent"}),
        ),
    ]
}

/// A file of `events/`.
pub(crate) fn text(file: &str) -> String {
    let path = Path::new(DIRECTORY).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn event(file: &str) -> Value {
    serde_json::from_str(&text(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The samples of the alert forwarder.
pub(crate) fn alerts() -> Vec<String> {
    let files = files(Path::new(DIRECTORY));
    let alerts = files.into_iter().filter(|file| file.starts_with("alerts/"));
    alerts.collect()
}

/// The samples of the functions behind the API.
pub(crate) fn http_samples() -> Vec<Value> {
    let files = files(Path::new(DIRECTORY)).into_iter();
    // An authorizer's event has a route, too, and a type.
    let is_http = |event: &Value| event["routeKey"].is_string() && event["type"].is_null();
    files.map(|file| event(&file)).filter(is_http).collect()
}

/// Every file, by its path in `events/`.
fn files(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            // A text beside a sample shows its message.
            let name = path.strip_prefix(DIRECTORY).unwrap().to_str().unwrap();
            found.insert(name.to_owned());
        }
    }
    found
}

/// Sends the story's events to the functions, and checks each answer. If a function fails, `invoke`
/// returns the error in Lambda's format.
pub(crate) async fn check_story(invoke: impl AsyncFn(Kind, Value) -> Value) {
    let mut wrong = Vec::new();
    for (file, kind, expected) in shop_story().into_iter().chain(single_steps()) {
        let answer = invoke(kind, event(file)).await;
        assert_described(&event(file), &answer);
        let answer = with_body_read(&answer);
        if !has(&answer, &expected) {
            wrong.push(format!("{file}: {answer:#} is not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A sample whose alarm no other sample has. An alarm that several samples are about would be one incident,
/// and only its newest change would be shown.
fn own_alarm(file: &str) -> Value {
    let name = file.trim_start_matches("alerts/").trim_end_matches(".json");
    let text = text(file).replace(":alarm:", &format!(":alarm:{name}-"));
    serde_json::from_str(&text).unwrap()
}

/// Fails unless openapi.yaml describes what a function answered to an event of the gateway.
fn assert_described(event: &Value, answer: &Value) {
    let http = &event["requestContext"]["http"];
    let (Some(method), Some(status)) = (http["method"].as_str(), answer["statusCode"].as_u64())
    else {
        return;
    };
    let headers = answer["headers"].as_object().unwrap().iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let headers: HashMap<String, String> = headers.collect();
    description::assert_described(&Described {
        method: &method.parse().unwrap(),
        path: http["path"].as_str().unwrap(),
        status: status.try_into().unwrap(),
        headers: &(&headers).try_into().unwrap(),
        body: answer["body"].as_str().unwrap_or_default(),
    });
}

/// Sends one alert and checks the answer. Returns how many messages Discord received.
pub(crate) async fn alert(file: &str, invoke: impl AsyncFn(Kind, Value) -> Value) -> u64 {
    let event = own_alarm(file);
    let records = event["Records"].as_array().cloned().unwrap_or_default();
    let is_batch = records
        .iter()
        .any(|record| record["eventSource"] == "aws:sqs");
    let answer = invoke(Kind::AlertForwarder, event).await;
    if is_batch {
        assert_eq!(answer, json!({"batchItemFailures": []}), "{file}");
        return records.len().try_into().unwrap();
    }
    let count = |name: &str| {
        answer[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{file}: {answer}"))
    };
    assert_eq!(count("suppressed"), 0, "{file}");
    count("delivered")
}

/// Checks that the authorizer allowed a token of the customer `demo`, and its context.
#[track_caller]
pub(crate) fn assert_allowed(answer: &Value, issuer: &str) {
    let context = json!({"issuer": issuer, "sub": "demo", "scope": "orders:write"});
    let expected = json!({"isAuthorized": true, "context": context});
    assert!(has(answer, &expected), "{answer}");
}

/// The answer, with its body parsed if that is JSON.
fn with_body_read(answer: &Value) -> Value {
    let mut read = answer.clone();
    let body = answer["body"].as_str().unwrap_or_default();
    if let Ok(body) = serde_json::from_str(body) {
        read["body"] = body;
    }
    read
}

/// Whether a value has all the expected members. It may have more.
fn has(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::Object(members), Value::Object(expected)) => {
            let member = |name: &String| members.get(name).unwrap_or(&Value::Null);
            expected
                .iter()
                .all(|(name, expected)| has(member(name), expected))
        }
        _ => value == expected,
    }
}

/// A shop with the demo products. Its sweeper runs only when a test invokes it.
pub(crate) async fn demo_shop() -> Running {
    let options = Options {
        schedules: false,
        ..Options::in_memory()
    };
    start(options).await.unwrap()
}

async fn invoked(running: &Running, kind: Kind, event: Value) -> Value {
    let (logical, _) = running.template.function(kind).unwrap();
    let invoked = running.functions.invoke(logical, event, None).await;
    invoked.unwrap_or_else(|error| error.to_json())
}

#[test]
fn every_file_in_events_is_in_the_story() {
    let listed = shop_story().into_iter().chain(single_steps());
    let listed: BTreeSet<String> = listed
        .map(|(file, ..)| file.to_owned())
        .chain(alerts())
        .collect();
    let files = files(Path::new(DIRECTORY));
    for file in &files {
        assert!(
            listed.contains(file),
            "events/{file} has no answer in tests/deployment/events.rs: add one"
        );
    }
    for file in &listed {
        assert!(
            files.contains(file),
            "tests/deployment/events.rs has an answer to events/{file}, which does not exist"
        );
    }
}

#[tokio::test]
async fn every_sample_event_is_answered_as_the_story_says() {
    let running = demo_shop().await;
    check_story(async |kind, event| invoked(&running, kind, event).await).await;
    running.stop().await;
}

#[tokio::test]
async fn a_repeat_of_the_sample_order_has_the_same_bytes() {
    let running = demo_shop().await;
    let first = invoked(&running, Kind::Orders, event("place-order.json")).await;
    let again = invoked(&running, Kind::Orders, event("orders/place-replay.json")).await;
    assert!(first["body"].is_string(), "{first}");
    assert_eq!(first["body"], again["body"]);
    running.stop().await;
}

#[tokio::test]
async fn the_sample_with_a_real_token_is_allowed() {
    let running = demo_shop().await;
    let token = running.token("demo", "orders:write").unwrap();
    let event = serde_json::from_str(&text(TOKEN_EVENT).replace("TOKEN", &token)).unwrap();
    let answer = invoked(&running, Kind::Authorizer, event).await;
    assert_allowed(&answer, "local");
    running.stop().await;
}

#[tokio::test]
async fn every_sample_alert_reaches_discord() {
    for files in alerts().chunks(ALERTS_AT_ONCE) {
        let running = demo_shop().await;
        let mut sent = 0;
        for file in files {
            sent += alert(file, async |kind, event| {
                invoked(&running, kind, event).await
            })
            .await;
        }
        let arrived: u64 = running.discord.messages().len().try_into().unwrap();
        assert!(
            0 < sent && arrived == sent,
            "{files:?}: {arrived} of {sent}"
        );
        running.stop().await;
    }
}
