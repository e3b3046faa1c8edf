//! Sorts the errors of DynamoDB by what they say about the write.
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
            Some("TransactionConflict") => Self::Conflict,
            Some("ThrottlingError" | "ProvisionedThroughputExceeded") => Self::Throttled,
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
        match answer.err().code() {
            Some("TransactionConflictException" | "ReplicatedWriteConflictException") => {
                Self::Busy(Busy::Conflict)
            }
            Some(
                "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingException",
            ) => Self::Busy(Busy::Throttled),
            Some("IdempotentParameterMismatchException") => Self::Busy(Busy::TokenMismatch),
            Some("TransactionInProgressException") => Self::Unknown(cause()),
            _ if answer.raw().status().is_server_error() => Self::Unknown(cause()),
            _ => Self::Invalid(cause()),
        }
    }
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
