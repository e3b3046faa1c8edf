//! The program as a process: it drains at SIGTERM without losing an answer, refreshes the
//! credentials of a container, and says what is wrong with its surroundings.
#![cfg(test)]

mod credentials;
#[path = "../../../tests/support/description.rs"]
mod description;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use description::{Described, assert_described};
use futures::stream::FuturesUnordered;
use futures::{StreamExt as _, future};
use local::functions::{Endpoints, environment_of};
use local::serve::{Options, Running, start};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use template::Kind;

use self::credentials::{container_credentials, without_keys};

/// The program that was built here. `SUREFIRE_HOST_PROGRAM` names another, such as one that runs
/// what is in the image.
fn program() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no main that could read it"
    )]
    let other = std::env::var("SUREFIRE_HOST_PROGRAM").ok();
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_surefire-host").to_owned())
}

/// How often the program is restarted under load …
const RESTARTS: usize = 10;

/// … and how many requests are in flight at each restart.
const IN_FLIGHT: usize = 100;

/// The demo product's first stock.
const STOCK: i64 = 10;

/// The running program; killed when it goes out of scope.
struct Hosted {
    child: Child,
    url: String,
    health: String,
}

impl Drop for Hosted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Hosted {
    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.unwrap().success());
    }

    async fn is_ready(&self) -> bool {
        let ready = reqwest::get(format!("{}/_health/ready", self.health)).await;
        ready.is_ok_and(|answer| answer.status() == 200)
    }

    /// Waits, without a pause, until the table has answered.
    async fn ready(self) -> Self {
        while !self.is_ready().await {}
        self
    }
}

