//! Starts an event from what every message of a source says.

use serde_json::Value;

use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Moment, Rich, Severity, State};
use crate::json::text;
use crate::link::SafeUrl;
use crate::region::{account_of, region};
use crate::verdict;
use crate::when::{millis, moment};

/// An event with only what the notification's envelope says.
pub(crate) fn blank(notification: &Notification, kind: Kind, source: &str) -> Event {
    let topic = notification.source_arn.as_deref();
    Event {
        source: source.to_owned(),
        kind,
        severity: Severity::Info,
        state: State::Notice,
        title: String::new(),
        reason: Rich::default(),
        code: None,
        fields: Vec::new(),
        links: Vec::new(),
        account: topic.and_then(account_of),
        account_name: None,
        region: region(&[topic], None),
        occurred_at: moment(notification.published_at.as_deref()),
        fingerprint: String::new(),
        muted: false,
        muted_until: None,
        silent: false,
        attach_raw: false,
        picture: None,
        raw: notification.message.clone(),
        transition: None,
        graph: None,
        causes: Vec::new(),
        log_groups: Vec::new(),
        word: None,
    }
}

/// The notification's JSON, if it is an EventBridge event of this source whose type begins with
/// `detail_type`.
pub(crate) fn bridge<'a>(
    notification: &'a Notification,
    source: &str,
    detail_type: &str,
) -> Option<&'a Value> {
    let event = notification.json.as_ref()?;
    let of_source = event.get("source")?.as_str()? == source;
    let of_type = event.get("detail-type")?.as_str()?.starts_with(detail_type);
    (of_source && of_type).then_some(event)
}

/// An event with what every EventBridge event says.
pub(crate) fn bridged(notification: &Notification, kind: Kind, bridge: &Value) -> Event {
    let source = text(bridge, "/source").unwrap_or_else(|| "unknown".to_owned());
    let mut event = blank(notification, kind, &source);
    event.account = text(bridge, "/account").or(event.account);
    event.region = text(bridge, "/region").or(event.region);
    event.occurred_at = match moment(text(bridge, "/time").as_deref()) {
        Moment::Unknown => event.occurred_at,
        known => known,
    };
    event
}

/// Appends a short field, if there is a value.
pub(crate) fn push(fields: &mut Vec<Field>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        fields.push(Field::short(name, value));
    }
}

/// Appends a field with a row of its own, if there is a value.
pub(crate) fn push_long(fields: &mut Vec<Field>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        fields.push(Field::long(name, value));
    }
}

/// Gives the event the severity and the state that a status says: `FAILED`, `SUCCEEDED`.
pub(crate) fn judge(event: &mut Event, status: &str) {
    (event.severity, event.state) =
        verdict::status(status).unwrap_or((Severity::Warning, State::Notice));
}

/// Appends a time as a short field, if there is one: a text, or milliseconds since 1970.
pub(crate) fn push_time(fields: &mut Vec<Field>, name: &str, time: Option<&str>) {
    let number = time.and_then(|time| time.parse().ok());
    let time = match number {
        Some(_) => Rich::from(&millis(number)),
        None => Rich::from(&moment(time)),
    };
    if !time.is_blank() {
        fields.push(Field::short(name, time));
    }
}

/// Appends a link, if the URL is safe.
pub(crate) fn push_link(event: &mut Event, label: &str, url: Option<SafeUrl>) {
    let label = label.to_owned();
    event.links.extend(url.map(|url| Link { label, url }));
}
