//! Understands deployments of CodeDeploy, from EventBridge and from SNS triggers.

use serde_json::Value;

use crate::draft::{blank, bridge, bridged, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::json::text;
use crate::link::{console, segment};
use crate::when::moment;

pub(super) const KIND: Kind = Kind("codedeploy");

/// A deployment's change of state as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    from_bridge(notification).or_else(|| from_trigger(notification))
}

fn from_bridge(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.codedeploy", "CodeDeploy Deployment")?;
    let detail = json.get("detail")?;
    let mut event = bridged(notification, KIND, json);
    event.region = text(detail, "/region").or(event.region);
    let deployment = Deployment {
        application: text(detail, "/application")?,
        id: text(detail, "/deploymentId")?,
        group: text(detail, "/deploymentGroup"),
        state: text(detail, "/state")?,
    };
    Some(deployment.fill(event))
}

fn from_trigger(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let deployment = Deployment {
        application: text(json, "/applicationName")?,
        id: text(json, "/deploymentId")?,
        group: text(json, "/deploymentGroupName"),
        state: text(json, "/status")?,
    };
    let mut event = blank(notification, KIND, "aws.codedeploy");
    event.region = text(json, "/region").or(event.region);
    event.account = text(json, "/accountId").or(event.account);
    let changed = text(json, "/completeTime").or_else(|| text(json, "/createTime"));
    if changed.is_some() {
        event.occurred_at = moment(changed.as_deref());
    }
    // The error is JSON inside a string.
    let error: Value = text(json, "/errorInformation")
        .and_then(|error| serde_json::from_str(&error).ok())
        .unwrap_or_default();
    event.reason = text(&error, "/ErrorMessage").unwrap_or_default().into();
    push(&mut event.fields, "Error", text(&error, "/ErrorCode"));
    Some(deployment.fill(event))
}

struct Deployment {
    application: String,
    id: String,
    group: Option<String>,
    state: String,
}

impl Deployment {
    fn fill(self, mut event: Event) -> Event {
        event.severity = match self.state.to_ascii_uppercase().as_str() {
            "FAILURE" | "FAILED" => Severity::Error,
            "STOP" | "STOPPED" => Severity::Warning,
            _ => Severity::Info,
        };
        event.title = format!("Deployment of {}: {}", self.application, self.state);
        event
            .fields
            .push(Field::short("Application", self.application));
        event.fields.push(Field::short("State", self.state));
        push(&mut event.fields, "Group", self.group);
        event
            .fields
            .push(Field::short("Deployment", self.id.as_str()));
        if let Some(region) = event.region.as_deref() {
            let id = segment(&self.id);
            let path = format!("codesuite/codedeploy/deployments/{id}?region={region}");
            let label = "Deployment".to_owned();
            event
                .links
                .extend(console(region, &path).map(|url| Link { label, url }));
        }
        event.fingerprint = self.id;
        event
    }
}
