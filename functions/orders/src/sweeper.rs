//! The sweeper: expires overdue holds, once a minute, as its own entry point.
//!
//! It keeps no state. Each run reads the index of pending orders, the longest
//! overdue first ([`backlog`](crate::backlog)), so the next run does the work of a run
//! that was killed or ran out of time. Each order expires in one conditional
//! transaction, so two runs at the same time release nothing twice.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::Client;
use futures::{StreamExt as _, stream};
use lambda_http::lambda_runtime::{Diagnostic, LambdaEvent};
use once::{Item, RetriesAreOn, Session, Store, text_of};
use serde_json::{Value, json};
use shared::metrics::Metrics;
use shared::world::World;
use tracing::Instrument as _;

use crate::backlog::Backlog;
use crate::config::{ConfigError, StoreConfig};
use crate::deadline::deadline;
use crate::error::Error;
use crate::expire::expire;
use crate::index::read_in_order;
use crate::marks;
use crate::moment::Moment;
use crate::order::Order;
use crate::status::Status;

/// The name of the service in logs and metrics.
pub const SERVICE: &str = "orders-sweeper";

/// How many orders are read together: one batch read takes no more.
const ORDERS_AT_A_TIME: usize = 100;

/// How many orders expire at the same time.
const CONCURRENCY_MAX: usize = 8;

pub use crate::backlog::BY_EXPIRY;

/// The sweeper, started.
#[derive(Debug)]
pub struct Sweeper {
    store: Store,
    warm: AtomicBool,
}

