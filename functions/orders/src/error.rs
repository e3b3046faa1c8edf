//! The errors of requests, and the problem that a client gets for each.

use http::StatusCode;
use once::{Defect, GaveUp, IdempotencyKeyError, Unsettled};
use serde_json::{Value, json};
use shared::problem::Problem;

use crate::customer::CustomerError;
use crate::fault::{Fault, Place};
use crate::product::Currency;

/// After how many seconds an attempt with an unknown outcome is worth repeating.
const RETRY_SECONDS: u32 = 1;

/// Why a request does not succeed. Refusals are not here: they are recorded with
/// their bytes ([`crate::refusal`]).
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub(crate) enum Error {
    /// The body, path or query is not what this route takes.
    #[error("the request has {} faults", .0.len())]
    Invalid(Vec<Fault>),
    /// There is no `Idempotency-Key` where one is required.
    #[error("there is no Idempotency-Key")]
    KeyMissing,
    /// The `Idempotency-Key` is not valid.
    #[error(transparent)]
    KeyMalformed(#[from] IdempotencyKeyError),
    /// A body that is not declared to be JSON.
    #[error("the body is not declared to be application/json")]
    MediaType,
    /// A body in a content coding, such as gzip.
    #[error("the body is compressed")]
    ContentEncoding,
    /// A body of more bytes than this.
    #[error("the body has more than {0} bytes")]
    BodyTooLarge(usize),
    /// The event names no caller: the route has no authorizer, or another one.
    #[error("the event names no caller: {0}")]
    NoCaller(String),
    /// The caller's subject cannot be stored. An authorizer should not let it in.
    #[error("the caller cannot be stored: {0}")]
    CallerNotAccepted(CustomerError),
    /// The caller's token does not allow this.
    #[error("the caller lacks the scope {0}")]
    Forbidden(&'static str),
    /// There is no such thing, or it is not the caller's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The key was used for another request.
    #[error("the Idempotency-Key was used for another request")]
    KeyReused,
    /// The thing has changed since the client read it.
    #[error("the precondition {0} failed")]
    Stale(&'static str),
    /// The order was cancelled before.
    #[error("the order is cancelled")]
    OrderCancelled,
    /// The order's goods left before.
    #[error("the order is fulfilled")]
    OrderFulfilled,
    /// The order is still pending.
    #[error("the order is not confirmed")]
    NotConfirmed,
    /// The order was cancelled, and no payment ever confirmed it.
    #[error("the order was cancelled without a payment")]
    CancelledUnpaid,
    /// The order's hold ran out, and no payment ever confirmed it.
    #[error("the order has expired without a payment")]
    ExpiredUnpaid,
    /// The order was fulfilled under another reference.
    #[error("the order is fulfilled under another reference")]
    AlreadyFulfilled,
    /// The payment is of another amount than the order's total.
    #[error("the amount is not the order's total")]
    AmountDiffers {
        /// The order's total, in the currency's smallest unit.
        total: i64,
        /// The order's currency.
        currency: Currency,
    },
    /// The order was confirmed by another payment.
    #[error("the order is confirmed by another payment")]
    AlreadyConfirmed,
    /// The payment confirmed another order.
    #[error("the payment reference is used for another order")]
    PaymentReferenceUsed,
    /// The order's hold ran out, and its stock was given back.
    #[error("the order has expired")]
    Expired,
    /// The outcome is not known. The same request finds out.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// The outcome is not known, and a repeat could undo what others wrote since.
    #[error("the outcome is unknown, and a repeat is not safe")]
    ReadFirst,
    /// Every try met another write or too little capacity, so none did anything.
    #[error("every try met another write or too little capacity")]
    Busy,
    /// A product's new description has not reached all its shards yet.
    #[error("the description has not reached all shards yet")]
    ProductRolling,
    /// A product has more shards than this.
    #[error("the product has {0} shards already")]
    FewerShards(u32),
    /// A read got no answer in time.
    #[error("the table gave no answer in time")]
    Unavailable,
    /// The route is declared, but this release does not serve it.
    #[error("the route {0} is not served")]
    NotServed(String),
    /// A defect. The cause is for the log only.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// The problem that a client of this route gets.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each answer, to be read as a table"
    )]
    pub(crate) fn problem(&self, route: &str) -> Problem {
        // No wildcard: a new variant must choose its status here.
        match self {
            Self::Invalid(faults) => bad_request(
                "invalid-request",
                "The request is not valid",
                detail_of(faults),
            )
            .with("errors", faults.iter().map(fault).collect::<Vec<_>>()),
            Self::KeyMissing => bad_request(
                "idempotency-key-missing",
                "Idempotency-Key is required",
                "Send an Idempotency-Key header: a new one for each attempt, the same one for each repeat of it.",
            ),
            Self::KeyMalformed(error) => bad_request(
                "idempotency-key-malformed",
                "Idempotency-Key is not valid",
                format!("{error}."),
            ),
            Self::MediaType => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be JSON",
                "Send the body as content-type: application/json, in UTF-8.",
            ),
            Self::ContentEncoding => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content-encoding",
                "The body must not be compressed",
                "Send the body as it is, without a content-encoding header.",
            ),
            Self::BodyTooLarge(most) => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The body is too large",
                format!("A body may have at most {most} bytes."),
            ),
            Self::CallerNotAccepted(error) => bad_request(
                "caller-not-accepted",
                "The caller cannot be accepted",
                format!("Ask for a token with another subject: {error}."),
            ),
            Self::Forbidden(scope) => Problem::new(
                StatusCode::FORBIDDEN,
                "scope-missing",
                "The token does not allow this",
                format!("This needs a token with the scope {scope}."),
            ),
            Self::NotFound(what) => Problem::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "Not found",
                format!("There is no such {what}."),
            ),
            Self::KeyReused => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "Idempotency-Key was used before",
                "This Idempotency-Key was used for a different request. Make a new key for a new attempt.",
            ),
            Self::Stale(header) => Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "has-changed",
                "It has changed",
                format!("{header} does not match the current version. Read it again, then decide."),
            ),
            Self::OrderCancelled => conflict(
                "order-cancelled",
                "The order is cancelled",
                "This order was cancelled.",
            ),
            Self::OrderFulfilled => conflict(
                "order-fulfilled",
                "The order is fulfilled",
                "The goods of this order have left. Goods that come back are a return.",
            ),
            Self::NotConfirmed => conflict(
                "order-not-confirmed",
                "The order is not confirmed",
                "This order is pending. Confirm it first.",
            ),
            Self::CancelledUnpaid => conflict(
                "cancelled-unpaid",
                "The order was cancelled before it was paid",
                "No payment confirmed this order before it was cancelled. Void this payment.",
            ),
            Self::ExpiredUnpaid => Problem::new(
                StatusCode::GONE,
                "expired-unpaid",
                "The order expired before it was paid",
                "No payment confirmed this order in time, and its stock was given back. Void this payment.",
            ),
            Self::AlreadyFulfilled => conflict(
                "already-fulfilled",
                "The order is fulfilled",
                "This order was fulfilled under another reference.",
            ),
            Self::AmountDiffers { total, currency } => conflict(
                "amount-differs",
                "The amount is not the order's total",
                format!("This order costs {total} {}.", currency.as_str()),
            )
            .with("total", *total)
            .with("currency", currency.as_str()),
            Self::AlreadyConfirmed => conflict(
                "already-confirmed",
                "The order is confirmed",
                "This order was confirmed by another payment.",
            ),
            Self::PaymentReferenceUsed => conflict(
                "payment-reference-used",
                "The payment was used before",
                "This payment reference confirmed another order.",
            ),
            Self::Expired => Problem::new(
                StatusCode::GONE,
                "order-expired",
                "The order has expired",
                "This order was not confirmed in time, and its stock was given back.",
            ),
            Self::OutcomeUnknown => try_again(
                "outcome-unknown",
                "The outcome is not known yet",
                format!("{}: it is never done twice.", again(route)),
            ),
            // Without Retry-After: a client must not repeat it by itself.
            Self::ReadFirst => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "outcome-unknown",
                "The outcome is not known yet",
                "Read the product first, then send it with If-Match: a repeat could undo a later change.",
            ),
            Self::Busy => try_again("busy", "Too busy right now", busy(route)),
            Self::ProductRolling => try_again(
                "product-rolling",
                "The description is not everywhere yet",
                "It is stored, and some orders may still be placed under the old one. Send the same again: it is then finished.",
            ),
            Self::FewerShards(shards) => conflict(
                "fewer-shards",
                "A product cannot have fewer shards",
                format!("This product has {shards} shards, and keeps them. Send shards: {shards} or more, or leave it out."),
            )
            .with("shards", *shards),
            Self::Unavailable => try_again(
                "unavailable",
                "Not available right now",
                "Nothing was changed. Try again.",
            ),
            Self::NotServed(_) => Problem::new(
                StatusCode::NOT_IMPLEMENTED,
                "not-implemented",
                "Not implemented",
                "This route is declared, but this release does not serve it.",
            ),
            Self::NoCaller(_) | Self::Internal(_) => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Something is broken on our side",
                "The team has been alerted. Quote the request_id when you ask about it.",
            ),
        }
    }
}

