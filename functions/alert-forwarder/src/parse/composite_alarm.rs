//! Understands composite alarms: the rule, the children that made it fire, and whether its actions are
//! suppressed.

use serde_json::Value;

use crate::alarm::Change;
use crate::draft::push;
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Rich};
use crate::json::{array, text};
use crate::link;
use crate::region::Arn;

pub(super) const KIND: Kind = Kind("composite-alarm");

/// A composite alarm's change of state as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let change = Change::read(notification, json)?;
    let rule = text(json, "/AlarmRule").or_else(|| text(change.trigger, "/alarmRule"))?;
    let mut event = change.event(notification, KIND);

    let data = json.get("alarmData").or_else(|| json.get("detail"));
    let of_state = |name: &str| text(data?, &format!("/state/{name}"));
    let suppressed_by =
        text(json, "/ActionsSuppressedBy").or_else(|| of_state("actionsSuppressedBy"));
    if let Some(by) = suppressed_by {
        event.muted = true;
        let why = text(json, "/ActionsSuppressedReason")
            .or_else(|| of_state("actionsSuppressedReason"))
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        event
            .fields
            .push(Field::long("Suppressed by", format!("{by}{why}")));
    }
    push(
        &mut event.fields,
        "Suppressor",
        text(change.trigger, "/actionsSuppressor"),
    );
    event.fields.push(Field::long("Rule", rule));
    let children = children(json, &change.reason_data);
    let firing = children.iter().filter(|child| child.state == "ALARM");
    event.causes = firing.map(|child| child.arn.clone()).collect();
    let lines = lines(&children);
    if !lines.is_blank() {
        event.fields.push(Field::long("Because of", lines));
    }
    Some(event)
}

/// An alarm that the composite alarm watches.
struct Child {
    arn: String,
    state: String,
}

/// The children that the message names.
fn children(json: &Value, reason_data: &Value) -> Vec<Child> {
    let listed = array(json, "/TriggeringChildren");
    let children = if listed.is_empty() {
        array(reason_data, "/triggeringAlarms")
    } else {
        listed
    };
    let read = |child: &Value| {
        let either = |a, b| text(child, a).or_else(|| text(child, b));
        Some(Child {
            arn: either("/Arn", "/arn")?,
            state: either("/State/Value", "/state/value").unwrap_or_else(|| "?".to_owned()),
        })
    };
    children.iter().filter_map(read).collect()
}

/// A line for each child: its state, and its name as a link.
fn lines(children: &[Child]) -> Rich {
    let mut lines = Rich::default();
    for Child { arn, state } in children {
        let gap = if lines.0.is_empty() { "" } else { "\n" };
        let parsed = Arn::parse(arn);
        let name = parsed
            .and_then(|arn| arn.resource.strip_prefix("alarm:"))
            .unwrap_or(arn);
        let url = parsed.and_then(|parsed| link::alarm(parsed.region, name));
        lines = lines.text(format!("{gap}{state} · ")).link(name, url);
    }
    lines
}
