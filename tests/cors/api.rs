//! Starts the API under test and sends calls to it, as a page of some origin would.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use jiff::SignedDuration;
use local::serve::{Options, Running, start};
use serde_json::{Value, json};
use shared::world::World;

use crate::support::harness::Answer;
use crate::support::host::in_front_of;

/// The page that may call the API, one of two.
pub(crate) const ALLOWED: &str = "https://shop.example";

/// The template's parameter: both pages that may call the API.
pub(crate) const ALLOWED_LIST: &str = "https://shop.example,http://localhost:5173";

/// The origin that a call comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    Allowed,
    Foreign,
    /// A sandboxed frame or a local file, whose origin is `null`.
    Null,
    /// A program that is not a browser: the call has no `Origin` header.
    Absent,
}

impl Origin {
    pub(crate) const ALL: [Self; 4] = [Self::Allowed, Self::Foreign, Self::Null, Self::Absent];

    pub(crate) fn header(self) -> Option<&'static str> {
        match self {
            Self::Allowed => Some(ALLOWED),
            Self::Foreign => Some("https://shop.example.evil"),
            Self::Null => Some("null"),
            Self::Absent => None,
        }
    }
}

/// A request without its origin.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
            .header("content-type", "application/json")
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Adds a token with all scopes.
    pub(crate) fn by_customer(self, api: &Api) -> Self {
        // All scopes: these tests do not test who may do what.
        let scopes = api.running.template.scopes().join(" ");
        let token = api.running.token("demo", &scopes).unwrap();
        self.header("authorization", format!("Bearer {token}"))
    }
}

/// A running API. Calls are sent without a browser, so the tests see every header.
pub(crate) struct Api {
    pub(crate) running: Running,
    /// The container's program, if the calls go to it.
    container: Option<host::Running>,
    http: reqwest::Client,
    unique: AtomicU64,
}

impl Api {
    /// Starts the API with two allowed origins. Pauses between retries take no real time.
    pub(crate) async fn start(mut options: Options) -> Self {
        options.seed = false;
        let given = |name| options.parameters.iter().any(|(other, _)| other == name);
        if !given("AllowedOrigins") {
            let list = ("AllowedOrigins".to_owned(), ALLOWED_LIST.to_owned());
            options.parameters.push(list);
        }
        options.world = hurried();
        let running = start(options.clone()).await.unwrap();
        Self {
            container: in_front_of(&running, &options).await,
            running,
            http: reqwest::Client::new(),
            unique: AtomicU64::new(0),
        }
    }

    /// A new idempotency key or product name.
    pub(crate) fn unique(&self, kind: &str) -> String {
        format!("{kind}-{}", self.unique.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn send(&self, call: &Call, origin: Origin) -> Answer {
        let origin = origin.header().map(|origin| ("origin", origin.to_owned()));
        self.send_with(call, origin.as_slice()).await
    }

    /// Sends the call with more headers, each on its own line.
    pub(crate) async fn send_with(&self, call: &Call, more: &[(&'static str, String)]) -> Answer {
        let own = self.running.address;
        let address = self
            .container
            .as_ref()
            .map_or(own, |container| container.address);
        let url = format!("http://{address}{}", call.path);
        let mut request = self.http.request(call.method.clone(), url);
        for (name, value) in call.headers.iter().chain(more) {
            request = request.header(*name, value);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        answer.described(&call.method, &call.path)
    }

    /// Adds a product with stock.
    pub(crate) async fn stock(&self, sku: &str, quantity: i64) {
        let put = Call::new(Method::PUT, format!("/products/{sku}"))
            .by_customer(self)
            .json(&product());
        self.send(&put, Origin::Absent).await.assert(201);
        if quantity != 0 {
            let adjust = Call::new(Method::POST, format!("/products/{sku}/stock"))
                .by_customer(self)
                .key(&format!("stock-{sku}"))
                .json(&adjustment(quantity));
            self.send(&adjust, Origin::Absent).await.assert(201);
        }
    }
}

/// A world in which a pause of less than a second ends at once and moves the clock by one second.
/// Such a pause is one between two attempts. Longer waits, such as time-outs, take real time.
fn hurried() -> World {
    const SECOND: Duration = Duration::from_secs(1);
    let (clock, random, timer) = (World::real(), World::real(), World::real());
    let paused_seconds = Arc::new(AtomicI64::new(0));
    let passed = Arc::clone(&paused_seconds);
    World::new(
        move || clock.now() + SignedDuration::from_secs(passed.load(Ordering::Relaxed)),
        move |bytes| random.fill(bytes),
        move |duration| {
            let (timer, paused_seconds) = (timer.clone(), Arc::clone(&paused_seconds));
            Box::pin(async move {
                if duration < SECOND {
                    paused_seconds.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                } else {
                    timer.sleep(duration).await;
                }
            })
        },
    )
}

/// The template's text with every `from` replaced by `to`.
pub(crate) fn changed(template: &str, from: &str, to: &str) -> String {
    assert!(template.contains(from), "the template has no {from}");
    template.replace(from, to)
}

pub(crate) fn product() -> Value {
    json!({"name": "A product", "unit_price": 500, "currency": "KRW", "sellable": true})
}

pub(crate) fn adjustment(delta: i64) -> Value {
    json!({"delta": delta, "reason": "a test"})
}
