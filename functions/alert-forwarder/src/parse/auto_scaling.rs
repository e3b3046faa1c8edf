//! Understands activities of EC2 Auto Scaling, from EventBridge and from SNS.

use crate::draft::{blank, bridge, bridged, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::json::text;
use crate::link::{console, segment};
use crate::region::region;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("auto-scaling");

/// An activity as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    from_bridge(notification).or_else(|| from_topic(notification))
}

fn from_bridge(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.autoscaling", "EC2 Instance")?;
    let detail = json.get("detail")?;
    let what = text(json, "/detail-type")?;
    let mut event = bridged(notification, KIND, json);
    event.severity = if what.contains("Unsuccessful") {
        Severity::Error
    } else {
        Severity::Info
    };
    fill(event, detail, &what)
}

fn from_topic(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let what = text(json, "/Event").filter(|what| what.starts_with("autoscaling:"))?;
    let mut event = blank(notification, KIND, "aws.autoscaling");
    event.severity = if what.ends_with("_ERROR") {
        Severity::Error
    } else {
        Severity::Info
    };
    event.account = text(json, "/AccountId").or(event.account);
    let arn = text(json, "/AutoScalingGroupARN");
    event.region = region(&[arn.as_deref()], None).or(event.region);
    let at = text(json, "/Time");
    if at.is_some() {
        event.occurred_at = moment(at.as_deref());
    }
    fill(event, json, &what)
}

/// The members that both forms share.
fn fill(mut event: Event, detail: &serde_json::Value, what: &str) -> Option<Event> {
    let group = text(detail, "/AutoScalingGroupName")?;
    let what = what.trim_start_matches("autoscaling:");
    let what = what
        .replace("EC2_INSTANCE_", "EC2 instance ")
        .replace('_', " ");
    event.title = if what.contains("EC2 instance ") {
        format!("{group}: {}", what.to_lowercase().replace("ec2", "EC2"))
    } else {
        format!("{group}: {what}")
    };
    event.reason = text(detail, "/StatusMessage")
        .or_else(|| text(detail, "/Description"))
        .unwrap_or_default()
        .into();
    event.fields.push(Field::short("Group", group.as_str()));
    push(
        &mut event.fields,
        "Instance",
        text(detail, "/EC2InstanceId"),
    );
    push(&mut event.fields, "Status", text(detail, "/StatusCode"));
    if let Some(cause) = text(detail, "/Cause") {
        event.fields.push(Field::long("Cause", cause));
    }
    if let Some(region) = event.region.as_deref() {
        let name = segment(&group);
        let path = format!("ec2/home?region={region}#AutoScalingGroupDetails:id={name}");
        let label = "Group".to_owned();
        event
            .links
            .extend(console(region, &path).map(|url| Link { label, url }));
    }
    event.fingerprint = group;
    Some(event)
}
