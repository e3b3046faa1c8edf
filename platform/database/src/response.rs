//! DynamoDB's response on the wire.

use std::fmt;

use serde_json::{Value, json};

/// A response on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Response {
    /// A success.
    pub const fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// An error with a name, such as `ThrottlingException`.
    pub fn error(status: u16, name: &str, message: &str) -> Self {
        let namespace = "com.amazonaws.dynamodb.v20120810";
        let body = json!({"__type": format!("{namespace}#{name}"), "message": message});
        Self { status, body }
    }

    /// A cancelled transaction, with the code of each action's reason.
    pub fn cancelled(codes: &[&str]) -> Self {
        let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
        let mut error = Self::error(400, "TransactionCanceledException", "");
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        if let Some(body) = error.body.as_object_mut() {
            body.remove("message");
            body.insert("Message".to_owned(), message.into());
            body.insert("CancellationReasons".to_owned(), reasons.into());
        }
        error
    }

    /// The reasons of a cancelled transaction.
    pub fn reasons(&self) -> Option<&Vec<Value>> {
        self.body.get("CancellationReasons")?.as_array()
    }

    /// The reasons of a cancelled transaction, to change them.
    pub fn reasons_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.body.get_mut("CancellationReasons")?.as_array_mut()
    }
}

impl fmt::Display for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.status == 200 {
            return formatter.write_str("ok");
        }
        let name = self
            .body
            .get("__type")
            .and_then(Value::as_str)
            .unwrap_or("?");
        let name = name.rsplit('#').next().unwrap_or(name);
        write!(formatter, "{} {name}", self.status)?;
        if let Some(reasons) = self.reasons() {
            let codes = reasons.iter().map(|reason| code(reason).unwrap_or("None"));
            write!(formatter, " [{}]", codes.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

/// The code of a cancellation reason.
pub fn code(reason: &Value) -> Option<&str> {
    reason.get("Code")?.as_str()
}
