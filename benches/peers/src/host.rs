//! The container's program, running: what it takes to be ready, and an order over HTTP.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda::{Program, Usage};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::Fallible;
use crate::install::state;

/// How long the program may take to be ready.
const READY_MAX: Duration = Duration::from_secs(10);

/// A running program. It is killed when it goes out of scope.
#[derive(Debug)]
pub(crate) struct Host {
    /// From the start of the process until it said that it is ready.
    pub(crate) ready: Duration,
    /// The address of the API.
    address: String,
    child: Child,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Host {
    /// Starts the program with the variables of the functions in it.
    pub(crate) async fn start(file: &Path, functions: &[Program]) -> Fallible<Self> {
        // Its access log, and why it does not start.
        let log = std::fs::File::create(log_file())?;
        let mut command = Command::new(file);
        command.env_clear();
        for function in functions {
            command.envs(&function.environment);
        }
        let own = [
            ("LISTEN", "127.0.0.1:0"),
            ("HEALTH_LISTEN", "127.0.0.1:0"),
            ("DRAIN_SECONDS", "0"),
        ];
        let began = now();
        let mut child = command
            .envs(own)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let output = child.stdout.take().ok_or("the program has no output")?;
        let mut lines = BufReader::new(output).lines();
        let served = tokio::time::timeout(READY_MAX, served(&mut lines)).await??;
        // A full pipe would block the program.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let address = |name: &str| {
            let address = served.get(name).and_then(Value::as_str);
            address.unwrap_or_default().to_owned()
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).build(connector);
        let ready: Uri = format!("http://{}/_health/ready", address("health")).parse()?;
        while http.get(ready.clone()).await?.status() != StatusCode::OK {
            if READY_MAX < began.elapsed() {
                return Err("surefire-host is not ready".into());
            }
            tokio::task::yield_now().await;
        }
        Ok(Self {
            ready: began.elapsed(),
            address: address("address"),
            child,
            http,
        })
    }

    /// Places the order of a body.
    pub(crate) async fn place(&self, token: &str, key: &str, body: &Bytes) -> Fallible<()> {
        let request = Request::post(format!("http://{}/orders", self.address))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(Full::new(body.clone()))?;
        let answer = self.http.request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status != StatusCode::CREATED {
            let body = String::from_utf8_lossy(&body);
            return Err(format!("surefire-host did not place an order: {status} {body}").into());
        }
        Ok(())
    }

    pub(crate) fn usage(&self) -> Usage {
        self.child.id().map(Usage::of).unwrap_or_default()
    }
}

/// The line that names the addresses.
async fn served(lines: &mut Lines<BufReader<ChildStdout>>) -> Fallible<Value> {
    while let Some(line) = lines.next_line().await? {
        let line: Value = serde_json::from_str(&line)?;
        if line.get("message").and_then(Value::as_str) == Some("the program serves") {
            return Ok(line);
        }
    }
    Err(format!("surefire-host does not start: see {}", log_file().display()).into())
}

fn log_file() -> PathBuf {
    state().join("surefire-host.log")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time is only measured and decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}
