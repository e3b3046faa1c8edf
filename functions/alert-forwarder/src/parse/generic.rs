//! Takes every message that no other parser understands, and shows it unchanged.

use serde_json::Value;

use crate::draft::blank;
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity};

pub(super) const KIND: Kind = Kind("generic");

/// Any message as an event.
pub(super) fn parse(notification: &Notification) -> Event {
    let mut event = blank(notification, KIND, "unknown");
    event.severity = Severity::Warning;
    let subject = notification.subject.as_deref().map(str::trim);
    let subject = subject.filter(|subject| !subject.is_empty());
    event.title.push_str(subject.unwrap_or("(no subject)"));
    event.fingerprint.clone_from(&event.title);
    match &notification.json {
        Some(json) => event.code = Some(shown(json, &notification.message)),
        None if notification.message.trim().is_empty() => {
            event.reason = "(empty message)".into();
        }
        None => event.reason = notification.message.as_str().into(),
    }
    event
}

/// JSON with line breaks. A scalar stays as it was written.
fn shown(json: &Value, written: &str) -> String {
    match json {
        Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(json).unwrap_or_else(|_| written.to_owned())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => written.to_owned(),
    }
}
