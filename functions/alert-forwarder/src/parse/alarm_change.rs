//! Understands that somebody created, changed or deleted an alarm.
//!
//! The event has the alarm's state, but it does not say that the state changed: an alarm that is in ALARM
//! is not raised again.

use serde_json::Value;

use crate::alarm::is_configuration_change;
use crate::details::{Leaf, leaves};
use crate::draft::{bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Severity, Transition, Watched};
use crate::json::text;
use crate::link;

pub(super) const KIND: Kind = Kind("alarm-change");

/// A change of an alarm's configuration as information. Source: "Alarm events and EventBridge", Amazon
/// CloudWatch User Guide.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    if !is_configuration_change(json) {
        return None;
    }
    let detail = json.get("detail")?;
    let name = text(detail, "/alarmName").or_else(|| text(detail, "/configuration/alarmName"))?;
    let operation = text(detail, "/operation").unwrap_or_default();
    let done = match operation.as_str() {
        "create" => "created",
        "update" => "changed",
        "delete" => "deleted",
        _ => "configuration changed",
    };

    let mut event = bridged(notification, KIND, json);
    event.severity = Severity::Info;
    event.silent = true;
    event.title = format!("Alarm {name} {done}");
    let state = text(detail, "/state/value");
    if operation == "delete" && state.as_deref() == Some("ALARM") {
        event.reason = "The alarm was deleted while it was in ALARM. It will not turn OK.".into();
    }
    push(&mut event.fields, "Alarm's state", state);
    let before = detail.get("previousConfiguration");
    let after = detail.get("configuration");
    if let (Some(before), Some(after)) = (before, after) {
        event.fields.extend(changes(before, after));
    }
    push(
        &mut event.fields,
        "Changed by",
        text(detail, "/eventMetadata/principalId"),
    );
    if operation != "delete"
        && let Some(region) = event.region.as_deref()
    {
        let url = link::alarm(region, &name);
        push_link(&mut event, "Console", url);
    }
    let alarm = text(json, "/resources/0").unwrap_or(name);
    event.fingerprint = format!("{alarm}#configuration");
    if operation == "delete" {
        event.transition = Some(Transition {
            alarm,
            contributor: None,
            state: Watched::Gone,
            from: None,
        });
    }
    Some(event)
}

/// A field `before → after` for each value that differs.
fn changes(before: &Value, after: &Value) -> Vec<Field> {
    let value_of = |leaves: &[Leaf], path: &str| {
        let found = leaves.iter().find(|leaf| leaf.path == path);
        found.map_or_else(|| "(none)".to_owned(), |leaf| leaf.text.clone())
    };
    let (before, after) = (leaves(before), leaves(after));
    let mut paths: Vec<&str> = Vec::new();
    for leaf in after.iter().chain(&before) {
        if leaf.path != "timestamp" && !paths.contains(&leaf.path.as_str()) {
            paths.push(&leaf.path);
        }
    }
    paths
        .into_iter()
        .map(|path| (path, value_of(&before, path), value_of(&after, path)))
        .filter(|(_, before, after)| before != after)
        .map(|(path, before, after)| Field::long(path, format!("{before} → {after}")))
        .collect()
}
