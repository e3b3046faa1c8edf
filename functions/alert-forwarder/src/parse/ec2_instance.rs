//! Understands EC2 instances: their states, and warnings that spot capacity is taken back.

use crate::draft::{bridge, bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity};
use crate::json::text;
use crate::link::{console, segment};

pub(super) const KIND: Kind = Kind("ec2-instance");

/// A change or a warning as an event. An instance that stopped may have been stopped on purpose, so it is
/// a warning. Source: "State change events for your instances" and "Spot Instance interruption notices",
/// Amazon EC2.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.ec2", "EC2 ")?;
    let detail = json.get("detail")?;
    let what = text(json, "/detail-type")?;
    let instance = text(detail, "/instance-id")?;
    let mut event = bridged(notification, KIND, json);
    let state = text(detail, "/state");
    let action = text(detail, "/instance-action");
    if what.contains("Interruption") {
        event.severity = Severity::Warning;
        let action = action.as_deref().unwrap_or("interrupt");
        // Hibernation begins at once, everything else after two minutes.
        let when = if action == "hibernate" {
            "now"
        } else {
            "in two minutes"
        };
        event.title = format!("{instance}: EC2 will {action} this spot instance {when}");
    } else if what.contains("Rebalance") {
        event.severity = Severity::Info;
        event.title = format!("{instance}: this spot instance may be interrupted soon");
    } else {
        let state = state.clone()?;
        event.severity = match state.as_str() {
            "stopped" | "terminated" => Severity::Warning,
            _ => Severity::Info,
        };
        event.title = format!("Instance {instance}: {state}");
    }
    push(&mut event.fields, "Instance", Some(instance.clone()));
    push(&mut event.fields, "State", state);
    push(&mut event.fields, "Action", action);
    if let Some(region) = event.region.as_deref() {
        let id = segment(&instance);
        let path = format!("ec2/home?region={region}#InstanceDetails:instanceId={id}");
        let url = console(region, &path);
        push_link(&mut event, "Instance", url);
    }
    event.fingerprint = instance;
    Some(event)
}
