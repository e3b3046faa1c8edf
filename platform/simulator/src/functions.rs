//! Runs the real handlers in the simulation, invoked as Lambda invokes them.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::StalledStreamProtectionConfig;
use aws_sdk_dynamodb::config::{AsyncSleep, Builder, IdentityCache, Sleep as SdkSleep};
use aws_smithy_async::time::TimeSource;
use futures::future::{Either, select};
use http::{HeaderMap, HeaderName, HeaderValue};
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Service as _, service_fn};
use lambda_runtime::{Context, LambdaEvent};
use orders::auditor::{self, Auditor};
use orders::sweeper::{self, Sweeper};
use orders::turns::{Exchange, Redis};
use orders::{App, Config};
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::world::World;

use super::network::Network;
use super::random::Random;
use super::time::{Time, lock};
use gateway::event::Inbound;
use gateway::route::choose;
use template::Template;

/// The template of this repository. The simulation takes its routes and its table from it.
static TEMPLATE: LazyLock<Result<Template, String>> =
    LazyLock::new(|| Template::read(template::SHIPPED, []).map_err(|error| error.to_string()));

/// How long the orders function may run, as the template says.
pub(crate) const ORDERS_LIMIT: Duration = Duration::from_secs(10);

/// How long the sweeper may run, as the template says.
pub(crate) const SWEEPER_LIMIT: Duration = Duration::from_secs(50);

/// How long the auditor may run, as the template says.
pub(crate) const AUDITOR_LIMIT: Duration = Duration::from_mins(15);

/// The template.
///
/// # Errors
/// It cannot be read.
pub(crate) fn template() -> Result<&'static Template, String> {
    TEMPLATE.as_ref().map_err(Clone::clone)
}

/// A request of a client, after its token was accepted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    /// Who asks.
    pub(crate) caller: Caller,
    /// The method.
    pub(crate) method: &'static str,
    /// The path.
    pub(crate) path: String,
    /// The query.
    pub(crate) query: String,
    /// The headers, without those that every request has.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: String,
}

/// An answer as the client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: BTreeMap<String, String>,
    /// The body, byte for byte.
    pub body: String,
}

impl Answer {
    /// A member of the body.
    pub fn member(&self, name: &str) -> Option<Value> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        body.get(name).cloned()
    }

    /// The kind of problem: the last part of its `type`.
    pub fn kind(&self) -> Option<String> {
        let kind = self.member("type")?;
        let kind = kind.as_str()?;
        Some(
            kind.rsplit(['/', ':', '#'])
                .next()
                .unwrap_or(kind)
                .to_owned(),
        )
    }

    /// Whether it is marked as a replay.
    pub fn replayed(&self) -> bool {
        self.headers.contains_key("idempotent-replayed")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        if let Some(kind) = self.kind() {
            write!(formatter, " {kind}")?;
        }
        if self.replayed() {
            formatter.write_str(" (replayed)")?;
        }
        write!(formatter, " {}", self.body)
    }
}

/// How long an invocation may run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Its time limit.
    pub limit: Duration,
    /// The wait at which it is killed, counted from 0, if it is.
    pub killed_at_wait: Option<u32>,
}

/// The invocation ended before it had an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Gone;

/// A machine that runs the functions of the orders, with its own clock.
pub struct Machine {
    app: App,
    sweeper: Sweeper,
    auditor: Auditor,
    time: Time,
    /// How many milliseconds its clock is ahead of the true time.
    pub(crate) ahead: i64,
}

