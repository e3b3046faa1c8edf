//! Understands the dead letters of asynchronous invocations.

use crate::draft::{blank, push};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity};
use crate::json::pretty;
use crate::region::Arn;

pub(super) const KIND: Kind = Kind("dead-letter");

/// A dead letter: the payload of the failed invocation, described by attributes.
/// Source: "Dead-letter queues" for asynchronous invocation, AWS Lambda.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let attribute = |name: &str| notification.attributes.get(name).cloned();
    let request = attribute("RequestID")?;
    let error = attribute("ErrorMessage").or_else(|| attribute("ErrorCode"))?;
    let through = notification.source_arn.as_deref().unwrap_or_default();
    let queue = Arn::parse(through).map(|arn| arn.name());

    let mut event = blank(notification, KIND, "aws.lambda");
    event.severity = Severity::Error;
    event.title = format!("Dead letter in {}", queue.unwrap_or("a queue"));
    event.reason = error.into();
    // The message does not name the function: only its dead-letter queue is known.
    push(
        &mut event.fields,
        "Dead-letter queue of the function",
        queue.map(str::to_owned),
    );
    push(&mut event.fields, "Error", attribute("ErrorCode"));
    push(&mut event.fields, "Request id", Some(request));
    event.code = pretty(notification.json.as_ref()).or_else(|| Some(notification.message.clone()));
    event.attach_raw = true;
    event.fingerprint = format!("dead-letter#{through}");
    Some(event)
}