/// The environment that a task's definition gives the program.
fn environment(running: &Running) -> BTreeMap<String, String> {
    let endpoints = Endpoints {
        dynamodb: running.dynamodb_url.clone(),
        aws: running.secrets_url.clone(),
        redis: None,
    };
    let template = &running.template;
    let kinds = [Kind::Orders, Kind::Cors, Kind::Authorizer];
    let of = |kind| {
        environment_of(
            template.function(kind).unwrap().1,
            &template.place,
            &endpoints,
        )
    };
    let mut environment: BTreeMap<String, String> = kinds.into_iter().flat_map(of).collect();
    for (name, value) in [
        ("LISTEN", "127.0.0.1:0"),
        ("HEALTH_LISTEN", "127.0.0.1:0"),
        ("DRAIN_SECONDS", "0"),
        ("REQUESTS_MAX", "1000"),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    environment
}

fn command(environment: &BTreeMap<String, String>) -> Command {
    let mut command = Command::new(program());
    command.env_clear().envs(environment);
    command
}

fn host(environment: &BTreeMap<String, String>) -> Hosted {
    let mut command = command(environment);
    let spawned = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut find = || {
        let line: Value = serde_json::from_str(&lines.next()?.ok()?).ok()?;
        let served = line["message"] == "the program serves";
        Some(served.then(|| (line["address"].clone(), line["health"].clone())))
    };
    let (address, health) = loop {
        if let Some(found) = find().expect("the program says where it serves") {
            break found;
        }
    };
    // Somebody must read the rest, or the program would wait for a place in the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    let url = |address: Value| format!("http://{}", address.as_str().unwrap());
    let (url, health) = (url(address), url(health));
    Hosted { child, url, health }
}

async fn local() -> Running {
    start(Options::in_memory()).await.unwrap()
}

async fn place(http: &Client, url: &str, token: &str, key: &str) -> Option<(u16, String)> {
    let body = json!({
        "currency": "KRW",
        "lines": [{"sku": "TEA-01", "quantity": 1, "unit_price": 19_900}],
    });
    let request = http.post(format!("{url}/orders")).bearer_auth(token);
    let request = request.header("idempotency-key", key).json(&body);
    let answer = request.send().await.ok()?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.text().await.ok()?;
    assert_described(&Described {
        method: &Method::POST,
        path: "/orders",
        status,
        headers: &headers,
        body: &body,
    });
    Some((status, body))
}

async fn available(url: &str) -> i64 {
    let product = reqwest::get(format!("{url}/products/TEA-01"))
        .await
        .unwrap();
    product.json::<Value>().await.unwrap()["available"]
        .as_i64()
        .unwrap()
}

async fn restock(url: &str, token: &str, quantity: usize) {
    let request = Client::new().post(format!("{url}/products/TEA-01/stock"));
    let request = request
        .bearer_auth(token)
        .header("idempotency-key", "restock");
    let body = json!({"delta": quantity, "reason": "a test"});
    assert_eq!(request.json(&body).send().await.unwrap().status(), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_restarted_under_load_it_loses_no_answer() {
    let running = local().await;
    let token = &running.token("demo", "orders:write stock:write").unwrap();
    let environment = environment(&running);
    let total = RESTARTS * IN_FLIGHT;
    restock(&running.url(), token, total).await;
    let (mut answered, mut closed) = (BTreeMap::new(), Vec::new());
    for restart in 0..RESTARTS {
        let mut hosted = host(&environment).ready().await;
        let (url, http) = (hosted.url.clone(), &Client::new());
        let keys = (0..IN_FLIGHT).map(|n| format!("key-{restart}-{n}"));
        let sends = keys.map(async |key| (key.clone(), place(http, &url, token, &key).await));
        let mut sends: FuturesUnordered<_> = sends.collect();
        // The signal arrives at another point of the load each time.
        let mut left_before_signal = IN_FLIGHT * restart / (RESTARTS + 1);
        while let Some((key, answer)) = sends.next().await {
            match answer {
                Some((201, body)) => drop(answered.insert(key, body)),
                // What a busy database gets: nothing was changed, and the client repeats.
                Some((503, _)) | None => closed.push(key),
                Some(other) => panic!("{key}: {other:?}"),
            }
            if left_before_signal == 0 {
                hosted.signal("-TERM");
                left_before_signal = usize::MAX;
            }
            left_before_signal = left_before_signal.saturating_sub(1);
        }
        assert_eq!(hosted.child.wait().unwrap().code(), Some(0));
    }
    let hosted = host(&environment).ready().await;
    let (url, http) = (&hosted.url, &Client::new());
    eprintln!(
        "{} answers, {} closed connections or 503",
        answered.len(),
        closed.len()
    );
    for (key, body) in &answered {
        assert_eq!(
            place(http, url, token, key).await,
            Some((201, body.clone()))
        );
    }
    for key in &closed {
        assert_eq!(place(http, url, token, key).await.unwrap().0, 201, "{key}");
    }
    assert_eq!(answered.len() + closed.len(), total);
    assert!(IN_FLIGHT < answered.len(), "most requests get an answer");
    // One unit for each key: no order is lost, none is taken twice.
    assert_eq!(available(url).await, STOCK);
    drop(hosted);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_it_drains_it_is_not_ready_and_still_answers() {
    let running = local().await;
    let mut environment = environment(&running);
    environment.insert("DRAIN_SECONDS".to_owned(), "25".to_owned());
    let mut hosted = host(&environment).ready().await;
    let http = Client::new();
    let open = http
        .get(format!("{}/products", hosted.url))
        .send()
        .await
        .unwrap();
    assert!(open.headers().get("connection").is_none());
    hosted.signal("-TERM");
    while hosted.is_ready().await {}
    let late = http
        .get(format!("{}/products", hosted.url))
        .send()
        .await
        .unwrap();
    assert_eq!(late.status(), 200);
    assert_eq!(late.headers()["connection"], "close");
    let live = reqwest::get(format!("{}/_health/live", hosted.health)).await;
    assert_eq!(live.unwrap().status(), 200);
    // The second signal ends it at once.
    hosted.signal("-INT");
    assert_eq!(hosted.child.wait().unwrap().code(), Some(130));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_checks_are_not_on_the_apis_port() {
    let running = local().await;
    let hosted = host(&environment(&running)).ready().await;
    for path in ["/_health/live", "/_health/ready"] {
        let public = reqwest::get(format!("{}{path}", hosted.url)).await.unwrap();
        assert_eq!(public.status(), 404, "{path}");
    }
    let private = reqwest::get(format!("{}/products", hosted.health))
        .await
        .unwrap();
    assert_eq!(private.status(), 404);
    drop(hosted);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_no_route_takes_is_refused_before_it_fills_the_memory() {
    let running = local().await;
    let token = running.token("demo", "orders:write").unwrap();
    let hosted = host(&environment(&running)).ready().await;
    let send = async |bytes: usize| {
        let request = Client::new().post(format!("{}/orders", hosted.url));
        let request = request
            .bearer_auth(&token)
            .header("content-type", "application/json");
        let request = request
            .header("idempotency-key", "large")
            .body(vec![b' '; bytes]);
        request.send().await.unwrap().text().await.unwrap()
    };
    let by_the_function = send(128 * 1024).await;
    assert!(
        by_the_function.contains("urn:surefire:problem:"),
        "{by_the_function}"
    );
    let by_the_program = send(128 * 1024 + 1).await;
    assert_eq!(by_the_program, r#"{"message":"Request Entity Too Large"}"#);
    drop(hosted);
    running.stop().await;
}

/// Runs `surefire-host check`. Its lines, and whether it succeeded.
async fn check(environment: &BTreeMap<String, String>) -> (String, bool) {
    let mut command = command(environment);
    let checked = tokio::task::spawn_blocking(move || command.arg("check").output().unwrap());
    let Output { status, stdout, .. } = checked.await.unwrap();
    (String::from_utf8(stdout).unwrap(), status.success())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_passes_where_the_program_can_serve_and_names_what_is_wrong_elsewhere() {
    let running = local().await;
    let (url, _) = container_credentials().await;
    let right = without_keys(&running, &url);
    let (lines, passed) = check(&right).await;
    assert!(passed, "{lines}");
    assert_eq!(lines.lines().count(), 8, "{lines}");
    let wrong = |name: &str, value: &str, expected: &'static str| {
        let mut environment = right.clone();
        environment.insert(name.to_owned(), value.to_owned());
        (environment, expected)
    };
    let cases = [
        wrong(
            "TABLE_NAME",
            "another",
            "FAILED  table: another does not answer: TABLE_NAME must name",
        ),
        wrong(
            "ARCHITECTURE",
            "riscv64",
            "FAILED  architecture: the image is for",
        ),
        wrong(
            "DRAIN_SECONDS",
            "x",
            "FAILED  settings: DRAIN_SECONDS is not",
        ),
        wrong(
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "x",
            "FAILED  credentials: ",
        ),
        wrong(
            "AWS_ENDPOINT_URL_DYNAMODB",
            "http://127.0.0.1:9",
            "FAILED  network: http://127.0.0.1:9 cannot",
        ),
        wrong(
            "AWS_ENDPOINT_URL",
            "http://127.0.0.1:9",
            "FAILED  keys: the issuer local: ",
        ),
    ];
    let checks = cases.iter().map(async |(environment, expected)| {
        let (lines, passed) = check(environment).await;
        assert!(!passed, "{lines}");
        let line = lines.lines().find(|line| line.starts_with(expected));
        assert!(line.is_some(), "{expected}: {lines}");
    });
    future::join_all(checks).await;
    let mut nowhere = right;
    nowhere.remove("AWS_REGION");
    let (lines, passed) = check(&nowhere).await;
    assert!(
        !passed && lines.contains("FAILED  region: AWS_REGION is not set"),
        "{lines}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_wrong_setting_ends_it_with_one_line() {
    let environment = BTreeMap::from([("LISTEN".to_owned(), "here".to_owned())]);
    let output = command(&environment).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(
        error.starts_with("surefire-host: LISTEN is not an address"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_speaks_http_2_without_tls() {
    use hyper::client::conn::http2;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let running = local().await;
    let hosted = host(&environment(&running)).ready().await;
    let address = hosted.url.trim_start_matches("http://");
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::get(format!("{}/products/TEA-01", hosted.url));
    let request = request.body(axum::body::Body::empty()).unwrap();
    let answer = tokio::time::timeout(Duration::from_secs(20), sender.send_request(request));
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);
    // The program ends although this connection is still open.
    let mut hosted = hosted;
    hosted.signal("-TERM");
    assert_eq!(hosted.child.wait().unwrap().code(), Some(0));
    drop(sender);
    let _ = connection.await;
    running.stop().await;
}
