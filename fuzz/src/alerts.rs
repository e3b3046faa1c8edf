//! Targets of the alert forwarder: what invokes it, and the message of each kind of alert.

use std::cell::LazyCell;

use alert_forwarder::{Detail, Event, Message, Options, parse, render, render_text, unwrap};
use arbitrary::Unstructured;
use discord::limits;
use discord::message::File;
use serde_json::{Value, json};

use crate::document::{changed, made};

/// The members that envelopes and messages have in common.
const NAMES: [&str; 40] = [
    "Records",
    "eventSource",
    "aws:sqs",
    "body",
    "messageId",
    "receiptHandle",
    "attributes",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "messageAttributes",
    "dataType",
    "stringValue",
    "binaryValue",
    "Sns",
    "TopicArn",
    "Message",
    "MessageId",
    "Subject",
    "Timestamp",
    "MessageAttributes",
    "Value",
    "SubscribeURL",
    "detail-type",
    "detail",
    "id",
    "source",
    "time",
    "account",
    "region",
    "resources",
    "alarmData",
    "alarmArn",
    "requestContext",
    "requestId",
    "timestamp",
    "severity",
    "state",
    "image",
    "AlarmName",
    "NewStateValue",
];

thread_local! {
    static SAMPLES: LazyCell<Vec<Value>> = LazyCell::new(samples);
}

/// All sample invocations, in the order of their names.
fn samples() -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../events/alerts");
    let files = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let read = |path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    paths.iter().map(read).collect()
}

/// An invocation: JSON of the input's bytes, an event that it decides, and its bytes as the body of
/// a message.
pub(crate) fn envelope(data: &[u8]) {
    if let Ok(event) = serde_json::from_slice(data) {
        forwarded(&event);
    }
    let text = String::from_utf8_lossy(data);
    forwarded(&json!({"Records": [{"eventSource": "aws:sqs", "messageId": "1", "body": text}]}));
    forwarded(
        &json!({"Records": [{"Sns": {"MessageId": "1", "TopicArn": "arn", "Message": text}}]}),
    );
    let mut input = Unstructured::new(data);
    forwarded(&made(&mut input, &NAMES, 0));
}

/// A sample of any kind, with changes in any place, also in the JSON inside its texts.
pub(crate) fn alert(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let sample = SAMPLES.with(|samples| {
        let at = input.choose_index(samples.len()).unwrap_or(0);
        samples.get(at).cloned()
    });
    forwarded(&changed(&mut input, sample.unwrap_or_default(), &NAMES));
}

/// Whatever arrived becomes messages that Discord accepts, in every detail.
fn forwarded(event: &Value) {
    for notification in unwrap(event, "request-1").notifications {
        let event = parse(&notification);
        for detail in [
            Detail::Full,
            Detail::NoImage,
            Detail::NoFields,
            Detail::Plain,
        ] {
            accepted(&event, detail);
        }
    }
}

fn accepted(event: &Event, detail: Detail) {
    let message: Message = render(event, &Options::default(), detail);
    let files = message.files.iter().map(|file| File {
        id: String::new(),
        name: file.name.to_owned(),
        content_type: file.content_type.to_owned(),
        bytes: file.bytes.clone(),
    });
    assert!(!render_text(&message).trim().is_empty());
    let payload = serde_json::to_value(&message.payload).unwrap();
    if let Err(refusal) = limits::check(&payload, &files.collect::<Vec<_>>()) {
        panic!("{} {payload:#}", refusal.body);
    }
    // A message from outside must not wake anybody whom the configuration does not name.
    assert_eq!(payload["allowed_mentions"]["parse"], json!([]));
}
