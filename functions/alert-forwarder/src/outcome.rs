//! Owns what can become of a message, and how each is counted.

use std::time::Duration;

use jiff::Timestamp;
use shared::metrics::Metrics;

use crate::message::Detail;

/// The function's name in logs and metrics.
pub const SERVICE: &str = "alert-forwarder";

/// What became of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Discord has it.
    Delivered {
        /// How much of it.
        detail: Detail,
        /// From the change of state to now.
        latency: Option<Duration>,
        /// Whether it carries the label.
        possible_duplicate: bool,
    },
    /// It was delivered before.
    Suppressed,
    /// It is not delivered, and comes again.
    HandedBack {
        /// Why.
        why: Why,
        /// When, if somebody said.
        wait: Option<Duration>,
    },
    /// Discord refuses it in every form.
    Refused,
}

/// Why a message is handed back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Why {
    /// Somebody else sends it now.
    Claimed,
    /// Discord asks to wait longer than the invocation lasts.
    RateLimited,
    /// Discord fails.
    Unavailable,
    /// No usable webhook is left.
    NoWebhook,
    /// The invocation ends.
    OutOfTime,
    /// Discord refuses it, and the dead-letter queue is not to be had.
    Refused,
}

impl Why {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::NoWebhook => "no-webhook",
            Self::OutOfTime => "out-of-time",
            Self::Refused => "refused",
        }
    }
}

/// Counts an outcome, and says it in the log.
pub(crate) fn tell(outcome: &Outcome, route: &str, kind: &str, now: Timestamp) {
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
                "Discord refuses it in every form: to the dead-letter queue"
            );
            metrics.count("AlertRefused", 1).emit(now);
        }
    }
}

/// Counts that a route's webhook was rejected.
pub(crate) fn tell_circuit(route: &str, status: u16, code: Option<i64>, now: Timestamp) {
    tracing::error!(
        route,
        status,
        code,
        "Discord rejects the route's webhook: it is left alone for ten minutes; put a working one into the secret"
    );
    Metrics::new(SERVICE)
        .dimension("route", route)
        .count("RouteCircuitOpen", 1)
        .emit(now);
}
