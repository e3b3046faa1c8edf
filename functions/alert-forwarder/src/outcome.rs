//! The outcome of a message, with its log line and its metrics.

use std::time::Duration;

use jiff::Timestamp;
use shared::metrics::Metrics;

use crate::answer::RouteFault;
use crate::message::Detail;

/// The function's name in logs and metrics.
pub const SERVICE: &str = "alert-forwarder";

/// What happened to a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Discord has it.
    Delivered {
        /// How much of it was sent.
        detail: Detail,
        /// The time from the change of state until now.
        latency: Option<Duration>,
        /// Whether it is labelled as a possible duplicate.
        possible_duplicate: bool,
    },
    /// It was delivered before, or is in the dead-letter queue.
    Suppressed,
    /// It has no message of its own: nobody has to know, or a digest has a line about it.
    Quiet,
    /// It was not delivered, and comes back later.
    HandedBack {
        /// Why.
        why: Why,
        /// In how much time, if that is known.
        wait: Option<Duration>,
    },
    /// Discord refuses it in every form.
    Refused,
}

/// Why a message is handed back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Why {
    /// Another instance is sending it.
    Claimed,
    /// Discord's rate limit lasts longer than the invocation.
    RateLimited,
    /// Discord failed several times.
    Unavailable,
    /// Neither the route nor a fallback has a usable webhook.
    NoWebhook,
    /// The table does not answer, and the message is not urgent enough to be sent without it.
    NoTable,
    /// Too little time is left in the invocation.
    OutOfTime,
    /// Discord refuses it, and it could not be sent to the dead-letter queue.
    Refused,
}

impl Why {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::NoWebhook => "no-webhook",
            Self::NoTable => "no-table",
            Self::OutOfTime => "out-of-time",
            Self::Refused => "refused",
        }
    }
}

/// Logs an outcome and counts it.
pub(crate) fn report(outcome: &Outcome, route: &str, kind: &str, now: Timestamp) {
    let metrics = Metrics::new(SERVICE)
        .property("route", route)
        .property("kind", kind);
    match outcome {
        Outcome::Delivered {
            detail,
            latency,
            possible_duplicate,
        } => {
            tracing::info!(
                route,
                kind,
                detail = detail.name(),
                possible_duplicate,
                "delivered"
            );
            let mut metrics = metrics.count("AlertDelivered", 1);
            if let Some(latency) = latency {
                metrics = metrics.milliseconds("AlertDeliveryLatency", latency.as_secs_f64() * 1e3);
            }
            if matches!(detail, Detail::NoFields | Detail::Plain) {
                metrics = metrics.count("AlertDegraded", 1);
            }
            metrics.emit(now);
        }
        Outcome::Suppressed => {
            tracing::info!(route, kind, "delivered before");
            metrics.count("AlertDuplicateSuppressed", 1).emit(now);
        }
        Outcome::Quiet => {
            tracing::info!(route, kind, "no message of its own");
            metrics.count("AlertQuiet", 1).emit(now);
        }
        Outcome::HandedBack { why, wait } => {
            let wait_seconds = wait.map(|wait| wait.as_secs());
            tracing::warn!(route, kind, why = why.name(), wait_seconds, "handed back");
            metrics
                .dimension("reason", why.name())
                .count("AlertHandedBack", 1)
                .emit(now);
        }
        Outcome::Refused => {
            tracing::error!(
                route,
                kind,
                "Discord refuses the message in every form: it goes to the dead-letter queue"
            );
            metrics.count("AlertRefused", 1).emit(now);
        }
    }
}

/// Writes how long a message that is handed back has been in the queue. The largest value of a minute is the
/// age of the oldest.
///
/// The queue's own metric leaves out messages that were received three times or more.
pub(crate) fn report_undelivered(age: Duration, now: Timestamp) {
    Metrics::new(SERVICE)
        .seconds("OldestUndeliveredSeconds", age.as_secs_f64())
        .emit(now);
}

/// Counts that the daily test alert arrived in Discord.
pub(crate) fn report_delivery_test(now: Timestamp) {
    Metrics::new(SERVICE)
        .count("DeliveryTestDelivered", 1)
        .emit(now);
}

/// Logs and counts that Discord rejects all messages of a route.
pub(crate) fn report_open_circuit(
    route: &str,
    status: u16,
    code: Option<i64>,
    fault: RouteFault,
    now: Timestamp,
) {
    tracing::error!(
        route,
        status,
        code,
        "{} (the route makes no call for ten minutes)",
        fault.words()
    );
    Metrics::new(SERVICE)
        .dimension("route", route)
        .count("RouteCircuitOpen", 1)
        .emit(now);
}
