//! Tests each `bootstrap` that `sam build` made: starts it as Lambda does and invokes it with events.
//! Its answers must be the same as the handlers'.
//!
//! The tests need these files, so they run in their own step: `./check build bootstraps`.

mod bootstrap;
mod cost_report;

use std::collections::BTreeMap;

use lambda::Written;
use local::token::{ES256, Request};
use serde_json::{Value, json};
use template::Kind;
use tokio::sync::Mutex;

use self::bootstrap::{Bootstrap, error_type, failed_init};
use crate::deployment::events;
use crate::shop;
use crate::support::harness::{line, order_of};

/// A variable that each function needs to start.
const REQUIRED: [(Kind, &str); 7] = [
    (Kind::Orders, "TABLE_NAME"),
    (Kind::Cors, "ALLOWED_ORIGINS"),
    (Kind::Authorizer, "ISSUERS"),
    (Kind::AlertForwarder, "WEBHOOK_SECRET_ID"),
    (Kind::OrdersSweeper, "TABLE_NAME"),
    (Kind::OrdersAuditor, "TABLE_NAME"),
    (Kind::ReleaseCheck, "ORDERS_VERSION"),
];

/// An event for each function, and a member that its answer has.
const ANSWERED: [(Kind, &str, &str); 6] = [
    (Kind::Orders, "orders/list-products.json", "statusCode"),
    (Kind::Cors, "cors/allowed-preflight.json", "statusCode"),
    (
        Kind::Authorizer,
        "authorizer/not-a-token.json",
        "isAuthorized",
    ),
    (
        Kind::AlertForwarder,
        "alerts/metric-alarm.json",
        "batchItemFailures",
    ),
    (
        Kind::OrdersSweeper,
        "orders-sweeper/schedule.json",
        "expired",
    ),
    (
        Kind::OrdersAuditor,
        "orders-auditor/schedule.json",
        "outcome",
    ),
];

