//! Understands executions of Step Functions.

use crate::draft::{bridge, bridged, judge, push, push_link, push_time};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::text;
use crate::link::of_arn;
use crate::region::Arn;

pub(super) const KIND: Kind = Kind("step-functions");

/// An execution's change of status as an event. Source: "EventBridge (CloudWatch Events) for Step
/// Functions execution status changes". The input is not shown, since it may hold personal data.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.states", "Step Functions Execution")?;
    let detail = json.get("detail")?;
    let status = text(detail, "/status")?;
    let execution = text(detail, "/executionArn")?;
    let machine = text(detail, "/stateMachineArn").unwrap_or_else(|| execution.clone());
    let machine = Arn::parse(&machine).map_or(machine.clone(), |arn| arn.name().to_owned());

    let mut event = bridged(notification, KIND, json);
    judge(&mut event, &status);
    event.title = format!("State machine {machine}: {status}");
    event.reason = text(detail, "/cause").unwrap_or_default().into();
    push(&mut event.fields, "Error", text(detail, "/error"));
    push(&mut event.fields, "Execution", text(detail, "/name"));
    let started = text(detail, "/startDate");
    push_time(&mut event.fields, "Started", started.as_deref());
    let stopped = text(detail, "/stopDate");
    push_time(&mut event.fields, "Stopped", stopped.as_deref());
    push_link(&mut event, "Execution", of_arn(&execution));
    event.fingerprint = format!("states#{machine}");
    Some(event)
}
