//! Understands EventBridge events of any type, and shows all their details as fields.

use serde_json::Value;

use crate::draft::bridged;
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Severity};
use crate::json::{array, text};

pub(super) const KIND: Kind = Kind("eventbridge");

/// Any EventBridge event as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let detail_type = text(json, "/detail-type")?;
    let detail = json.get("detail")?;
    let mut event = bridged(notification, KIND, json);
    event.severity = Severity::Warning;
    event.fingerprint = format!("{}#{detail_type}", event.source);
    event.title = detail_type;
    let resources: Vec<&str> = array(json, "/resources")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if !resources.is_empty() {
        event
            .fields
            .push(Field::long("Resources", resources.join("\n")));
    }
    match detail {
        Value::Object(detail) => {
            for (name, value) in detail {
                event.fields.push(field(name, value));
            }
        }
        Value::Null => {}
        other => event.code = Some(other.to_string()),
    }
    Some(event)
}

/// A scalar may share a row. Anything larger has a row of its own.
fn field(name: &str, value: &Value) -> Field {
    match value {
        Value::String(text) => Field::short(name, text.as_str()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Field::short(name, value.to_string()),
        Value::Array(_) | Value::Object(_) => Field::long(name, value.to_string()),
    }
}
