//! Invocations of functions, and their failures.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};

/// Invokes functions: in this process, or wherever else they run.
pub type Invoke =
    Arc<dyn Fn(Invocation) -> BoxFuture<'static, Result<Value, FunctionError>> + Send + Sync>;

/// One invocation of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The function's logical id in the template.
    pub function: String,
    /// The event.
    pub event: Value,
    /// The `x-amzn-trace-id` header of the request.
    pub trace: Option<String>,
}

/// A function's failure, in the form in which Lambda reports it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct FunctionError {
    /// Lambda's `errorType`.
    pub error_type: String,
    /// Lambda's `errorMessage`.
    pub message: String,
}

impl FunctionError {
    /// A failure with a type and a message.
    pub fn new(error_type: &str, message: impl fmt::Display) -> Self {
        Self {
            error_type: error_type.to_owned(),
            message: message.to_string(),
        }
    }

    /// The JSON object `{"errorType", "errorMessage"}`.
    pub fn to_json(&self) -> Value {
        json!({"errorType": self.error_type, "errorMessage": self.message})
    }
}
