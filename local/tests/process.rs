//! The program as a process: killed at any moment, it loses no order that it answered.
#![cfg(test)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use futures::{StreamExt as _, stream};
use reqwest::Client;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_surefire");

/// How often the program is killed.
const KILLS: u32 = 5;

/// How many orders are sent between two kills.
const ORDERS: u32 = 150;

/// The demo product's first stock.
const STOCK: i64 = 10;

/// A directory for one test, removed afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("surefire-{name}-{}", std::process::id()));
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The running program; killed when it goes out of scope.
struct Served {
    child: Child,
    url: String,
}

impl Drop for Served {
    fn drop(&mut self) {
        // SIGKILL: the program has no time to clean up.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(data: &Path) -> Served {
    let mut child = Command::new(PROGRAM)
        .args([
            "serve",
            "--no-throttle",
            "--listen",
            "127.0.0.1:0",
            "--data",
        ])
        .arg(data)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let banner = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = banner
        .map(Result::unwrap)
        .find_map(|line| Some(line.trim().strip_prefix("Surefire")?.trim().to_owned()));
    let url = address.expect("the banner names the address");
    Served { child, url }
}

fn token(data: &Path) -> String {
    let output = Command::new(PROGRAM)
        .args(["token", "--data"])
        .arg(data)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Sends an order, and returns its answer if there was one.
async fn place(http: &Client, url: &str, token: &str, key: &str) -> Option<(u16, String)> {
    let body = json!({
        "currency": "KRW",
        "lines": [{"sku": "TEA-01", "quantity": 1, "unit_price": 19_900}],
    });
    let request = http
        .post(format!("{url}/orders"))
        .bearer_auth(token)
        .header("idempotency-key", key)
        .json(&body);
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.text().await.ok()?))
}

async fn restock(http: &Client, url: &str, token: &str, quantity: i64) {
    let request = http
        .post(format!("{url}/products/TEA-01/stock"))
        .bearer_auth(token)
        .header("idempotency-key", "restock")
        .json(&json!({"delta": quantity, "reason": "a test"}));
    assert_eq!(request.send().await.unwrap().status(), 201);
}

async fn available(http: &Client, url: &str) -> i64 {
    let product = http
        .get(format!("{url}/products/TEA-01"))
        .send()
        .await
        .unwrap();
    let product: Value = product.json().await.unwrap();
    product["available"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_loses_no_order_that_it_answered() {
    let directory = Directory::new("killed");
    let data = &directory.0;
    let http = &Client::new();
    let mut answered: Vec<(String, String)> = Vec::new();
    let total = i64::from(KILLS * ORDERS);
    for kill in 0..KILLS {
        let served = serve(data);
        let (url, token) = (&served.url.clone(), &token(data));
        restock(http, url, token, total).await;
        let keys: Vec<_> = (0..ORDERS).map(|n| format!("key-{kill}-{n}")).collect();
        // With 8 orders in flight, the kill hits requests at every stage.
        let sends = stream::iter(&keys).map(async |key| (key, place(http, url, token, key).await));
        let mut answers = Box::pin(sends.buffer_unordered(8));
        let until = usize::try_from(ORDERS * (kill + 1) / (KILLS + 1)).unwrap();
        for _ in 0..until {
            let (key, answer) = answers.next().await.unwrap();
            let (status, body) = answer.unwrap();
            assert_eq!(status, 201, "{body}");
            answered.push((key.clone(), body));
        }
        drop(served);
        while let Some((key, answer)) = answers.next().await {
            if let Some((201, body)) = answer {
                answered.push((key.clone(), body));
            }
        }
    }
    let served = serve(data);
    let (url, token) = (&served.url, &token(data));
    for (key, body) in &answered {
        let repeated = place(http, url, token, key).await.unwrap();
        assert_eq!(repeated, (201, body.clone()), "{key}");
    }
    // All orders are sent again, answered or not: each key counts once.
    for key in (0..KILLS).flat_map(|kill| (0..ORDERS).map(move |n| format!("key-{kill}-{n}"))) {
        assert_eq!(place(http, url, token, &key).await.unwrap().0, 201, "{key}");
    }
    assert!(usize::try_from(KILLS).unwrap() < answered.len());
    assert_eq!(available(http, url).await, STOCK);
}

#[test]
fn an_interrupt_ends_it_with_success_and_removes_its_endpoints_file() {
    let directory = Directory::new("interrupted");
    let mut served = serve(&directory.0);
    assert!(directory.0.join("endpoints.json").exists());
    let interrupt = Command::new("kill")
        .args(["-INT", &served.child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    assert_eq!(served.child.wait().unwrap().code(), Some(0));
    assert!(!directory.0.join("endpoints.json").exists());
}

#[test]
fn a_taken_port_ends_it_with_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = Directory::new("taken");
    let output = Command::new(PROGRAM)
        .args(["serve", "--memory", "--listen", &address, "--data"])
        .arg(&directory.0)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains(&address), "{error}");
}