impl From<Vec<Fault>> for Error {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Invalid(faults)
    }
}

impl From<CustomerError> for Error {
    fn from(error: CustomerError) -> Self {
        match error {
            CustomerError::IssuerName => Self::NoCaller(error.to_string()),
            CustomerError::TooLong | CustomerError::Control => Self::CallerNotAccepted(error),
        }
    }
}

impl From<Defect> for Error {
    fn from(Defect(cause): Defect) -> Self {
        Self::Internal(cause)
    }
}

impl From<GaveUp> for Error {
    fn from(gave_up: GaveUp) -> Self {
        match gave_up {
            GaveUp::Busy => Self::Busy,
            GaveUp::Unknown => Self::OutcomeUnknown,
        }
    }
}

impl From<Unsettled> for Error {
    fn from(unsettled: Unsettled) -> Self {
        match unsettled {
            Unsettled::KeyReused => Self::KeyReused,
            Unsettled::OutcomeUnknown => Self::OutcomeUnknown,
            Unsettled::Busy => Self::Busy,
            Unsettled::Unreadable => Self::unreadable(),
            Unsettled::Invalid(cause) => Self::Internal(cause),
        }
    }
}

impl Error {
    /// The error for a record of a newer release. That release has decided, so this
    /// one must not.
    pub(crate) fn unreadable() -> Self {
        tracing::error!(
            "a newer release recorded this decision in a form that this release does not know"
        );
        Self::OutcomeUnknown
    }
}