impl Machine {
    /// Starts the functions cold.
    ///
    /// # Errors
    /// The template cannot be read.
    pub(crate) fn start(
        time: &Time,
        network: &Network,
        random: Random,
        ahead: i64,
        sold_out_milliseconds: u32,
    ) -> Result<Self, String> {
        let table = &table_name()?;
        let sold_out = sold_out_milliseconds.to_string();
        let var = |name: &str| {
            let value = match name {
                "TABLE_NAME" => table,
                "SOLD_OUT_MS" => sold_out.as_str(),
                "ALLOWED_ORIGINS" => "https://shop.example",
                "AWS_REGION" => "ap-northeast-2",
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "simulated",
                "AWS_ENDPOINT_URL_DYNAMODB" => "http://dynamodb.simulated",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let config = Config::from_env(var).map_err(|error| error.to_string())?;
        let audit = auditor::config(var).map_err(|error| error.to_string())?;
        let client = client(&config, time, network);
        let world = world(time, random, ahead);
        Ok(Self {
            app: App::with_client(&config, client.clone(), world.clone())
                .map_err(|error| error.to_string())?,
            sweeper: Sweeper::with_client(&config.store, client.clone(), world.clone())
                .map_err(|error| error.to_string())?,
            auditor: Auditor::with_client(&audit, client, world)
                .map_err(|error| error.to_string())?,
            time: time.clone(),
            ahead,
        })
    }

    /// This machine, with a Redis.
    ///
    /// # Errors
    /// The template declares no table.
    pub(crate) fn with_redis(self, redis: &super::redis::Redis) -> Result<Self, String> {
        let wait = redis.wait;
        Ok(self.with_redis_of(Redis::played(redis.exchange(), &table_name()?).waited_for(wait)))
    }

    /// This machine, with a Redis whose answers come from `exchange`.
    ///
    /// # Errors
    /// The template declares no table.
    pub fn with_answers(self, exchange: Exchange) -> Result<Self, String> {
        Ok(self.with_redis_of(Redis::played(exchange, &table_name()?)))
    }

    fn with_redis_of(self, redis: Redis) -> Self {
        Self {
            app: self.app.with_redis(redis),
            ..self
        }
    }

    /// Answers a request.
    pub(crate) async fn ask(&self, ask: &Ask, name: &str, run: Run) -> Result<Answer, Gone> {
        let event = event(ask, name, self.time.now_on(self.ahead)).ok_or(Gone)?;
        // Lambda passes events as text, too.
        let request: LambdaRequest = serde_json::from_str(&event.to_string()).map_err(|_| Gone)?;
        let app = &self.app;
        let mut adapter = Adapter::from(service_fn(move |request| orders::handle(app, request)));
        let call = adapter.call(LambdaEvent::new(request, self.context(name, run.limit)));
        let response = self.within(call, run).await?;
        let Ok(response) = response;
        let response = serde_json::to_value(response).map_err(|_| Gone)?;
        answer(&response).ok_or(Gone)
    }

    /// Sweeps once. The inner result is the sweeper's report, or why it failed.
    pub(crate) async fn sweep(&self, name: &str, run: Run) -> Result<Result<Value, String>, Gone> {
        let event = LambdaEvent::new(json!({}), self.context(name, run.limit));
        let swept = self
            .within(sweeper::handle(&self.sweeper, event), run)
            .await?;
        Ok(swept.map_err(|error| error.to_string()))
    }

    /// Audits once. The inner result is the auditor's report, or why it failed.
    pub(crate) async fn audit(&self, name: &str, run: Run) -> Result<Result<Value, String>, Gone> {
        let event = LambdaEvent::new(json!({}), self.context(name, run.limit));
        let audited = auditor::handle(&self.auditor, event);
        let audited = self.within(audited, run).await?;
        Ok(audited.map_err(|error| error.to_string()))
    }

    fn context(&self, name: &str, limit: Duration) -> Context {
        let now = self.time.now_on(self.ahead).as_millisecond();
        let left = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let mut context = Context::default();
        name.clone_into(&mut context.request_id);
        context.deadline = u64::try_from(now.saturating_add(left)).unwrap_or_default();
        context
    }

    /// Runs a future until it ends. It is dropped at its time limit, or at the wait at which it is
    /// killed.
    async fn within<T>(&self, future: impl Future<Output = T> + Send, run: Run) -> Result<T, Gone> {
        let future = Mortal {
            future: Box::pin(future),
            waits_left: run.killed_at_wait,
        };
        match select(future, Box::pin(self.time.sleep(run.limit))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Err(Gone),
        }
    }
}

/// A future that can be killed at one of its waits.
struct Mortal<'future, T> {
    future: Pin<Box<dyn Future<Output = T> + Send + 'future>>,
    waits_left: Option<u32>,
}

impl<T> Future for Mortal<'_, T> {
    type Output = Result<T, Gone>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(output) = self.future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        match &mut self.waits_left {
            Some(0) => return Poll::Ready(Err(Gone)),
            Some(left) => *left -= 1,
            None => {}
        }
        Poll::Pending
    }
}

/// The name of the table of orders.
fn table_name() -> Result<String, String> {
    Ok(orders_table()?.name.clone())
}

/// The table of orders, as the template declares it.
///
/// # Errors
/// The template declares none.
pub(crate) fn orders_table() -> Result<&'static template::TableSpec, String> {
    let found = template()?
        .tables
        .iter()
        .find(|table| table.logical_id == "OrdersTable");
    found.ok_or_else(|| "the template declares no OrdersTable".to_owned())
}

/// The real SDK, with the clock, the timers and the connections of the simulation.
fn client(config: &Config, time: &Time, network: &Network) -> Client {
    let mut builder = Builder::from(&config.store.aws.sdk_config());
    builder.set_endpoint_url(config.store.aws.endpoint("DYNAMODB"));
    let builder = builder
        .http_client(network.clone())
        .sleep_impl(VirtualSleep(time.clone()))
        .time_source(VirtualTime(time.clone()))
        .identity_cache(IdentityCache::no_cache())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(builder.build())
}

fn world(time: &Time, random: Random, ahead: i64) -> World {
    let (clock, waiting) = (time.clone(), time.clone());
    let random = Arc::new(Mutex::new(random));
    World::new(
        move || clock.now_on(ahead),
        move |bytes| lock(&random).fill(bytes),
        move |duration| Box::pin(waiting.sleep(duration)),
    )
}

#[derive(Debug)]
struct VirtualSleep(Time);

impl AsyncSleep for VirtualSleep {
    fn sleep(&self, duration: Duration) -> SdkSleep {
        SdkSleep::new(self.0.sleep(duration))
    }
}

#[derive(Debug)]
struct VirtualTime(Time);

impl TimeSource for VirtualTime {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

/// The event that the gateway sends for a request.
fn event(ask: &Ask, name: &str, now: jiff::Timestamp) -> Option<Value> {
    let template = template().ok()?;
    let chosen = choose(&template.routes, ask.method, &ask.path)?;
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("api.simulated"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in &ask.headers {
        headers.insert(HeaderName::from_static(name), value.parse().ok()?);
    }
    let inbound = Inbound {
        method: ask.method.to_owned(),
        path: ask.path.clone(),
        query: ask.query.clone(),
        headers,
        body: ask.body.clone().into_bytes(),
        protocol: "HTTP/1.1".to_owned(),
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        time: now,
        request_id: name.to_owned(),
    };
    Some(inbound.event(&template.place, &chosen, Some(&ask.caller.to_context())))
}

fn answer(response: &Value) -> Option<Answer> {
    let status = response.get("statusCode")?.as_u64()?;
    let mut headers = BTreeMap::new();
    for (name, value) in response.get("headers")?.as_object()? {
        headers.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    let body = response
        .get("body")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Some(Answer {
        status: u16::try_from(status).ok()?,
        headers,
        body: body.to_owned(),
    })
}
