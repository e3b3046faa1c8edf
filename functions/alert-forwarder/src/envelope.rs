//! Owns the wrappings: which messages an invocation brings, whoever invoked the function and how.
//!
//! Told apart by shape, most wrapped first: an SQS batch (of SNS envelopes, or
//! of anything), an SNS event, and an event that is itself the message (from
//! EventBridge, from an alarm that invokes the function, from a Lambda
//! destination). The structures are our own and tolerant: a missing member
//! loses that member, never the alert.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// A longer id, or one with odd characters, does not name a claim.
const ID_BYTES_MAX: usize = 256;

/// What an invocation brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The messages, in the order they came.
    pub notifications: Vec<Notification>,
    /// Who has to be told what could not be delivered.
    pub(crate) answer: Answer,
}

/// How a message that could not be delivered is handed back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// SQS: each record for itself, by `batchItemFailures`.
    Batch,
    /// Anything else: the invocation fails as a whole and is tried again.
    Whole,
}

/// One message, unwrapped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notification {
    /// Names the message for ever, however often it is delivered; the key of its claim.
    pub id: Option<String>,
    /// SNS's subject.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
    /// The text as JSON, if it is.
    pub json: Option<Value>,
    /// Attributes of SNS or SQS, as text.
    pub attributes: BTreeMap<String, String>,
    /// The ARN of the topic or queue it came through.
    pub source_arn: Option<String>,
    /// When it was published, as written there.
    pub published_at: Option<String>,
    /// The queue's record to hand back.
    pub record: Option<Record>,
}

/// What SQS knows of a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Record {
    /// Named in `batchItemFailures`.
    pub(crate) message_id: Option<String>,
    /// Named when its visibility is set.
    pub(crate) receipt_handle: Option<String>,
    /// How often it was received, this time included.
    pub(crate) receive_count: u32,
    /// The body as it came, to be put into the dead-letter queue.
    pub(crate) body: String,
    /// When it was sent to the queue.
    pub(crate) sent_at: Option<Timestamp>,
}

/// Unwraps an invocation's event. Never fails: an event of no known shape is one message.
pub fn unwrap(event: &Value, request_id: &str) -> Invocation {
    let Some(records) = event.get("Records").and_then(Value::as_array) else {
        return Invocation {
            notifications: vec![direct(event, request_id)],
            answer: Answer::Whole,
        };
    };
    let of_queue = |record: &Value| text(record, "eventSource").as_deref() == Some("aws:sqs");
    let of_topic = |record: &Value| record.get("Sns").is_some_and(Value::is_object);
    if !records.is_empty() && records.iter().all(of_queue) {
        Invocation {
            notifications: records.iter().map(queued).collect(),
            answer: Answer::Batch,
        }
    } else if !records.is_empty() && records.iter().all(of_topic) {
        Invocation {
            notifications: records
                .iter()
                .filter_map(|record| record.get("Sns"))
                .map(published)
                .collect(),
            answer: Answer::Whole,
        }
    } else if records.is_empty() {
        Invocation {
            notifications: Vec::new(),
            answer: Answer::Batch,
        }
    } else {
        Invocation {
            notifications: vec![direct(event, request_id)],
            answer: Answer::Whole,
        }
    }
}

/// A record of a queue: usually an SNS envelope, but raw delivery, EventBridge
/// rules, destinations and dead-letter queues put their messages there bare.
fn queued(sqs: &Value) -> Notification {
    let body = text(sqs, "body").unwrap_or_default();
    let attribute = |name| {
        sqs.get("attributes")
            .and_then(|attributes| text(attributes, name))
    };
    let message_id = text(sqs, "messageId");
    let record = Record {
        message_id: message_id.clone(),
        receipt_handle: text(sqs, "receiptHandle"),
        body: body.clone(),
        receive_count: attribute("ApproximateReceiveCount")
            .and_then(|count| count.parse().ok())
            .unwrap_or(1),
        sent_at: attribute("SentTimestamp")
            .and_then(|at| Timestamp::from_millisecond(at.parse().ok()?).ok()),
    };
    let envelope = serde_json::from_str::<Value>(&body).ok();
    let mut notification = match envelope {
        Some(envelope) if is_sns_envelope(&envelope) => published(&envelope),
        json => Notification {
            id: json.as_ref().and_then(own_id),
            attributes: sqs
                .get("messageAttributes")
                .map(|attributes| attributes_of(attributes, "stringValue"))
                .unwrap_or_default(),
            source_arn: text(sqs, "eventSourceARN"),
            message: body,
            json,
            ..Notification::default()
        },
    };
    notification.id = notification.id.or_else(|| name(message_id.as_deref()?));
    notification.record = Some(record);
    notification
}

fn is_sns_envelope(value: &Value) -> bool {
    let is_text = |name| value.get(name).is_some_and(Value::is_string);
    is_text("TopicArn") && is_text("Message") && is_text("MessageId")
}

/// An SNS message, in an event or in an envelope: the members are the same,
/// but an event says `MessageAttributes: {name: {Type, Value}}` always.
fn published(sns: &Value) -> Notification {
    let message = text(sns, "Message").unwrap_or_default();
    Notification {
        id: text(sns, "MessageId").and_then(|id| name(&id)),
        subject: text(sns, "Subject"),
        json: serde_json::from_str(&message).ok(),
        message,
        attributes: sns
            .get("MessageAttributes")
            .map(|attributes| attributes_of(attributes, "Value"))
            .unwrap_or_default(),
        source_arn: text(sns, "TopicArn"),
        published_at: text(sns, "Timestamp"),
        record: None,
    }
}

/// An event that is itself the message. Lambda repeats an asynchronous
/// invocation with the same request id, which names what has no id of its own.
fn direct(event: &Value, request_id: &str) -> Notification {
    Notification {
        id: own_id(event).or_else(|| name(request_id)),
        message: match event {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
        json: Some(event.clone()),
        ..Notification::default()
    }
}

/// The id that an event brings: EventBridge's, an alarm's state change, a destination's request.
fn own_id(event: &Value) -> Option<String> {
    if event.get("detail-type").is_some() {
        return name(&text(event, "id")?);
    }
    if event.get("alarmData").is_some() {
        let at = text(event, "time")?;
        return name(&format!("{}@{at}", text(event, "alarmArn")?));
    }
    let request = event.get("requestContext")?;
    let at = text(event, "timestamp")?;
    name(&format!("{}@{at}", text(request, "requestId")?))
}

/// An id fit to name a claim: a hostile one must neither be refused by the
/// table nor run into another's.
fn name(id: &str) -> Option<String> {
    let fit = (1..=ID_BYTES_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    fit.then(|| id.to_owned())
}

fn attributes_of(attributes: &Value, value: &str) -> BTreeMap<String, String> {
    let Some(attributes) = attributes.as_object() else {
        return BTreeMap::new();
    };
    attributes
        .iter()
        .filter_map(|(name, attribute)| Some((name.clone(), text(attribute, value)?)))
        .collect()
}

/// A member that is text; anything else there is shown as JSON, and null is nothing.
fn text(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
