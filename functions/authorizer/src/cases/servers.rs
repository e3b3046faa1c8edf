//! Small servers on this machine for the real clients: a key set's, and Secrets Manager's.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The answer of a server on one path.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Document(String),
    Status(u16),
    Redirect(String),
    /// This many bytes, without a `Content-Length`.
    Bytes(usize),
    /// No answer, ever.
    Silence,
}

/// A server that is closed when it is dropped.
pub(super) struct Server {
    pub(super) url: String,
    replies: Arc<Mutex<BTreeMap<String, Reply>>>,
    hits: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// A server that answers with these keys on `/keys`.
    pub(super) async fn of_keys(keys: &Value) -> Self {
        let server = Self::new().await;
        server.reply("/keys", Reply::Document(json!({"keys": keys}).to_string()));
        server
    }

    pub(super) async fn new() -> Self {
        let replies = Arc::new(Mutex::new(BTreeMap::<String, Reply>::new()));
        let hits = Arc::new(AtomicUsize::new(0));
        let state = (Arc::clone(&replies), Arc::clone(&hits));
        let router = Router::new().fallback(answer).with_state(state);
        let (url, task) = serve(router).await;
        Self {
            url,
            replies,
            hits,
            task,
        }
    }

    pub(super) fn reply(&self, path: &str, reply: Reply) {
        self.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    pub(super) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    /// Closes the port: connections are refused from now on.
    pub(super) async fn kill(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(router: Router) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, task)
}

type Replies = (Arc<Mutex<BTreeMap<String, Reply>>>, Arc<AtomicUsize>);

async fn answer(State((replies, hits)): State<Replies>, request: Request) -> Response {
    hits.fetch_add(1, Ordering::SeqCst);
    let reply = replies.lock().unwrap().get(request.uri().path()).cloned();
    match reply {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Reply::Document(text)) => text.into_response(),
        Some(Reply::Status(status)) => StatusCode::from_u16(status).unwrap().into_response(),
        Some(Reply::Redirect(to)) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Some(Reply::Bytes(count)) => {
            let chunks = (0..count / 1024).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024]));
            axum::body::Body::from_stream(futures::stream::iter(chunks)).into_response()
        }
        Some(Reply::Silence) => std::future::pending().await,
    }
}

/// A version of a secret: its value, and when it was made in Unix seconds.
pub(super) type Version = (String, i64);

/// The part of Secrets Manager that the authorizer uses.
pub(super) struct SecretsManager {
    pub(super) url: String,
    state: Arc<Mutex<Secret>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Secret {
    versions: BTreeMap<String, Version>,
    /// The error that every call gets instead of a version.
    error: Option<&'static str>,
    calls: Vec<Value>,
}

impl SecretsManager {
    pub(super) async fn new(value: &str, created: i64) -> Self {
        let state = Arc::new(Mutex::new(Secret::default()));
        state
            .lock()
            .unwrap()
            .versions
            .insert("AWSCURRENT".to_owned(), (value.to_owned(), created));
        let router = Router::new()
            .fallback(get_secret_value)
            .with_state(Arc::clone(&state));
        let (url, task) = serve(router).await;
        Self { url, state, task }
    }

    /// Makes a new version current, and the current one the previous.
    pub(super) fn rotate(&self, value: &str, created: i64) {
        let versions = &mut self.state.lock().unwrap().versions;
        let current = versions.remove("AWSCURRENT").unwrap();
        versions.insert("AWSPREVIOUS".to_owned(), current);
        versions.insert("AWSCURRENT".to_owned(), (value.to_owned(), created));
    }

    /// Makes the previous version current again.
    pub(super) fn move_back(&self) {
        let versions = &mut self.state.lock().unwrap().versions;
        let current = versions.remove("AWSCURRENT").unwrap();
        let previous = versions.remove("AWSPREVIOUS").unwrap();
        versions.insert("AWSCURRENT".to_owned(), previous);
        versions.insert("AWSPREVIOUS".to_owned(), current);
    }

    pub(super) fn fail_with(&self, error: Option<&'static str>) {
        self.state.lock().unwrap().error = error;
    }

    /// The version stages of all calls so far.
    pub(super) fn stages(&self) -> Vec<String> {
        let calls = &self.state.lock().unwrap().calls;
        calls
            .iter()
            .map(|call| call["VersionStage"].as_str().unwrap_or("none").to_owned())
            .collect()
    }
}

impl Drop for SecretsManager {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn get_secret_value(State(state): State<Arc<Mutex<Secret>>>, request: Request) -> Response {
    let target = request.headers().get("x-amz-target").cloned().unwrap();
    assert_eq!(target, "secretsmanager.GetSecretValue");
    let body = axum::body::to_bytes(request.into_body(), 10_000)
        .await
        .unwrap();
    let call: Value = serde_json::from_slice(&body).unwrap();
    let stage = call["VersionStage"]
        .as_str()
        .unwrap_or("AWSCURRENT")
        .to_owned();
    let mut state = state.lock().unwrap();
    state.calls.push(call.clone());
    let fail = |code: &str| {
        (
            StatusCode::BAD_REQUEST,
            json!({"__type": code, "message": "MARKED-MESSAGE"}).to_string(),
        )
            .into_response()
    };
    if let Some(code) = state.error {
        return fail(code);
    }
    match state.versions.get(&stage) {
        None => fail("ResourceNotFoundException"),
        Some((value, created)) => json!({
            "ARN": "arn", "Name": call["SecretId"], "SecretString": value, "CreatedDate": created,
            "VersionId": "00000000-0000-0000-0000-000000000000", "VersionStages": [stage],
        })
        .to_string()
        .into_response(),
    }
}
