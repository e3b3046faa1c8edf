//! The sample events, and helpers that check the messages they become.

use alert_forwarder::{
    Detail, Event, Message, Notification, Options, Rich, Span, parse, render, unwrap,
};
use discord::limits;
use discord::message::File;
use serde_json::{Value, json};

use super::posting::post;

/// The sample event of this name.
pub(super) fn sample(name: &str) -> Value {
    let path = format!(
        "{}/../events/alerts/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// The names of all samples.
pub(super) fn names() -> Vec<String> {
    let directory = format!("{}/../events/alerts", env!("CARGO_MANIFEST_DIR"));
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// The event of a sample's first message. Checks that Discord accepts it in every detail.
pub(super) fn event(name: &str) -> Event {
    event_of(&sample(name))
}

pub(super) fn event_of(invocation: &Value) -> Event {
    let event = first(invocation);
    acceptable(&event);
    event
}

fn first(invocation: &Value) -> Event {
    let unwrapped = unwrap(invocation, "request-1");
    parse(unwrapped.notifications.first().unwrap())
}

/// The event of an SNS message. Checks that Discord accepts it in every detail.
pub(super) fn event_of_text(subject: Option<&str>, message: &str) -> Event {
    event_of(&published(subject, message))
}

/// The event of an SNS message, without that check.
pub(super) fn read(subject: Option<&str>, message: &str) -> Event {
    first(&published(subject, message))
}

fn published(subject: Option<&str>, message: &str) -> Value {
    json!({"Records": [{"EventSource": "aws:sns", "Sns": {
        "MessageId": "m-1",
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alerts",
        "Subject": subject,
        "Message": message,
        "Timestamp": "2026-07-19T10:00:01.234Z",
    }}]})
}

pub(super) fn notification(message: &str) -> Notification {
    Notification {
        message: message.to_owned(),
        json: serde_json::from_str(message).ok(),
        ..Notification::default()
    }
}

/// Renders an event in every detail, and posts it over HTTP: the stand-in must accept it and notify
/// nobody. Returns the message in full detail.
#[track_caller]
pub(super) fn acceptable(event: &Event) -> Message {
    in_every_detail(event, accepted)
}

/// Renders an event in every detail, and checks it against the stand-in's limits without HTTP. Fast enough
/// for thousands of events.
pub(super) fn within_limits(event: &Event) -> Message {
    in_every_detail(event, judged)
}

fn in_every_detail(event: &Event, judge: fn(&Message)) -> Message {
    let render_one = |possible_duplicate, detail| {
        let options = Options {
            possible_duplicate,
            ..Options::default()
        };
        let message = render(event, &options, detail);
        judge(&message);
        assert_eq!(mentions(&message), Vec::<String>::new(), "{message:?}");
        message
    };
    for detail in [
        Detail::Full,
        Detail::NoImage,
        Detail::NoFields,
        Detail::Plain,
    ] {
        render_one(true, detail);
        render_one(false, detail);
    }
    render_one(false, Detail::Full)
}

/// Posts a message over HTTP, and compares the channel's copy with it.
pub(super) fn accepted(message: &Message) {
    let kept = post(message);
    assert_eq!(kept.pings, Vec::<String>::new(), "{message:?}");
    assert_eq!(kept.files.len(), message.files.len());
    for (kept, sent) in kept.files.iter().zip(&message.files) {
        assert_eq!((kept.name.as_str(), &kept.bytes), (sent.name, &sent.bytes));
    }
    let sent = serde_json::to_value(&message.payload.embeds).unwrap();
    assert_eq!(Value::from(kept.embeds), sent);
}

/// Checks a message against the stand-in's limits.
#[track_caller]
pub(super) fn judged(message: &Message) {
    let files: Vec<File> = message
        .files
        .iter()
        .map(|file| File {
            id: String::new(),
            name: file.name.to_owned(),
            content_type: file.content_type.to_owned(),
            bytes: file.bytes.clone(),
        })
        .collect();
    let payload = serde_json::to_value(&message.payload).unwrap();
    if let Err(refusal) = limits::check(&payload, &files) {
        panic!("{} {payload:#}", refusal.body);
    }
}

/// The roles and the classes of mentions that a message allows.
pub(super) fn mentions(message: &Message) -> Vec<String> {
    let allowed = serde_json::to_value(&message.payload.allowed_mentions).unwrap();
    let all = ["parse", "roles"].map(|list| allowed[list].as_array().unwrap().clone());
    all.concat()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect()
}

/// The value of a field as text, with links as `label <url>`.
#[track_caller]
pub(super) fn field(event: &Event, name: &str) -> String {
    let found = event.fields.iter().find(|field| field.name == name);
    let Some(field) = found else {
        panic!("the field {name:?} is missing in {:#?}", event.fields)
    };
    words(&field.value)
}

pub(super) fn has_field(event: &Event, name: &str) -> bool {
    event.fields.iter().any(|field| field.name == name)
}

pub(super) fn words(rich: &Rich) -> String {
    rich.0
        .iter()
        .map(|span| match span {
            Span::Text(text) => text.clone(),
            Span::Link(link) => format!("{} <{}>", link.label, link.url.as_str()),
            Span::Time(at) => at.to_string(),
        })
        .collect()
}

#[track_caller]
pub(super) fn link(event: &Event, label: &str) -> String {
    let found = event.links.iter().find(|link| link.label == label);
    found
        .unwrap_or_else(|| panic!("{:?}", event.links))
        .url
        .as_str()
        .to_owned()
}
