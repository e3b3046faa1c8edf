//! Owns what a failed request means for the write that it carried.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::CancellationReason;

use crate::Item;
use crate::classify::Reason;

/// Why a request did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// A transaction was cancelled, one reason an action.
    Cancelled(Vec<Reason>),
    /// A single write's condition failed; the item as it is, if there is one.
    ConditionFailed(Option<Item>),
    /// A single write met a transaction.
    Conflict,
    /// There was no capacity; nothing happened.
    Throttled,
    /// The transaction's token was used for another body; nothing happened.
    TokenMismatch,
    /// It may have happened, or may happen yet: no answer, or none that tells.
    Unknown(String),
    /// It is wrong and stays wrong.
    Invalid(String),
}

pub(super) fn reason(reason: &CancellationReason) -> Reason {
    match reason.code() {
        None | Some("None") => Reason::None,
        Some("ConditionalCheckFailed") => Reason::ConditionFailed(reason.item().cloned()),
        Some("TransactionConflict") => Reason::Conflict,
        Some("ThrottlingError" | "ProvisionedThroughputExceeded") => Reason::Throttled,
        Some(code) => Reason::Invalid(format!("{code}: {}", reason.message().unwrap_or_default())),
    }
}

/// Sorts an error by what it says about the write.
///
/// Source: "Error handling with DynamoDB" and the errors of each operation in
/// the DynamoDB API reference.
pub(super) fn failure<E>(error: &SdkError<E>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let cause = || DisplayErrorContext(error).to_string();
    let SdkError::ServiceError(answer) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => Failure::Invalid(cause()),
            _ => Failure::Unknown(cause()),
        };
    };
    match answer.err().code() {
        Some("TransactionConflictException" | "ReplicatedWriteConflictException") => {
            Failure::Conflict
        }
        Some(
            "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException",
        ) => Failure::Throttled,
        Some("IdempotentParameterMismatchException") => Failure::TokenMismatch,
        Some("TransactionInProgressException") => Failure::Unknown(cause()),
        _ if answer.raw().status().is_server_error() => Failure::Unknown(cause()),
        _ => Failure::Invalid(cause()),
    }
}
