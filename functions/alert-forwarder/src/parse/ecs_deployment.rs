//! Understands deployments and service events of ECS.

use crate::draft::{bridge, bridged, push, push_link, push_time};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity, State};
use crate::json::text;
use crate::link::of_arn;

pub(super) const KIND: Kind = Kind("ecs-deployment");

/// A change of a deployment or an action of a service as an event. Source: "Amazon ECS service action
/// events" and "Amazon ECS service deployment state change events".
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.ecs", "ECS Deployment State Change")
        .or_else(|| bridge(notification, "aws.ecs", "ECS Service Action"))?;
    let detail = json.get("detail")?;
    let name = text(detail, "/eventName")?;
    let arn = text(json, "/resources/0")?;
    // `service/cluster/name`, or `service/name` in ARNs of the old form.
    let service = arn
        .split_once(":service/")
        .map_or(arn.as_str(), |(_, name)| name);

    let mut event = bridged(notification, KIND, json);
    event.severity = match text(detail, "/eventType").as_deref() {
        Some("ERROR") => Severity::Error,
        Some("INFO") => Severity::Info,
        _ => Severity::Warning,
    };
    if matches!(
        name.as_str(),
        "SERVICE_DEPLOYMENT_COMPLETED"
            | "SERVICE_STEADY_STATE"
            | "TASKSET_STEADY_STATE"
            | "CAPACITY_PROVIDER_STEADY_STATE"
    ) {
        event.state = State::Resolved;
    }
    let words = name
        .trim_start_matches("SERVICE_")
        .replace('_', " ")
        .to_lowercase();
    event.title = format!("{service}: {words}");
    event.reason = text(detail, "/reason").unwrap_or_default().into();
    push(&mut event.fields, "Event", Some(name));
    push(
        &mut event.fields,
        "Deployment",
        text(detail, "/deploymentId"),
    );
    let updated = text(detail, "/updatedAt").or_else(|| text(detail, "/createdAt"));
    push_time(&mut event.fields, "Updated", updated.as_deref());
    push_link(&mut event, "Service", of_arn(&arn));
    event.fingerprint = arn;
    Some(event)
}
