//! Invokes a version of a function, and reads its answer.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;
use serde_json::Value;

use crate::steps::Broken;

/// The most of an answer that a log line shows.
const SHOWN_CHARACTERS_MAX: usize = 300;

/// The longest invocation: a cold start and the orders function's time-out.
pub(crate) const INVOCATION_MAX: Duration = Duration::from_secs(15);

/// An answer of a function behind the API.
#[derive(Debug)]
pub(crate) struct Answer(Value);

impl Answer {
    pub(crate) fn status(&self) -> u64 {
        self.0
            .pointer("/statusCode")
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.pointer("/headers")?.get(name)?.as_str()
    }

    pub(crate) fn body(&self) -> &str {
        self.0
            .pointer("/body")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// A member of the body, which is JSON.
    pub(crate) fn member(&self, name: &str) -> Value {
        let body: Option<Value> = serde_json::from_str(self.body()).ok();
        body.and_then(|body| body.get(name).cloned())
            .unwrap_or_default()
    }

    /// The answer of a function that is not behind the API.
    pub(crate) fn whole(&self) -> &Value {
        &self.0
    }

    /// The start of the answer, for a person. No answer of these functions contains a secret.
    pub(crate) fn shown(&self) -> String {
        self.0
            .to_string()
            .chars()
            .take(SHOWN_CHARACTERS_MAX)
            .collect()
    }
}

/// What a service said about a call that failed, or why it said nothing.
pub(crate) fn told<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error.code() {
        Some(code) => format!("{code}: {}", error.message().unwrap_or("no message")),
        None => DisplayErrorContext(error).to_string(),
    }
}

/// Invokes a version, and waits for its answer.
pub(crate) async fn invoke(client: &Client, arn: &str, event: &Value) -> Result<Answer, Broken> {
    let payload = Blob::new(event.to_string());
    let invoked = client
        .invoke()
        .function_name(arn)
        .payload(payload)
        .send()
        .await;
    let answer = invoked
        .map_err(|error| Broken::new(format!("{arn} cannot be invoked: {}", told(&error))))?;
    let bytes = answer.payload().map(Blob::as_ref).unwrap_or_default();
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let read = Answer(value);
    match answer.function_error() {
        Some(kind) => Err(Broken::new(format!(
            "{arn} failed ({kind}): {}",
            read.shown()
        ))),
        None => Ok(read),
    }
}
