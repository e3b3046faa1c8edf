//! Sorts the errors of DynamoDB by what they say about the write.
//!
//! A code that is not listed here is read by its class: what its name says, and then
//! its status. DynamoDB adds codes, and a new one must not look like a defect.
//!
//! Source: "Error handling with DynamoDB", "TransactWriteItems" and
//! "CancellationReason" in the DynamoDB API reference.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::CancellationReason;

use crate::item::Item;

/// Why a request has no answer that decides anything.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// Nothing happened, and the same may succeed in a moment: another write
    /// was on the item, there was no capacity, or the transaction's token was
    /// used for another request.
    Busy(Busy),
    /// It may have happened, or may happen yet: there was no answer, or the
    /// answer does not say.
    Unknown(String),
    /// The request is wrong, whatever the data.
    Invalid(String),
}

/// What was in the way of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Busy {
    /// Another write was on the item at that moment.
    Conflict,
    /// The partition or the account had no capacity left.
    Throttled,
    /// The transaction's token was used for another request.
    TokenMismatch,
}

/// Why one action of a transaction did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// Nothing was wrong with this action.
    None,
    /// Its condition failed. The item as it is now, if there is one.
    ConditionFailed(Option<Item>),
    /// Another write was on this item at that moment.
    Conflict,
    /// The item's partition or the account had no capacity left.
    Throttled,
    /// Anything else: the request itself is wrong.
    Invalid(String),
}

impl Reason {
    pub(crate) fn of(reason: &CancellationReason) -> Self {
        match reason.code() {
            None | Some("None") => Self::None,
            Some("ConditionalCheckFailed") => Self::ConditionFailed(reason.item().cloned()),
            Some(code) if is_conflict(code) => Self::Conflict,
            Some(code) if is_throttling(code) => Self::Throttled,
            Some(code) => {
                let message = reason.message().unwrap_or_default();
                Self::Invalid(format!("{code}: {message}"))
            }
        }
    }
}

impl Failure {
    pub(crate) fn of<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let cause = || DisplayErrorContext(error).to_string();
        let SdkError::ServiceError(answer) = error else {
            return match error {
                SdkError::ConstructionFailure(_) => Self::Invalid(cause()),
                _ => Self::Unknown(cause()),
            };
        };
        let code = answer.err().code().unwrap_or_default();
        match answer.raw().status().as_u16() {
            TOO_MANY_REQUESTS => Self::Busy(Busy::Throttled),
            // The request was read, and turned away. A server gives 408 when it did not
            // read all of it, which says nothing about another copy.
            400..=407 | 409..=499 => match code {
                "IdempotentParameterMismatchException" => Self::Busy(Busy::TokenMismatch),
                "TransactionInProgressException" => Self::Unknown(cause()),
                _ if is_conflict(code) => Self::Busy(Busy::Conflict),
                _ if is_throttling(code) => Self::Busy(Busy::Throttled),
                _ => Self::Invalid(cause()),
            },
            _ => Self::Unknown(cause()),
        }
    }
}

const TOO_MANY_REQUESTS: u16 = 429;

/// Whether a code says that another write was on the item, such as
/// `TransactionConflict` or `ReplicatedWriteConflictException`.
fn is_conflict(code: &str) -> bool {
    code.contains("Conflict")
}

/// Whether a code says that there was no capacity, such as `ThrottlingError`,
/// `ProvisionedThroughputExceeded` or `RequestLimitExceeded`.
fn is_throttling(code: &str) -> bool {
    let parts = [
        "Throttl",
        "ThroughputExceeded",
        "RequestLimitExceeded",
        "TooManyRequests",
        "SlowDown",
    ];
    parts.iter().any(|part| code.contains(part))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

    use super::*;

    fn failure(error: &SdkError<UpdateItemError>) -> Failure {
        Failure::of(error)
    }

    #[test]
    fn a_request_that_was_never_sent_is_wrong() {
        let error = SdkError::construction_failure("no key");
        assert!(matches!(failure(&error), Failure::Invalid(cause) if cause.contains("no key")));
    }

    #[test]
    fn a_request_that_may_have_arrived_may_have_happened() {
        let error = SdkError::timeout_error("too late");
        assert!(matches!(failure(&error), Failure::Unknown(cause) if cause.contains("too late")));
    }
}
