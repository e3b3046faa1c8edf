//! Owns what is told of a decision: one log line and one counter, and nothing of the token.

use jiff::Timestamp;
use shared::metrics::Metrics;

use crate::denial::Denial;
use crate::error::Error;

/// This function's name in logs and metrics.
pub const SERVICE: &str = "authorizer";

/// The message of the one line a decision leaves in the log.
pub const MESSAGE: &str = "decision";

/// What was found out on the way to a decision, of what may be told.
///
/// Every text in it is the configuration's own, or a hash.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    pub(crate) issuer: Option<String>,
    pub(crate) route: Option<String>,
    pub(crate) jti_hash: Option<String>,
}

/// A decision, for the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    Allowed,
    Denied(Denial),
    Failed(Error),
}

impl Decision {
    const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allow",
            Self::Denied(_) => "deny",
            Self::Failed(_) => "error",
        }
    }

    const fn metric(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::Denied(_) => "Denied",
            Self::Failed(_) => "Failed",
        }
    }

    const fn reason(self) -> Option<&'static str> {
        match self {
            Self::Allowed => None,
            Self::Denied(denial) => Some(denial.reason()),
            Self::Failed(error) => Some(error.reason()),
        }
    }
}

/// Writes the line and the counter.
pub(crate) fn record(decision: Decision, trail: &Trail, now: Timestamp) {
    let (issuer, route) = (trail.issuer.as_deref(), trail.route.as_deref());
    let (jti_hash, reason) = (trail.jti_hash.as_deref(), decision.reason());
    match decision {
        Decision::Allowed | Decision::Denied(_) => {
            tracing::info!(
                decision = decision.word(),
                reason,
                issuer,
                route,
                jti_hash,
                "{MESSAGE}"
            );
        }
        Decision::Failed(_) => {
            tracing::error!(
                decision = decision.word(),
                reason,
                issuer,
                route,
                jti_hash,
                "{MESSAGE}"
            );
        }
    }
    let metrics = match reason {
        None => Metrics::new(SERVICE),
        Some(reason) => Metrics::new(SERVICE).dimension("reason", reason),
    };
    metrics.count(decision.metric(), 1).emit(now);
}
