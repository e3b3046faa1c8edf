//! A proxy to the embedded database whose transactions take time and conflict, as in DynamoDB.
//!
//! Transactions of the embedded database alone take no time and never conflict.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use local::serve::Options;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::support::harness::Shop;

/// A test sends to a gate to release its transaction.
type Gate = oneshot::Sender<()>;

/// The proxy. Close it with [`Table::close`].
pub(super) struct Table {
    embedded: Shop,
    state: Arc<Proxy>,
    url: String,
    server: JoinHandle<()>,
}

struct Proxy {
    embedded: String,
    http: reqwest::Client,
    takes: Duration,
    under_way: Mutex<HashSet<String>>,
    transactions: AtomicU32,
    gate: Mutex<Option<mpsc::UnboundedSender<Gate>>>,
}

impl Table {
    /// Starts a proxy on which a transaction takes `takes` and conflicts with those under way.
    pub(super) async fn open(takes: Duration) -> Self {
        let embedded = Shop::open(Options::in_memory()).await;
        let state = Arc::new(Proxy {
            embedded: embedded.running.dynamodb_url.clone(),
            http: reqwest::Client::new(),
            takes,
            under_way: Mutex::default(),
            transactions: AtomicU32::new(0),
            gate: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            embedded,
            state,
            url,
            server,
        }
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    /// The number of transactions so far.
    pub(super) fn transactions(&self) -> u32 {
        self.state.transactions.load(Ordering::Relaxed)
    }

    /// Holds each later transaction until its gate is opened.
    pub(super) fn hold(&self) -> mpsc::UnboundedReceiver<Gate> {
        let (sender, gates) = mpsc::unbounded_channel();
        *self.state.gate.lock().unwrap() = Some(sender);
        gates
    }

    /// Lets later transactions pass again.
    pub(super) fn release(&self) {
        *self.state.gate.lock().unwrap() = None;
    }

    pub(super) async fn close(self) {
        self.server.abort();
        self.embedded.running.stop().await;
    }
}

async fn serve(State(state): State<Arc<Proxy>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers
        .get("x-amz-target")
        .map(|name| name.to_str().unwrap());
    if target != Some("DynamoDB_20120810.TransactWriteItems") {
        return state.forward(headers, body).await;
    }
    state.transactions.fetch_add(1, Ordering::Relaxed);
    let held = state.gate.lock().unwrap().clone();
    if let Some(gates) = held {
        let (gate, opened) = oneshot::channel();
        gates.send(gate).unwrap();
        opened.await.unwrap();
    }
    let items = items(&body);
    let met: Vec<bool> = {
        let mut under_way = state.under_way.lock().unwrap();
        let met: Vec<bool> = items.iter().map(|item| under_way.contains(item)).collect();
        if !met.contains(&true) {
            under_way.extend(items.iter().cloned());
        }
        met
    };
    if met.contains(&true) {
        return conflict(&met);
    }
    let _under_way = UnderWay {
        all: &state.under_way,
        items,
    };
    #[expect(clippy::disallowed_methods, reason = "a real database takes real time")]
    tokio::time::sleep(state.takes).await;
    state.forward(headers, body).await
}

/// The items of a transaction under way. They are removed on drop, because the client may disconnect.
struct UnderWay<'table> {
    all: &'table Mutex<HashSet<String>>,
    items: Vec<String>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap();
        for item in &self.items {
            all.remove(item);
        }
    }
}

impl Proxy {
    async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> Response {
        headers.remove("host");
        headers.remove("content-length");
        let request = self.http.post(&self.embedded).headers(headers).body(body);
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut response = answer.bytes().await.unwrap().into_response();
        *response.status_mut() = status;
        for name in ["content-type", "x-amzn-requestid", "x-amz-crc32"] {
            if let Some(value) = headers.get(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

/// The items of a transaction, one for each action.
fn items(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap();
    let actions = body["TransactItems"].as_array().unwrap();
    let item = |action: &Value| {
        let key = match action.get("Put") {
            Some(put) => &put["Item"],
            None => &action["Update"]["Key"],
        };
        format!("{} {}", key["pk"]["S"], key["sk"]["S"])
    };
    actions.iter().map(item).collect()
}

/// DynamoDB's answer to a transaction that conflicts with another one.
fn conflict(met: &[bool]) -> Response {
    let reason = |met: &bool| match met {
        true => {
            json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"})
        }
        false => json!({"Code": "None"}),
    };
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons",
        "CancellationReasons": met.iter().map(reason).collect::<Vec<_>>(),
    });
    let headers = [("content-type", "application/x-amz-json-1.0")];
    (StatusCode::BAD_REQUEST, headers, body.to_string()).into_response()
}
