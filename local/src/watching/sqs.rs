//! The operations of SQS that functions use, in its protocol AWS JSON 1.0.

use std::time::Duration;

use serde_json::{Value, json};
use shared::world::World;

use super::queue::Queues;

/// Answers an operation. `None` if it is not imitated here; an error is the service's error type.
pub(crate) fn answer(
    queues: &Queues,
    target: &str,
    body: &Value,
    world: &World,
) -> Option<Result<Value, &'static str>> {
    const ABSENT: &str = "com.amazonaws.sqs#QueueDoesNotExist";
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let url = text("QueueUrl");
    Some(match target {
        "AmazonSQS.SendMessage" => {
            let message = text("MessageBody").to_owned();
            let attributes = body.get("MessageAttributes").map(respelled);
            let attributes = attributes.unwrap_or_default();
            let delay = body.get("DelaySeconds").and_then(Value::as_u64);
            let delay = Duration::from_secs(delay.unwrap_or_default());
            let sent = queues.send_later(url, message, attributes, delay, world);
            sent.map(|id| json!({"MessageId": id, "MD5OfMessageBody": ""}))
                .ok_or(ABSENT)
        }
        "AmazonSQS.ChangeMessageVisibility" => {
            let seconds = body.get("VisibilityTimeout").and_then(Value::as_u64);
            let wait = Duration::from_secs(seconds.unwrap_or_default());
            // A message that `surefire invoke` brought is in no queue: its sender keeps it.
            queues.hide(url, text("ReceiptHandle"), wait, world.now());
            Ok(json!({}))
        }
        "AmazonSQS.PurgeQueue" => queues.purge(url).then(|| json!({})).ok_or(ABSENT),
        _ => return None,
    })
}

/// Message attributes as Lambda's event has them: their members begin with small letters.
fn respelled(attributes: &Value) -> Value {
    let one = |(name, attribute): (&String, &Value)| {
        let part = |name: &str| attribute.get(name).cloned();
        let spelled = json!({
            "dataType": part("DataType"),
            "stringValue": part("StringValue"),
            "binaryValue": part("BinaryValue"),
        });
        (name.clone(), spelled)
    };
    attributes
        .as_object()
        .into_iter()
        .flatten()
        .map(one)
        .collect()
}
