//! A server before a database: it fails requests on demand, passes the others on, and reports each.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response as HttpResponse};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::DatabaseError;
use crate::fault::Fault;
use crate::forward::Forward;
use crate::response::{Response, code};

/// DynamoDB takes requests of up to 16 MB.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the server's owner decides and hears.
pub trait Gate: Send + Sync + 'static {
    /// The fault of the next request, if it has one.
    fn fault(&self, operation: &str) -> Option<Fault>;

    /// Waits, for a fault that makes the database slow.
    fn wait(&self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Hears of a request and its answer.
    fn answered(&self, exchange: &Exchange);
}

/// A request and its answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exchange {
    /// The operation, such as `PutItem`.
    pub operation: String,
    /// Each table of the request, once.
    pub tables: Vec<String>,
    /// The index that is read, if it is one.
    pub index: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// The name of the error, such as `ThrottlingException`.
    pub error: Option<String>,
    /// The codes of a cancelled transaction's reasons, with the table of each action.
    pub reasons: Vec<(String, String)>,
}

/// A server before a database. It runs until the stop signal.
#[derive(Debug)]
pub struct Front {
    /// The URL that it listens at.
    pub url: String,
    server: JoinHandle<()>,
}

struct Way<G> {
    database: Forward,
    gate: Arc<G>,
}

impl<G> fmt::Debug for Way<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Way").field(&self.database).finish()
    }
}

impl Front {
    /// Starts a server before the database at `target`, an `http://` URL.
    ///
    /// # Errors
    /// No loopback port is free.
    pub async fn start<G: Gate>(
        target: &str,
        gate: Arc<G>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Self, DatabaseError> {
        let way = Way {
            database: Forward::to(target),
            gate,
        };
        let router = Router::new()
            .fallback(pass::<G>)
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(Arc::new(way));
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = tokio::spawn(async move {
            let stopped = async move {
                // An error means that the sender was dropped, which also ends the server.
                let _ = stop.wait_for(|stop| *stop).await;
            };
            let served = axum::serve(listener, router).with_graceful_shutdown(stopped);
            if let Err(error) = served.await {
                tracing::error!(%error, "the server before the database stopped");
            }
        });
        Ok(Self { url, server })
    }

    /// Waits until the server has answered its last request.
    pub async fn ended(self) {
        // A panic of the server is already in the log.
        let _ = self.server.await;
    }
}

async fn pass<G: Gate>(
    State(way): State<Arc<Way<G>>>,
    headers: HeaderMap,
    body: Bytes,
) -> HttpResponse {
    let target = headers.get("x-amz-target").and_then(|it| it.to_str().ok());
    let operation = target
        .and_then(|it| it.rsplit('.').next())
        .unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let fault = way.gate.fault(operation);
    if let Some(Fault::Slow(duration)) = fault {
        way.gate.wait(duration).await;
    }
    let (status, answer) = match fault.and_then(|fault| fault.answer(operation, &request)) {
        Some(response) => (response.status, response.body.to_string().into()),
        None => match way.database.send(&headers, body).await {
            Ok(answer) => answer,
            Err(error) => {
                let response = Response::error(503, "ServiceUnavailable", &error);
                (response.status, response.body.to_string().into())
            }
        },
    };
    way.gate
        .answered(&exchange(operation, &request, status, &answer));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (status, kind, Body::from(answer)).into_response()
}

fn exchange(operation: &str, request: &Value, status: u16, answer: &[u8]) -> Exchange {
    let text = |value: &Value, name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    let actions = request.get("TransactItems").and_then(Value::as_array);
    let actions = actions.map(Vec::as_slice).unwrap_or_default();
    let of_action = |action: &Value| {
        let action = action.as_object()?.values().next()?;
        text(action, "TableName")
    };
    let in_actions: Vec<String> = actions.iter().filter_map(of_action).collect();
    let batch = request.get("RequestItems").and_then(Value::as_object);
    let in_batch = batch.into_iter().flatten().map(|(table, _)| table.clone());
    let mut tables: Vec<String> = text(request, "TableName").into_iter().collect();
    tables.extend(in_actions.iter().cloned().chain(in_batch));
    tables.sort();
    tables.dedup();
    // Only an error is read: answers can be large.
    let error = if 400 <= status {
        serde_json::from_slice(answer).unwrap_or_default()
    } else {
        Value::Null
    };
    let reasons = error.get("CancellationReasons").and_then(Value::as_array);
    let reasons = reasons.map(Vec::as_slice).unwrap_or_default().iter();
    let reasons = reasons.zip(&in_actions).filter_map(|(reason, table)| {
        let code = code(reason).filter(|code| *code != "None")?;
        Some((code.to_owned(), table.clone()))
    });
    let name = text(&error, "__type");
    Exchange {
        operation: operation.to_owned(),
        tables,
        index: text(request, "IndexName"),
        status,
        error: name.map(|name| name.rsplit('#').next().unwrap_or_default().to_owned()),
        reasons: reasons.collect(),
    }
}
