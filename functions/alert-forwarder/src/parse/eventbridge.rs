//! Understands EventBridge events of any type: finds severity, subject and cause, and shows the other
//! details as fields.

use serde_json::Value;

use crate::details::{add_fields, leaves, subject, take_reason};
use crate::draft::bridged;
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Severity, State};
use crate::json::{array, text};
use crate::region::Arn;
use crate::verdict::judged;

pub(super) const KIND: Kind = Kind("eventbridge");

/// Any EventBridge event as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let detail_type = text(json, "/detail-type")?;
    let detail = json.get("detail")?;
    let mut event = bridged(notification, KIND, json);
    let mut details = match detail {
        Value::Object(_) => leaves(detail),
        Value::Null => Vec::new(),
        other => {
            event.code = Some(other.to_string());
            Vec::new()
        }
    };
    // A severity that nothing says is a warning, to be safe.
    (event.severity, event.state) = judged(&details).unwrap_or((Severity::Warning, State::Notice));

    let resources: Vec<&str> = array(json, "/resources")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let resource = resources.first().and_then(|arn| Arn::parse(arn));
    let subject = subject(&details).or_else(|| Some(resource?.name().to_owned()));
    event.title = match &subject {
        Some(subject) => format!("{detail_type}: {subject}"),
        None => detail_type.clone(),
    };
    event.fingerprint = match subject {
        Some(subject) => format!("{}#{detail_type}#{subject}", event.source),
        None => format!("{}#{detail_type}", event.source),
    };
    event.reason = take_reason(&mut details).unwrap_or_default().into();
    if !resources.is_empty() {
        event
            .fields
            .push(Field::long("Resources", resources.join("\n")));
    }
    add_fields(&mut event, &details);
    Some(event)
}
