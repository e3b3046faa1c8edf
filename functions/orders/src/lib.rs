//! The orders function: takes an order exactly once, and keeps the stock right.
//!
//! Read [`once`] first (the protocol, free of the shop's words), then
//! [`place`] (the shop's use of it), then [`routes`].

mod adjust;
mod answer;
pub mod auditor;
mod available;
mod backlog;
mod body;
mod books;
mod cancel;
mod change;
mod collect;
mod config;
mod confirm;
mod crowd;
mod cursor;
mod customer;
mod day;
mod day_cursor;
mod day_list;
mod deadline;
mod describe;
mod draft;
mod error;
mod expire;
mod fault;
mod fulfil;
mod goods;
mod hints;
mod incoming;
mod index;
mod ledger;
mod level;
mod list;
mod list_request;
mod marks;
mod metadata;
mod moment;
mod movement;
mod order;
mod order_id;
mod order_view;
mod place;
mod placement;
mod precondition;
mod product;
mod read;
mod record;
mod refusal;
mod release;
mod report;
mod return_record;
mod return_refusal;
mod return_request;
mod returns;
mod roll;
mod routes;
mod search;
mod shard;
mod shortfall;
mod status;
pub mod sweeper;
mod take;
mod text;
pub mod turns;

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use futures::FutureExt as _;
use http::HeaderName;
use jiff::SignedDuration;
use lambda_http::{Body, Request, Response};
use once::{Item, RetriesAreOn, Session, Store, text};
use shared::as_is::AsIs;
use shared::cors::AllowedOrigins;
use shared::world::World;
use tracing::Instrument as _;

pub use adjust::Adjustment;
pub use books::Books;
pub use config::{Config, ConfigError, REDIS_WAIT_DEFAULT, StoreConfig};
pub use customer::Customer;
pub use day::BY_DAY;
pub use draft::Draft;
pub use list::BY_OWNER;
pub use moment::Moment;
pub use order::Order;
pub use order_id::OrderId;
pub use refusal::Refusal;
pub use report::SERVICE;
pub use return_request::ReturnRequest;

use crate::crowd::Crowds;
use crate::error::Error;
use crate::hints::Hints;
use crate::incoming::Incoming;
use crate::turns::{Redis, Turns};

/// The header with the request's id, in every answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a client waits at least before it repeats a try that only met other writes,
/// in seconds …
const BUSY_SECONDS_MIN: u32 = 1;

/// … and how much longer at most.
const BUSY_MORE: Duration = Duration::from_secs(3);

/// How long a start may take for its connection to the database. A session keeps the
/// last half second for an answer, so it waits for one second.
const CONNECT_MAX: SignedDuration = SignedDuration::from_millis(1_500);

/// The function, started.
#[derive(Debug)]
pub struct App {
    store: Store,
    redis: Option<Redis>,
    crowds: Crowds,
    hints: Hints,
    origins: AllowedOrigins,
    behind_edge: bool,
    warm: AtomicBool,
}

impl App {
    /// Starts the function. It opens no connection: [`App::connect`] or the first request does.
    ///
    /// # Errors
    /// The database client repeats requests by itself: a defect.
    pub fn new(config: &Config, world: World) -> Result<Self, RetriesAreOn> {
        Self::with_client(config, config.store.client(), world)
    }

    /// Starts the function with another client, such as one that counts its
    /// requests or fails on purpose.
    ///
    /// # Errors
    /// The client repeats requests by itself.
    pub fn with_client(
        config: &Config,
        client: Client,
        world: World,
    ) -> Result<Self, RetriesAreOn> {
        let redis = config.redis.as_ref();
        Ok(Self {
            redis: redis.map(|redis| Redis::new(redis, &config.store, world.clone())),
            store: Store::new(client, config.store.table.clone(), world)?,
            crowds: Crowds::default(),
            hints: Hints::new(config.sold_out),
            origins: config.origins.clone(),
            behind_edge: config.behind_edge,
            warm: AtomicBool::new(false),
        })
    }

    /// Opens the connection to the database before the first order needs it.
    ///
    /// While an environment starts, Lambda gives it a whole processor, whatever its
    /// memory; an order that opens the connection pays for TLS with a part of one.
    /// The connection is opened by reading an item that never exists. If that fails,
    /// the first request opens it.
    pub async fn connect(&self) {
        let now = self.store.machine_now();
        let session = self.store.session(now + CONNECT_MAX);
        let nobody = Item::from(["pk", "sk"].map(|name| (name.to_owned(), text("NOBODY"))));
        if let Err(failure) = session.get(nobody).await {
            tracing::warn!(?failure, "the database did not answer at the start");
        }
    }

    /// The same function with another Redis, such as a simulated one.
    #[must_use]
    pub fn with_redis(mut self, redis: Redis) -> Self {
        self.redis = Some(redis);
        self
    }
}

/// Answers one request of the gateway. It always answers: a panic is a 500.
pub async fn handle(app: &App, request: Request) -> Result<AsIs, Infallible> {
    let incoming = Incoming::read(request, app.store.machine_now());
    let span = shared::telemetry::invocation_span(
        SERVICE,
        &incoming.invocation_id,
        incoming.trace_id.as_deref(),
        !app.warm.swap(true, Ordering::Relaxed),
    );
    Ok(AsIs(answer(app, &incoming).instrument(span).await))
}

/// The error that a client gets, given what was sent.
///
/// A write without an answer may have happened, or may happen yet. Whatever goes wrong
/// after it proves nothing about it, so the client must not read "nothing was changed",
/// or that repeating is useless.
fn after_what_was_sent(error: Error, session: &Session<'_>) -> Error {
    let hides_a_write = matches!(
        error,
        Error::Internal(_) | Error::NoCaller(_) | Error::Unavailable
    );
    if !hides_a_write || !session.may_have_written() {
        return error;
    }
    let cause = error.to_string();
    tracing::error!(cause, "a request failed after a write that got no answer");
    Error::OutcomeUnknown
}

/// After how many seconds a client that met others may try again.
fn busy_seconds(world: &World) -> u32 {
    let more = world.uniform(BUSY_MORE) + Duration::from_millis(500);
    BUSY_SECONDS_MIN.saturating_add(u32::try_from(more.as_secs()).unwrap_or_default())
}

async fn answer(app: &App, incoming: &Incoming) -> Response<Body> {
    let session = app.store.session(incoming.deadline);
    let turns = Turns::new(app.redis.as_ref(), &app.crowds, &app.hints);
    let served = AssertUnwindSafe(routes::serve(&session, &turns, incoming));
    let result = served
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(Error::Internal("the handler panicked".to_owned())));
    let result = result.map_err(|error| after_what_was_sent(error, &session));
    let outcome = match &result {
        Ok(answer) => Ok(answer.outcome),
        Err(error) => Err(error.clone()),
    };
    let mut response = match result {
        Ok(answer) => answer.into_response(),
        Err(error) => {
            let mut problem = error.problem(&incoming.route);
            if error == Error::Busy {
                // Jitter keeps clients that met each other from meeting again.
                problem = problem.retry_after(busy_seconds(session.world()));
            }
            let problem = problem.with("request_id", incoming.request_id.as_str());
            problem.into_response()
        }
    };
    if let Ok(id) = incoming.request_id.parse() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    shared::headers::finish(response.headers_mut(), incoming.origin(), &app.origins);
    report::report(
        incoming,
        incoming.client_address(app.behind_edge),
        outcome.as_ref().copied(),
        response.status().as_u16(),
        session.tally(),
        turns.account(),
        session.world().now(),
    );
    response
}