/// Checks that a function wrote only its log, one JSON object a line, and no panic.
#[track_caller]
fn assert_clean(kind: Kind, written: &Written) {
    let name = kind.binary();
    assert_eq!(written.stderr, "", "{name}");
    for line in written.log.lines() {
        let read: Result<BTreeMap<String, Value>, _> = serde_json::from_str(line);
        assert!(read.is_ok(), "{name}: {line}");
        assert!(!line.contains("panicked"), "{name}: {line}");
    }
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn every_sample_event_is_answered_by_the_built_functions() {
    let running = events::demo_shop().await;
    let mut started = Vec::new();
    let kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| kind.is_of_the_api())
        .collect();
    for kind in kinds.iter().copied() {
        let bootstrap = Bootstrap::start(&running, kind).await;
        println!(
            "{:<16} was ready for its first invocation after {:.1} ms",
            kind.binary(),
            bootstrap.first_next.as_secs_f64() * 1e3
        );
        started.push(Mutex::new(bootstrap));
    }
    let invoke = async |kind: Kind, event: Value| {
        let index = kinds.iter().position(|own| *own == kind).unwrap();
        started[index].lock().await.invoke(&event).await
    };
    events::check_story(&invoke).await;
    let mut sent = 0;
    for file in events::alerts() {
        sent += events::alert(&file, &invoke).await;
    }
    let arrived: u64 = running.discord.messages().len().try_into().unwrap();
    assert_eq!(arrived, sent);
    for bootstrap in started {
        let bootstrap = bootstrap.into_inner();
        assert_clean(bootstrap.kind, &bootstrap.end());
    }
    running.stop().await;
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn the_built_orders_function_replays_an_order_and_refuses_one_beyond_the_stock() {
    let running = events::demo_shop().await;
    let mut orders = Bootstrap::start(&running, Kind::Orders).await;
    let placed = orders.invoke(&events::event("place-order.json")).await;
    assert_eq!(placed["statusCode"], 201, "{placed}");
    let again = orders
        .invoke(&events::event("orders/place-replay.json"))
        .await;
    assert_eq!(again["headers"]["idempotent-replayed"], "true", "{again}");
    assert_eq!(again["body"], placed["body"]);
    let refused = events::event("orders/place-out-of-stock.json");
    let (first, second) = (orders.invoke(&refused).await, orders.invoke(&refused).await);
    assert_eq!(first["statusCode"], 409, "{first}");
    assert_eq!(second["body"], first["body"]);
    // A second process replays it too, like a second environment in Lambda.
    let mut other = Bootstrap::start(&running, Kind::Orders).await;
    let again = other.invoke(&events::event("place-order.json")).await;
    assert_eq!(again["headers"]["idempotent-replayed"], "true", "{again}");
    assert_eq!(again["body"], placed["body"]);
    running.stop().await;
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn the_built_sweeper_expires_an_overdue_hold() {
    shop(async |shop| {
        // The order is placed twenty minutes in the past, because the built function uses the machine's
        // clock.
        shop.pass_seconds(-20 * 60);
        shop.stock("TEA-01", 5).await;
        let body = order_of(&[line("TEA-01", 2)]);
        let id = shop
            .place_as("demo", "overdue", &body)
            .await
            .assert(201)
            .order_id();
        assert_eq!(shop.available("TEA-01").await, 3);
        let mut sweeper = Bootstrap::start(&shop.running, Kind::OrdersSweeper).await;
        let event = events::event("orders-sweeper/schedule.json");
        let swept = sweeper.invoke(&event).await;
        assert_eq!(
            (&swept["expired"], &swept["left"]),
            (&json!(1), &json!(0)),
            "{swept}"
        );
        assert_eq!(shop.read("demo", &id).await.json()["status"], "expired");
        assert_eq!(shop.available("TEA-01").await, 5);
        assert_eq!(sweeper.invoke(&event).await["expired"], 0);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn the_built_authorizer_allows_valid_tokens_and_never_logs_one() {
    let running = events::demo_shop().await;
    let mut authorizer = Bootstrap::start(&running, Kind::Authorizer).await;
    let with = |token: &str| {
        let text = events::text(events::TOKEN_EVENT).replace("TOKEN", token);
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let token = running.token("demo", "orders:write").unwrap();
    events::assert_allowed(&authorizer.invoke(&with(&token)).await, "local");
    // The keys of this issuer are fetched by discovery.
    let request = Request {
        algorithm: ES256,
        ..Request::new("orders:write")
    };
    let signed = running.sign(&request).unwrap();
    events::assert_allowed(&authorizer.invoke(&with(&signed)).await, "local-es256");
    let other_scope = running.token("demo", "orders:read").unwrap();
    let cut = token.trim_end_matches(|letter| letter != '.');
    for denied in [other_scope.as_str(), cut, ""] {
        let answer = authorizer.invoke(&with(denied)).await;
        assert_eq!(answer, json!({"isAuthorized": false}), "{denied}");
    }
    let written = authorizer.end();
    assert_clean(Kind::Authorizer, &written);
    for token in [token, signed] {
        let (_, signature) = token.rsplit_once('.').unwrap();
        assert!(!written.log.contains(signature), "{}", written.log);
    }
    running.stop().await;
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn a_batch_of_alarms_reaches_discord_through_the_built_forwarder() {
    let running = events::demo_shop().await;
    let mut forwarder = Bootstrap::start(&running, Kind::AlertForwarder).await;
    let batch = events::event("alerts/batch.json");
    let answer = forwarder.invoke(&batch).await;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let calls = running.discord.calls();
    let texts: Vec<String> = calls.iter().map(|call| call.payload.to_string()).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    for name in ["surefire-batch-0", "surefire-batch-1", "surefire-batch-2"] {
        let naming = texts.iter().filter(|text| text.contains(name)).count();
        assert_eq!(naming, 1, "{name}: {texts:?}");
    }
    // When the queue delivers the batch again, nothing is sent again.
    assert_eq!(forwarder.invoke(&batch).await, answer);
    assert_eq!(running.discord.calls().len(), 3);
    running.stop().await;
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn an_event_that_cannot_be_read_is_an_error_and_the_next_one_is_answered() {
    let running = events::demo_shop().await;
    for (kind, file, member) in ANSWERED {
        let mut bootstrap = Bootstrap::start(&running, kind).await;
        let unread: [&[u8]; 3] = [b"{\"cut", b"", b"\xff\xfe"];
        for bytes in unread {
            let answer = bootstrap.invoke_raw(bytes.to_vec()).await;
            assert!(
                error_type(&answer).is_string(),
                "{}: {answer}",
                kind.binary()
            );
        }
        if matches!(kind, Kind::Orders | Kind::Cors | Kind::Authorizer) {
            let answer = bootstrap.invoke(&json!({"version": "2.0"})).await;
            let status = answer["statusCode"].as_u64().unwrap_or(400);
            let is_refused = error_type(&answer).is_string() || (400..500).contains(&status);
            assert!(is_refused, "{}: {answer}", kind.binary());
        }
        let answer = bootstrap.invoke(&events::event(file)).await;
        assert!(!answer[member].is_null(), "{}: {answer}", kind.binary());
    }
    running.stop().await;
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn a_function_without_a_required_variable_names_it_and_ends() {
    let running = events::demo_shop().await;
    for (kind, variable) in REQUIRED {
        let started = Bootstrap::start_with(&running, kind, |environment| {
            environment.remove(variable).unwrap();
        });
        let message = failed_init(started.await);
        assert!(message.contains(variable), "{}: {message}", kind.binary());
    }
    running.stop().await;
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn no_built_function_logs_its_event_at_any_log_level() {
    const MARKED: &str = "eyJhbGciOiJIUzI1NiJ9.MARKED.TOKEN";
    let running = events::demo_shop().await;
    for (kind, file, _) in ANSWERED {
        for variable in ["AWS_LAMBDA_LOG_LEVEL", "RUST_LOG"] {
            let started = Bootstrap::start_with(&running, kind, |environment| {
                environment.remove("AWS_LAMBDA_LOG_LEVEL");
                environment.insert(variable.to_owned(), "TRACE".to_owned());
            });
            let mut bootstrap = started.await.unwrap();
            let mut event = events::event(file);
            event["headers"]["authorization"] = format!("Bearer {MARKED}").into();
            bootstrap.invoke(&event).await;
            let written = bootstrap.end();
            assert_clean(kind, &written);
            let log = written.log;
            assert!(!log.contains("MARKED"), "{}: {log}", kind.binary());
        }
    }
    running.stop().await;
}
