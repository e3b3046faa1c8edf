//! Owns Lambda's side: the Runtime API that a built function polls for its invocations.
//!
//! Source: "Using the Lambda runtime API for custom runtimes", AWS Lambda Developer Guide.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

/// An invocation: its event as bytes, since one may be no JSON, and what Lambda says of it.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) request_id: String,
    pub(super) event: Vec<u8>,
    pub(super) function_arn: String,
    pub(super) timeout: Duration,
}

/// What a function tells Lambda.
#[derive(Debug)]
pub(super) enum Told {
    /// It asked for an invocation.
    Next,
    /// It answered one.
    Response(String, Value),
    /// It failed one.
    Error(String, Value),
    /// It does not start; the header names the kind of error.
    InitError(String, Value),
}

/// Both ends of the conversation with one function.
pub(super) struct RuntimeApi {
    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub(super) address: String,
    pub(super) invocations: mpsc::Sender<Invocation>,
    pub(super) told: mpsc::Receiver<Told>,
}

struct Shared {
    invocations: Mutex<mpsc::Receiver<Invocation>>,
    told: mpsc::Sender<Told>,
}

impl RuntimeApi {
    /// Listens on a loopback port of its own until the test ends.
    pub(super) async fn start() -> Self {
        let (invocations, queue) = mpsc::channel(1);
        let (tell, told) = mpsc::channel(16);
        let shared = Arc::new(Shared {
            invocations: Mutex::new(queue),
            told: tell,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(shared);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            invocations,
            told,
        }
    }
}

/// Gives the next invocation, and until there is one lets the function wait.
async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let mut invocations = shared.invocations.lock().await;
    let _ = shared.told.send(Told::Next).await;
    let Some(invocation) = invocations.recv().await else {
        return StatusCode::GONE.into_response();
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the function compares it with its own clock"
    )]
    let now = jiff::Timestamp::now();
    let deadline = now.as_millisecond() + i64::try_from(invocation.timeout.as_millis()).unwrap();
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            invocation.function_arn,
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, invocation.event).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    hear(&shared, Told::Response(id, json(&body))).await
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    hear(&shared, Told::Error(id, json(&body))).await
}

async fn init_error(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let kind = headers.get("lambda-runtime-function-error-type");
    let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
    hear(&shared, Told::InitError(kind, json(&body))).await
}

/// Every report is accepted; what is no JSON is kept as a text, for the test to complain about.
fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

async fn hear(shared: &Shared, told: Told) -> StatusCode {
    let _ = shared.told.send(told).await;
    StatusCode::ACCEPTED
}
