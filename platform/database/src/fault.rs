//! The ways in which DynamoDB fails, as answers on the wire.
//!
//! Source: "Error handling with DynamoDB" and "TransactWriteItems", Amazon DynamoDB.

use std::time::Duration;

use serde_json::Value;

use crate::response::Response;

/// A way in which the database fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Every request is answered with 500.
    Error,
    /// Every request is throttled.
    Throttle,
    /// Every request waits this long before it is answered.
    Slow(Duration),
    /// Every write meets a transaction that is in flight.
    Conflict,
    /// Every request is refused, as with a role that lacks the permission.
    Refuse,
}

impl Fault {
    /// The answer in place of the database's; `None` if the database answers.
    pub(crate) fn answer(self, operation: &str, body: &Value) -> Option<Response> {
        let actions = body.get("TransactItems").and_then(Value::as_array);
        let actions = actions.map_or(1, Vec::len);
        let is_write = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];
        match self {
            Self::Error => Some(Response::error(
                500,
                "InternalServerError",
                "The request processing has failed because of an unknown error.",
            )),
            Self::Throttle if operation == "TransactWriteItems" => {
                Some(Response::cancelled(&vec!["ThrottlingError"; actions]))
            }
            Self::Throttle => Some(Response::error(
                400,
                "ThrottlingException",
                "Throughput exceeds the current capacity of your table or index.",
            )),
            Self::Conflict if operation == "TransactWriteItems" => {
                Some(Response::cancelled(&vec!["TransactionConflict"; actions]))
            }
            Self::Conflict if is_write.contains(&operation) => Some(Response::error(
                400,
                "TransactionConflictException",
                "Transaction is ongoing for the item",
            )),
            Self::Refuse => Some(Response::error(
                400,
                "AccessDeniedException",
                "The role is not authorized to perform this operation.",
            )),
            Self::Conflict | Self::Slow(_) => None,
        }
    }
}
