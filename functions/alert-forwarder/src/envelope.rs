//! Unwraps the event of an invocation into messages.
//!
//! The shape of the event decides: an SQS batch (of SNS envelopes, or of anything else), an SNS
//! event, or an event that is itself the message (from EventBridge, from an alarm that invokes the
//! function, from a Lambda destination). Reading is tolerant: a missing member loses that member,
//! never the alert.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::Value;

/// The longest id that can name a claim.
const ID_BYTES_MAX: usize = 256;

/// The messages of an invocation, and the form of its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// The messages, in the order of the event.
    pub notifications: Vec<Notification>,
    /// How failures are answered.
    pub(crate) answer: Answer,
}

/// How messages that could not be delivered are handed back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// To SQS: each record by itself, in `batchItemFailures`.
    Batch,
    /// To anything else: the invocation fails as a whole, and Lambda retries it.
    Whole,
}

/// One message, unwrapped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notification {
    /// Identifies the message through all its deliveries; the key of its claim.
    pub id: Option<String>,
    /// The subject of the SNS message.
    pub subject: Option<String>,
    /// The text.
    pub message: String,
    /// The text read as JSON, if it is JSON.
    pub json: Option<Value>,
    /// The message attributes of SNS or SQS, as text.
    pub attributes: BTreeMap<String, String>,
    /// The ARN of the topic or queue that delivered it.
    pub source_arn: Option<String>,
    /// When it was published, as SNS wrote it.
    pub published_at: Option<String>,
    /// The SQS record, to hand back.
    pub record: Option<Record>,
}

/// What SQS says about a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Record {
    /// The id for `batchItemFailures`.
    pub(crate) message_id: Option<String>,
    /// The handle for setting its visibility.
    pub(crate) receipt_handle: Option<String>,
    /// How often it was received, this time included.
    pub(crate) receive_count: u32,
    /// The unchanged body, for the dead-letter queue.
    pub(crate) body: String,
    /// Its attributes, for the dead-letter queue too.
    pub(crate) attributes: BTreeMap<String, Attribute>,
    /// When it was sent to the queue.
    pub(crate) sent_at: Option<Timestamp>,
}

/// A message attribute of SQS.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Attribute {
    /// `String`, `Number` or `Binary`, with a label of the sender's after a dot.
    pub(crate) data_type: String,
    /// Its value.
    pub(crate) value: AttributeValue,
}

/// The value of an [`Attribute`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum AttributeValue {
    /// Of a `String` or a `Number`.
    Text(String),
    /// Of a `Binary`.
    Bytes(Vec<u8>),
}

/// Unwraps the event of an invocation. Never fails: an event of an unknown shape is one message.
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

/// Reads a record of a queue. It usually holds an SNS envelope. Raw message delivery, EventBridge rules,
/// destinations and dead-letter queues send their messages without one.
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
        attributes: typed_attributes(sqs),
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

/// Reads an SNS message, from an event or from an envelope. Both have the same members.
///
/// A question about a subscription says everything in the envelope, so the envelope is its message.
fn published(sns: &Value) -> Notification {
    let is_question = sns.get("SubscribeURL").is_some_and(Value::is_string);
    let message = text(sns, "Message").unwrap_or_default();
    Notification {
        id: text(sns, "MessageId").and_then(|id| name(&id)),
        subject: text(sns, "Subject"),
        json: if is_question {
            Some(sns.clone())
        } else {
            serde_json::from_str(&message).ok()
        },
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

/// Reads an event that is itself the message. Without an id of its own, it takes the request id: Lambda
/// retries an asynchronous invocation under the same one.
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

/// The id in an event: of EventBridge, of an alarm's state change, or of a destination's request.
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

/// An id that can name a claim. A hostile id must neither be refused by the table nor collide with the
/// key of another claim, so it is short, visible ASCII, and has no `#`.
fn name(id: &str) -> Option<String> {
    let is_valid = (1..=ID_BYTES_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    is_valid.then(|| id.to_owned())
}

/// The message attributes of a record with their types. One without a readable value is left out.
fn typed_attributes(sqs: &Value) -> BTreeMap<String, Attribute> {
    let attributes = sqs.get("messageAttributes").and_then(Value::as_object);
    let read = |(name, attribute): (&String, &Value)| {
        let data_type = text(attribute, "dataType")?;
        let value = match text(attribute, "binaryValue") {
            Some(bytes) if data_type.starts_with("Binary") => {
                AttributeValue::Bytes(BASE64.decode(bytes).ok()?)
            }
            Some(_) | None => AttributeValue::Text(text(attribute, "stringValue")?),
        };
        Some((name.clone(), Attribute { data_type, value }))
    };
    attributes.into_iter().flatten().filter_map(read).collect()
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

/// A member as text. A member that is not text becomes JSON; null counts as missing.
fn text(value: &Value, name: &str) -> Option<String> {
    match value.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
