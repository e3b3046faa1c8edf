//! Lambda's Runtime API, from which a built function fetches its invocations.
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
use axum::serve::ListenerExt as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

/// An invocation. The event is bytes, because it may be one that is not JSON.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// Its id.
    pub(crate) request_id: String,
    /// The event.
    pub(crate) event: Vec<u8>,
    /// The ARN of the version or alias that is invoked.
    pub(crate) function_arn: String,
    /// The time after which Lambda ends the invocation.
    pub(crate) timeout: Duration,
}

/// What a function sends to Lambda.
#[derive(Debug)]
pub(crate) enum Message {
    /// It requested the next invocation.
    Next,
    /// It answered an invocation: the request's id and the answer.
    Response(String, Value),
    /// An invocation failed: the request's id and the error.
    Error(String, Value),
    /// It did not start: the error's type, from the header, and the error.
    InitError(String, Value),
}

/// The side of Lambda in the conversation with one function.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) address: String,
    /// The next invocation goes in here.
    pub(crate) invocations: mpsc::Sender<Invocation>,
    /// What the function sends.
    pub(crate) messages: mpsc::Receiver<Message>,
}

struct Shared {
    invocations: Mutex<mpsc::Receiver<Invocation>>,
    messages: mpsc::Sender<Message>,
}

impl RuntimeApi {
    /// Listens on a loopback port of its own until the runtime ends.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let (invocations, queue) = mpsc::channel(1);
        let (sender, messages) = mpsc::channel(16);
        let shared = Arc::new(Shared {
            invocations: Mutex::new(queue),
            messages: sender,
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
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            address,
            invocations,
            messages,
        })
    }
}

/// Returns the next invocation. The function waits until there is one.
async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let mut invocations = shared.invocations.lock().await;
    let _ = shared.messages.send(Message::Next).await;
    let Some(invocation) = invocations.recv().await else {
        return StatusCode::GONE.into_response();
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the function compares the deadline with its own clock"
    )]
    let now = jiff::Timestamp::now();
    let deadline =
        now.as_millisecond() + i64::try_from(invocation.timeout.as_millis()).unwrap_or_default();
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
    accept(&shared, Message::Response(id, json(&body))).await
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    accept(&shared, Message::Error(id, json(&body))).await
}

async fn init_error(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let kind = headers.get("lambda-runtime-function-error-type");
    let kind = kind.and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    accept(&shared, Message::InitError(kind, json(&body))).await
}

/// A body as JSON. A body that is not JSON becomes a text, and the reader finds no answer in it.
fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
}

async fn accept(shared: &Shared, message: Message) -> StatusCode {
    let _ = shared.messages.send(message).await;
    StatusCode::ACCEPTED
}
