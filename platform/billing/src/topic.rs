//! Answers as the topic: takes a message, within the topic's limit.

use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::billing::Billing;

/// The largest message.
/// Source: "Publish", Amazon SNS API Reference.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// `Publish`.
pub(crate) fn publish(billing: &Billing, form: &Value) -> Result<Value, Refusal> {
    let field = |name: &str| form.get(name).and_then(Value::as_str);
    let message = field("Message").unwrap_or_default();
    let invalid = |why: &str| {
        Err(Refusal::new(
            "InvalidParameter",
            format!("Invalid parameter: {why}"),
        ))
    };
    if field("TopicArn").is_none() {
        return invalid("TopicArn or TargetArn Reason: no value for required parameter");
    }
    if message.is_empty() {
        return invalid("Empty message");
    }
    if MESSAGE_BYTES_MAX < message.len() {
        return invalid("Message too long");
    }
    billing.publish(message.to_owned());
    let number = billing.seen().len();
    Ok(json!({"MessageId": format!("00000000-0000-4000-8000-{number:012}")}))
}