fn bad_request(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, kind, title, detail)
}

fn conflict(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::CONFLICT, kind, title, detail)
}

/// How a client finds out what happened, or tries once more. Each route has its own
/// name for a repeat.
fn again(route: &str) -> &'static str {
    match route {
        "POST /orders" | "POST /orders/{id}/returns" | "POST /products/{sku}/stock" => {
            "Send the same request again with the same Idempotency-Key"
        }
        "POST /orders/{id}/confirm" => "Send the same payment_reference again",
        "POST /orders/{id}/cancel" => "Cancel it again",
        "POST /orders/{id}/fulfil" => "Send the same reference again",
        "PUT /products/{sku}" => "Send it again with the same If-Match or If-None-Match",
        _ => "Send the same request again",
    }
}

fn busy(route: &str) -> String {
    let done = match route {
        "POST /orders" => "placed",
        _ => "changed",
    };
    let again = again(route);
    format!("Other requests for the same came first. This try {done} nothing. {again}.")
}

fn try_again(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail).retry_after(RETRY_SECONDS)
}

fn detail_of(faults: &[Fault]) -> String {
    let Some(first) = faults.first() else {
        return "The request is not valid.".to_owned();
    };
    let place = match &first.place {
        Place::Body(pointer) if pointer.is_empty() => "The body".to_owned(),
        Place::Body(pointer) => pointer.clone(),
        Place::Parameter(name) => (*name).to_owned(),
    };
    let others = match faults.len() - 1 {
        0 => String::new(),
        1 => " There is 1 more fault.".to_owned(),
        more => format!(" There are {more} more faults."),
    };
    format!("{place}: {}.{others}", first.detail)
}

fn fault(fault: &Fault) -> Value {
    match &fault.place {
        Place::Body(pointer) => json!({"pointer": pointer, "detail": fault.detail}),
        Place::Parameter(name) => json!({"parameter": name, "detail": fault.detail}),
    }
}

#[cfg(test)]
mod tests;
