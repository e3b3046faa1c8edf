//! Records a decision: one log line and one counter, which quote nothing of the token.

use jiff::Timestamp;
use shared::metrics::Metrics;

use crate::denial::Denial;
use crate::error::Error;

/// This function's name in logs and metrics.
pub const SERVICE: &str = "authorizer";

/// The message of a decision's log line.
const MESSAGE: &str = "decision";

/// What the log line of a decision may hold, as far as it is known.
///
/// Every text is from the configuration, or is a hash.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    pub(crate) issuer: Option<String>,
    pub(crate) route: Option<String>,
    pub(crate) jti_hash: Option<String>,
}

/// Why a request was not allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// The request was decided: it is denied.
    Denied(Denial),
    /// The request could not be decided.
    Failed(Error),
}

/// Writes the line and the counter of one decision.
pub(crate) fn record(decided: Result<(), Refusal>, trail: &Trail, now: Timestamp) {
    let (decision, reason) = match decided {
        Ok(()) => ("allow", None),
        Err(Refusal::Denied(denial)) => ("deny", Some(denial.reason())),
        Err(Refusal::Failed(error)) => ("error", Some(error.reason())),
    };
    let (issuer, route) = (trail.issuer.as_deref(), trail.route.as_deref());
    let jti_hash = trail.jti_hash.as_deref();
    // The level is part of the macro, so the line is written in two places.
    match decided {
        Ok(()) | Err(Refusal::Denied(_)) => {
            tracing::info!(decision, reason, issuer, route, jti_hash, "{MESSAGE}");
        }
        Err(Refusal::Failed(_)) => {
            tracing::error!(decision, reason, issuer, route, jti_hash, "{MESSAGE}");
        }
    }
    let metrics = match reason {
        None => Metrics::new(SERVICE),
        Some(reason) => Metrics::new(SERVICE).dimension("reason", reason),
    };
    let counted = match decided {
        Ok(()) => metrics.count("Allowed", 1),
        Err(Refusal::Denied(_)) => metrics.count("Denied", 1),
        Err(Refusal::Failed(_)) => metrics.count("Failed", 1),
    };
    counted.emit(now);
}
