//! Understands the cost report of this project: figures by name, and a picture.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::draft::{blank, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Severity};
use crate::json::{array, text};
use crate::link::SafeUrl;
use crate::message::FILE_BYTES_MAX;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("cost-report");

/// How each PNG begins.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A cost report as an event. Its form is in `functions/cost-report/src/message.rs`.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    if text(json, "/surefire").as_deref() != Some("cost-report") {
        return None;
    }
    let mut event = blank(notification, KIND, "surefire.cost-report");
    event.title = text(json, "/title")?;
    event.severity = text(json, "/severity")
        .and_then(|severity| Severity::parse(&severity))
        .unwrap_or(Severity::Info);
    event.reason = text(json, "/summary").unwrap_or_default().into();
    for fact in array(json, "/facts") {
        let name = text(fact, "/name").unwrap_or_default();
        let value = text(fact, "/value").unwrap_or_default();
        event.fields.push(match fact.get("short") {
            Some(Value::Bool(true)) => Field::short(name, value),
            _ => Field::long(name, value),
        });
    }
    for link in array(json, "/links") {
        let url = text(link, "/url").and_then(|url| SafeUrl::parse(&url));
        push_link(&mut event, &text(link, "/label").unwrap_or_default(), url);
    }
    event.account = text(json, "/account").or(event.account);
    // A bill belongs to no region. The topic's would mislead.
    event.region = None;
    event.occurred_at = moment(text(json, "/at").as_deref());
    "cost-report".clone_into(&mut event.fingerprint);
    event.picture = json.get("picture").and_then(Value::as_str).and_then(png);
    event.raw = without_picture(json);
    Some(event)
}

/// The bytes of a PNG in base64.
fn png(base64: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(base64).ok()?;
    (bytes.starts_with(PNG) && bytes.len() <= FILE_BYTES_MAX).then_some(bytes)
}

/// The message for people who read it whole: thousands of characters of a picture would hide the rest.
fn without_picture(json: &Value) -> String {
    let mut json = json.clone();
    if let Some(picture) = json.get_mut("picture") {
        *picture = Value::from("(a PNG)");
    }
    json.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(picture: &str) -> Event {
        let json = json!({"surefire": "cost-report", "title": "Costs", "picture": picture});
        let notification = Notification {
            message: json.to_string(),
            json: Some(json),
            ..Notification::default()
        };
        parse(&notification).unwrap()
    }

    #[test]
    fn a_picture_is_taken_only_if_it_is_a_png() {
        let picture = BASE64.encode([PNG, b"rest"].concat());
        assert_eq!(report(&picture).picture, Some([PNG, b"rest"].concat()));
        assert_eq!(report(&BASE64.encode("<svg>")).picture, None);
        assert_eq!(report("not base64!").picture, None);
    }

    #[test]
    fn the_attached_text_has_no_picture_in_it() {
        let picture = BASE64.encode([PNG, &[b'x'; 1_000]].concat());
        assert!(report(&picture).raw.len() < 200);
    }
}
