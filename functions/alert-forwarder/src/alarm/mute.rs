//! Mute rules of alarms: whether one applies now, or delayed the message.

use serde_json::Value;

use crate::event::{Event, Field, Moment};
use crate::json::text;
use crate::region::Arn;
use crate::when::moment;

/// What a message says about mute rules.
#[derive(Default)]
pub(super) struct Mute {
    /// The mute rule that applies now, and the end of its window.
    now: Option<(Option<String>, Moment)>,
    /// Whether the alarm changed in a mute window and its actions ran when the window ended.
    after_window: bool,
}

impl Mute {
    /// From the SNS form.
    pub(super) fn of_sns(json: &Value) -> Self {
        let after_window = json.get("ActionExecutedAfterMuteWindow");
        Self {
            now: json.get("MuteDetail").and_then(now),
            after_window: after_window.and_then(Value::as_bool) == Some(true),
        }
    }

    /// From the form of EventBridge and of direct invocations.
    pub(super) fn of_data(data: &Value) -> Self {
        let after_window = [
            "/actionExecutedAfterMuteWindow",
            "/state/actionExecutedAfterMuteWindow",
        ]
        .iter()
        .filter_map(|pointer| data.pointer(pointer)?.as_bool())
        .any(|after| after);
        Self {
            now: data.get("muteDetail").and_then(now),
            after_window,
        }
    }

    /// Marks the event.
    pub(super) fn mark(&self, event: &mut Event) {
        if let Some((rule, until)) = &self.now {
            event.muted = true;
            event.muted_until = Some(until.clone());
            if let Some(rule) = rule {
                event.fields.push(Field::short("Muted by", rule.as_str()));
            }
        }
        if self.after_window {
            event.fields.push(Field::long(
                "Delayed",
                "The state changed in a mute window. The alarm sent this when the window ended.",
            ));
        }
    }
}

fn now(detail: &Value) -> Option<(Option<String>, Moment)> {
    detail.as_object()?;
    let rule = text(detail, "/mutedByArn").or_else(|| text(detail, "/MutedByArn"));
    let rule = rule.map(|arn| Arn::parse(&arn).map_or(arn.clone(), |arn| arn.name().to_owned()));
    let end = text(detail, "/muteWindowEnd").or_else(|| text(detail, "/MuteWindowEnd"));
    Some((rule, moment(end.as_deref())))
}
