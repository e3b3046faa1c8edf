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
    let end = End::read(detail);
    event.severity = end.severity();
    let place = if cluster.is_empty() {
        group.clone()
    } else {
        format!("{cluster}/{}", group.trim_start_matches("service:"))
    };
    event.title = format!("{place}: {}", end.words());
    event.reason = text(detail, "/stoppedReason").unwrap_or_default().into();
    push(&mut event.fields, "Stop code", text(detail, "/stopCode"));
    for container in array(detail, "/containers") {
        let name = text(container, "/name").unwrap_or_else(|| "container".to_owned());
        let exit = text(container, "/exitCode").map_or_else(
            || "not started, or no exit code".to_owned(),
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

/// Why a task stopped.
enum End {
    OutOfMemory,
    ImagePull,
    FailedToStart,
    Unhealthy,
    /// The service scheduler stopped it: scaling in, or a deployment.
    Scheduler,
    User,
    /// EC2 takes the capacity back.
    Interrupted,
    /// All containers ended with exit code zero.
    Well,
    /// A container ended with another exit code, or with none.
    Exit,
}

impl End {
    /// Reads the end from the stop code, the reason and the containers.
    /// Source: "Amazon ECS stopped tasks error messages" and `StopCode` of the task, Amazon ECS.
    fn read(detail: &Value) -> Self {
        let reason = text(detail, "/stoppedReason").unwrap_or_default();
        let containers = array(detail, "/containers");
        let of_container = |container: &Value| text(container, "/reason");
        let mut reasons: Vec<String> = containers.iter().filter_map(of_container).collect();
        reasons.push(reason.clone());
        let says = |words: &[&str]| {
            let among = |reason: &String| words.iter().any(|word| reason.contains(word));
            reasons.iter().any(among)
        };
        if says(&["OutOfMemory"]) {
            return Self::OutOfMemory;
        }
        if says(&["CannotPull", "pull image"]) {
            return Self::ImagePull;
        }
        if says(&["health check", "unhealthy"]) {
            return Self::Unhealthy;
        }
        match text(detail, "/stopCode").unwrap_or_default().as_str() {
            "TaskFailedToStart" => Self::FailedToStart,
            "ServiceSchedulerInitiated" => Self::Scheduler,
            "UserInitiated" => Self::User,
            "SpotInterruption" | "TerminationNotice" => Self::Interrupted,
            _ if reason.starts_with("Scaling activity") => Self::Scheduler,
            _ if ended_well(containers) => Self::Well,
            _ => Self::Exit,
        }
    }

    const fn severity(&self) -> Severity {
        match self {
            Self::OutOfMemory
            | Self::ImagePull
            | Self::FailedToStart
            | Self::Unhealthy
            | Self::Exit => Severity::Error,
            Self::Interrupted => Severity::Warning,
            Self::Scheduler | Self::User | Self::Well => Severity::Info,
        }
    }

    const fn words(&self) -> &'static str {
        match self {
            Self::OutOfMemory => "task ran out of memory",
            Self::ImagePull => "image cannot be pulled",
            Self::FailedToStart => "task failed to start",
            Self::Unhealthy => "task failed its health checks",
            Self::Scheduler => "task stopped by the service",
            Self::User => "task stopped by a user",
            Self::Interrupted => "task interrupted by EC2",
            Self::Well => "task ended",
            Self::Exit => "task failed",
        }
    }
}

/// Whether there are containers, and all of them exited with zero.
fn ended_well(containers: &[Value]) -> bool {
    let code = |container: &Value| container.get("exitCode").and_then(Value::as_i64);
    !containers.is_empty() && containers.iter().all(|one| code(one) == Some(0))
}
