//! Services that accept a connection and never answer: no alert is lost, and the invocation ends in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use alert_forwarder::Timeouts;
use axum::Router;
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use discord::fault::Fault;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::delivery::is_labelled;
use super::stage::{Setting, Stage, alarm, handed_back, serve};

/// The function's time-out in the template.
const LAMBDA: Duration = Duration::from_secs(20);
/// A remaining time of which 600 ms are for sending.
const NEARLY_OVER: Duration = Duration::from_millis(2_600);
/// The time-out of a call that must not be waited for. A test that waits for it fails long before.
const ENDLESS: Duration = Duration::from_mins(10);
/// Longer than every limit in these tests, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(15);

/// Starts a service that accepts connections and never answers. Returns its URL, and how many it accepted.
async fn hanging() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            open.push(connection);
        }
    });
    (url, taken)
}

/// Starts a table that grants every claim, and hangs at every other call. Returns its URL.
async fn granting() -> String {
    serve(Router::new().fallback(|headers: HeaderMap| async move {
        let action = headers["x-amz-target"].to_str().unwrap();
        if !action.ends_with(".PutItem") {
            std::future::pending::<()>().await;
        }
        axum::Json(json!({})).into_response()
    }))
    .await
}

/// The time-outs with this one for a call of the table.
fn table(most: Duration) -> Timeouts {
    Timeouts {
        table: most,
        ..Timeouts::default()
    }
}

fn five() -> Value {
    let records: Vec<Value> = ["a", "b", "c", "d", "e"].map(alarm).into();
    json!({"Records": records})
}

#[tokio::test]
async fn a_table_that_hangs_delays_a_batch_once_and_loses_no_alert() {
    let (url, taken) = hanging().await;
    let stage = Stage::set(Setting {
        table_url: Some(url),
        timeouts: Some(table(Duration::from_millis(100))),
        ..Setting::default()
    })
    .await;
    let answer = stage.invoke(five()).await.unwrap();
    assert_eq!(handed_back(&answer), Vec::<String>::new());
    assert_eq!(stage.discord.messages().len(), 5);
    assert!(!stage.discord.messages().iter().any(is_labelled));
    assert!(stage.logged("sending without a claim"));
    let tries = taken.load(Ordering::Relaxed);
    assert!((1..=3).contains(&tries), "only one claim is tried: {tries}");

    // After a while the table is called again.
    stage.clock.advance(Duration::from_secs(15));
    assert!(stage.handed_back(&[alarm("f")]).await.is_empty());
    assert!(tries < taken.load(Ordering::Relaxed));
}

#[tokio::test]
async fn with_the_deployed_limits_a_table_that_hangs_costs_seconds() {
    let stage = Stage::set(Setting {
        table_url: Some(hanging().await.0),
        real_time: true,
        ..Setting::default()
    })
    .await;
    let answer = timeout(LAMBDA, stage.invoke_within(five(), LAMBDA)).await;
    let answer = answer.expect("Lambda would have ended it").unwrap();
    assert_eq!(handed_back(&answer), Vec::<String>::new());
    assert_eq!(stage.discord.messages().len(), 5);
}

#[tokio::test]
async fn a_claim_leaves_half_of_the_time_for_sending() {
    let stage = Stage::set(Setting {
        table_url: Some(hanging().await.0),
        timeouts: Some(table(ENDLESS)),
        ..Setting::default()
    })
    .await;
    let event = json!({"Records": [alarm("a")]});
    let answer = timeout(PATIENCE, stage.invoke_within(event, NEARLY_OVER)).await;
    let answer = answer
        .expect("the invocation waited for the table")
        .unwrap();
    assert_eq!(handed_back(&answer), Vec::<String>::new());
    assert_eq!(stage.discord.messages().len(), 1);
}

#[tokio::test]
async fn a_note_that_hangs_ends_before_the_invocation() {
    let stage = Stage::set(Setting {
        table_url: Some(granting().await),
        timeouts: Some(table(ENDLESS)),
        ..Setting::default()
    })
    .await;
    let event = json!({"Records": [alarm("a")]});
    let answer = timeout(PATIENCE, stage.invoke_within(event, NEARLY_OVER)).await;
    let answer = answer
        .expect("the invocation waited for the table")
        .unwrap();
    assert_eq!(handed_back(&answer), Vec::<String>::new());
    assert_eq!(stage.discord.messages().len(), 1);
    assert!(stage.logged("the table could not record that"));
}

#[tokio::test]
async fn a_claim_that_cannot_be_released_does_not_delay_the_answer() {
    let stage = Stage::set(Setting {
        table_url: Some(granting().await),
        timeouts: Some(table(ENDLESS)),
        ..Setting::default()
    })
    .await;
    // A 500 releases the claim by one call, a 502 (in doubt) by another.
    for fault in [Fault::Status(500), Fault::Status(502)] {
        stage.discord.script(move |_| Some(fault.clone()));
        let event = json!({"Records": [alarm("a")]});
        let answer = timeout(PATIENCE, stage.invoke_within(event, NEARLY_OVER)).await;
        let answer = answer
            .expect("the invocation waited for the table")
            .unwrap();
        assert_eq!(handed_back(&answer), ["a"]);
    }
}

#[tokio::test]
async fn a_queue_that_hangs_does_not_delay_the_answer() {
    let stage = Stage::set(Setting {
        queue_url: Some(hanging().await.0),
        real_time: true,
        ..Setting::default()
    })
    .await;
    stage.discord.script(|_| Some(Fault::Forbid));
    // Five calls of two seconds each would take ten seconds.
    let time = Duration::from_secs(4);
    let answer = timeout(2 * time, stage.invoke_within(five(), time)).await;
    let answer = answer
        .expect("the invocation waited for the queue")
        .unwrap();
    assert_eq!(handed_back(&answer).len(), 5);
}
