//! Writes one log line for each request, and its metrics.

use std::net::IpAddr;

use jiff::Timestamp;
use once::Tally;
use shared::metrics::Metrics;

use crate::answer::Outcome;
use crate::error::Error;
use crate::incoming::Incoming;
use crate::turns::Account;

/// The name of the service in logs and metrics.
pub const SERVICE: &str = "orders";

/// Writes what happened, and what the request consumed. `client` is the client's address, if it is known.
pub(crate) fn report(
    incoming: &Incoming,
    client: Option<IpAddr>,
    result: Result<Outcome, &Error>,
    status: u16,
    tally: Tally,
    redis: Option<Account>,
    now: Timestamp,
) {
    let route = incoming.route.as_str();
    let (address, client) = (client, client.map(tracing::field::display));
    match result {
        Err(Error::Internal(cause) | Error::NoCaller(cause)) => {
            tracing::error!(route, status, client, cause, "a request failed");
        }
        Err(error @ (Error::OutcomeUnknown | Error::ReadFirst)) => {
            unknown(incoming, address, error, status, tally);
        }
        Err(error) => {
            let reason = error.problem(route).kind();
            tracing::info!(route, status, client, reason, "answered");
        }
        Ok(outcome) => tracing::info!(route, status, client, outcome = ?outcome, "answered"),
    }
    if let Some(metrics) = decision(result) {
        metrics.emit(now);
    }
    if tally.round_trips != 0 {
        Metrics::new(SERVICE)
            .property("route", route)
            .property("request_id", incoming.request_id.as_str())
            .count("RoundTrips", tally.round_trips)
            .count("WriteUnits", tally.write_units)
            .count("ReadUnits", tally.read_units)
            .count("TransactionConflict", tally.conflicts)
            .count("TransactionCancelled", tally.cancelled)
            .emit(now);
    }
    if let Some(redis) = redis {
        let metrics = redis.add_to(Metrics::new(SERVICE)).property("route", route);
        metrics
            .property("request_id", incoming.request_id.as_str())
            .emit(now);
    }
}

/// Writes what was tried for a request whose outcome is not known. It is an error, although the client is
/// right to send the request again: an alert shows the newest errors, and this one says why.
fn unknown(incoming: &Incoming, client: Option<IpAddr>, error: &Error, status: u16, tally: Tally) {
    let route = incoming.route.as_str();
    let request_id = incoming.request_id.as_str();
    let client = client.map(tracing::field::display);
    let reason = error.problem(route).kind();
    // The same words each time, so that an alert counts equal lines instead of listing them.
    let cause = match tally.unanswered {
        0 => "there was no time for a try, or a newer release has decided",
        _ => "DynamoDB did not answer a write in time",
    };
    tracing::error!(
        route,
        status,
        client,
        reason,
        request_id,
        cause,
        requests = tally.round_trips,
        unanswered = tally.unanswered,
        conflicts = tally.conflicts,
        "the outcome of a request is not known"
    );
}

/// The metric of an outcome. Each request counts for one at most.
fn decision(result: Result<Outcome, &Error>) -> Option<Metrics> {
    let metrics = Metrics::new(SERVICE);
    match result {
        Ok(Outcome::Placed) => Some(metrics.count("OrderPlaced", 1)),
        Ok(Outcome::Replayed) => Some(metrics.count("OrderReplayed", 1)),
        Ok(Outcome::Refused(reason)) => {
            Some(metrics.dimension("reason", reason).count("OrderRefused", 1))
        }
        Ok(Outcome::Adjusted) => Some(metrics.count("StockAdjusted", 1)),
        Ok(Outcome::Described) => Some(metrics.count("ProductDescribed", 1)),
        Ok(Outcome::Confirmed) => Some(metrics.count("OrderConfirmed", 1)),
        Ok(Outcome::Fulfilled) => Some(metrics.count("OrderFulfilled", 1)),
        Ok(Outcome::Returned) => Some(metrics.count("GoodsReturned", 1)),
        Ok(Outcome::Cancelled) => Some(metrics.count("OrderCancelled", 1)),
        Ok(Outcome::Read) => None,
        Err(Error::KeyReused) => Some(metrics.count("KeyReused", 1)),
        Err(Error::Busy) => Some(metrics.count("Busy", 1)),
        Err(Error::OutcomeUnknown | Error::ReadFirst) => Some(metrics.count("OutcomeUnknown", 1)),
        Err(Error::Internal(_) | Error::NoCaller(_)) => Some(metrics.count("InternalError", 1)),
        Err(
            Error::Invalid(_)
            | Error::KeyMissing
            | Error::KeyMalformed(_)
            | Error::MediaType
            | Error::ContentEncoding
            | Error::BodyTooLarge(_)
            | Error::CallerNotAccepted(_)
            | Error::Forbidden(_)
            | Error::NotFound(_)
            | Error::Stale(_)
            | Error::OrderCancelled
            | Error::OrderFulfilled
            | Error::NotConfirmed
            | Error::CancelledUnpaid
            | Error::ExpiredUnpaid
            | Error::AlreadyConfirmed
            | Error::AlreadyFulfilled
            | Error::AmountDiffers { .. }
            | Error::PaymentReferenceUsed
            | Error::Expired
            | Error::ProductRolling
            | Error::FewerShards(_)
            | Error::Unavailable
            | Error::NotServed(_),
        ) => None,
    }
}