/// A run failed. The next run does its work.
#[derive(Debug, thiserror::Error)]
#[error("the sweep was not finished: {0}")]
pub struct SweepError(#[from] Error);

impl From<SweepError> for Diagnostic {
    fn from(error: SweepError) -> Self {
        Self {
            error_type: "SweepError".to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Swept {
    /// Holds that were released.
    expired: u32,
    /// Orders that were still in the index, but no longer pending.
    settled: u32,
    /// Orders whose release was tried and did not succeed.
    failed: u32,
    /// Orders whose release has to wait for the next run.
    left: u32,
    /// Products whose description was brought to all their shards.
    rolled: u32,
    /// How long the oldest hold had been overdue at the start of the run.
    oldest_overdue_seconds: i64,
}

impl Sweeper {
    /// Starts the sweeper. It opens no connection: the first run does.
    ///
    /// # Errors
    /// The database client repeats requests by itself: a defect.
    pub fn new(config: &StoreConfig, world: World) -> Result<Self, RetriesAreOn> {
        Self::with_client(config, config.client(), world)
    }

    /// Starts the sweeper with another client.
    ///
    /// # Errors
    /// The client repeats requests by itself.
    pub fn with_client(
        config: &StoreConfig,
        client: Client,
        world: World,
    ) -> Result<Self, RetriesAreOn> {
        Ok(Self {
            store: Store::new(client, config.table.clone(), world)?,
            warm: AtomicBool::new(false),
        })
    }
}

/// Reads the sweeper's configuration.
///
/// # Errors
/// A variable is missing. The error names it.
pub fn config(var: impl Fn(&str) -> Option<String>) -> Result<StoreConfig, ConfigError> {
    StoreConfig::from_env(var)
}

/// Runs once. The event is not read.
pub async fn handle(sweeper: &Sweeper, event: LambdaEvent<Value>) -> Result<Value, SweepError> {
    let context = event.context;
    let span = shared::telemetry::invocation_span(
        SERVICE,
        &context.request_id,
        context.xray_trace_id.as_deref(),
        !sweeper.warm.swap(true, Ordering::Relaxed),
    );
    let deadline = deadline(context.deadline, sweeper.store.machine_now());
    let session = sweeper.store.session(deadline);
    // Boxed: the types of nested futures are otherwise too deep for the compiler.
    let swept = Box::pin(sweep(&session).instrument(span)).await;
    swept.map_err(SweepError)
}

async fn sweep(session: &Session<'_>) -> Result<Value, Error> {
    let now = Moment::from(session.world().now());
    let swept = Mutex::new(Swept::default());
    let mut backlog = Backlog::new(now);
    // First: it is short, and a price that was changed must not wait for a long backlog.
    let rolled = marks::finish(session, now).await;
    let result = sweep_all(session, &mut backlog, now, &swept).await;
    let mut swept = *swept.lock().unwrap_or_else(PoisonError::into_inner);
    swept.rolled = rolled.as_ref().copied().unwrap_or_default();
    swept.oldest_overdue_seconds = backlog.oldest_overdue_seconds();
    swept.left = backlog.left(swept.expired.saturating_add(swept.settled), swept.failed);
    report(session, swept, backlog.is_counted);
    if let Err(error) = result.and(rolled) {
        // Lambda counts the error, and logs nothing about it.
        tracing::error!(cause = ?error, "a sweep was not finished");
        return Err(error);
    }
    Ok(json!({
        "expired": swept.expired,
        "settled": swept.settled,
        "rolled": swept.rolled,
        "left": swept.left,
        "left_is_exact": backlog.is_counted,
        "oldest_overdue_seconds": swept.oldest_overdue_seconds,
        "round_trips": session.tally().round_trips,
    }))
}

/// Expires what is overdue, the longest overdue first, until nothing is left or the time
/// is over. What is left then is the next run's work.
async fn sweep_all(
    session: &Session<'_>,
    backlog: &mut Backlog,
    now: Moment,
    swept: &Mutex<Swept>,
) -> Result<(), Error> {
    // A partition that cannot be read does not keep the others waiting.
    let mut result = backlog.begin(session).await;
    while session.time_left().is_some() {
        if let Err(error) = backlog.refill(session).await {
            result = Err(error);
        }
        let keys = backlog.take(ORDERS_AT_A_TIME);
        if keys.is_empty() {
            break;
        }
        let items = read_in_order(session, &keys).await?;
        let orders = items.into_iter().filter_map(|item| readable(item, swept));
        stream::iter(orders)
            .for_each_concurrent(CONCURRENCY_MAX, |order| release(session, order, now, swept))
            .await;
    }
    result
}

/// Reads an order. Skips it if it cannot be read: an order of a newer release must
/// not keep the sweeper from the orders behind it.
fn readable(item: Item, swept: &Mutex<Swept>) -> Option<Order> {
    let id = text_of(&item, "pk").unwrap_or_default().to_owned();
    match serde_dynamo::from_item(item) {
        Ok(order) => Some(order),
        Err(error) => {
            swept.lock().unwrap_or_else(PoisonError::into_inner).failed += 1;
            let cause = error.to_string();
            tracing::error!(id, cause, "an order cannot be read and is skipped");
            None
        }
    }
}

async fn release(session: &Session<'_>, order: Order, now: Moment, swept: &Mutex<Swept>) {
    if session.time_left().is_none() {
        return;
    }
    let id = order.id().to_owned();
    let result = expire(session, order, now).await;
    let mut swept = swept.lock().unwrap_or_else(PoisonError::into_inner);
    match result {
        Ok(changed) if changed.already => swept.settled += 1,
        Ok(changed) => {
            debug_assert_eq!(changed.order.status, Status::Expired);
            swept.expired += 1;
        }
        Err(error) => {
            swept.failed += 1;
            let cause = error.to_string();
            tracing::warn!(
                order_id = id,
                cause,
                "a hold could not be released: the next run tries again"
            );
        }
    }
}

fn report(session: &Session<'_>, swept: Swept, left_is_exact: bool) {
    let tally = session.tally();
    let oldest = i32::try_from(swept.oldest_overdue_seconds).unwrap_or(i32::MAX);
    tracing::info!(
        expired = swept.expired,
        settled = swept.settled,
        rolled = swept.rolled,
        left = swept.left,
        left_is_exact,
        round_trips = tally.round_trips,
        "swept"
    );
    Metrics::new(SERVICE)
        .count("SweeperHeartbeat", 1)
        .count("HoldExpired", swept.expired)
        .count("HoldLeft", swept.left)
        .seconds("OldestOverdueHoldSeconds", f64::from(oldest))
        .count("RoundTrips", tally.round_trips)
        .count("WriteUnits", tally.write_units)
        .count("ReadUnits", tally.read_units)
        .emit(session.world().now());
}
