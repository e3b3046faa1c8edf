//! Understands ECS tasks that stopped: the reason, and the exit code of each container.

use serde_json::Value;

use crate::draft::{bridge, bridged, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::json::{array, text};
use crate::link::{console, segment};
use crate::region::Arn;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("ecs-task");

/// A stopped task as an event. Other changes of a task stay EventBridge events.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.ecs", "ECS Task State Change")?;
    let detail = json.get("detail")?;
    if text(detail, "/lastStatus")? != "STOPPED" {
        return None;
    }
    let task = text(detail, "/taskArn")?;
    let cluster = text(detail, "/clusterArn").unwrap_or_default();
    let cluster = Arn::parse(&cluster).map_or(cluster.as_str(), |arn| arn.name());
    let task_name = Arn::parse(&task).map_or(task.as_str(), |arn| arn.name());
    let group = text(detail, "/group").unwrap_or_else(|| task_name.to_owned());

    let mut event = bridged(notification, KIND, json);
    event.severity = if ended_well(detail) {
        Severity::Info
    } else {
        Severity::Error
    };
    event.title = format!("Task stopped: {group}");
    event.reason = text(detail, "/stoppedReason").unwrap_or_default().into();
    push(&mut event.fields, "Stop code", text(detail, "/stopCode"));
    for container in array(detail, "/containers") {
        let name = text(container, "/name").unwrap_or_else(|| "container".to_owned());
        let exit = text(container, "/exitCode").map_or_else(
            || "no exit code".to_owned(),
            |code| format!("exit code {code}"),
        );
        let reason = text(container, "/reason").map(|reason| format!(": {reason}"));
        let value = format!("{exit}{}", reason.unwrap_or_default());
        event.fields.push(Field::short(name, value));
    }
    push(&mut event.fields, "Cluster", Some(cluster.to_owned()));
    push(&mut event.fields, "Task", Some(task_name.to_owned()));
    push(
        &mut event.fields,
        "Definition",
        text(detail, "/taskDefinitionArn"),
    );
    let stopped = text(detail, "/stoppedAt");
    if stopped.is_some() {
        event.occurred_at = moment(stopped.as_deref());
    }
    if let Some(region) = event.region.as_deref() {
        let (cluster, task) = (segment(cluster), segment(task_name));
        let path = format!("ecs/v2/clusters/{cluster}/tasks/{task}?region={region}");
        let label = "Task".to_owned();
        event
            .links
            .extend(console(region, &path).map(|url| Link { label, url }));
    }
    event.fingerprint = group;
    Some(event)
}

/// Whether there are containers, and all of them exited with zero.
fn ended_well(detail: &Value) -> bool {
    let mut codes = array(detail, "/containers")
        .iter()
        .map(|container| container.get("exitCode").and_then(Value::as_i64))
        .peekable();
    codes.peek().is_some() && codes.all(|code| code == Some(0))
}
