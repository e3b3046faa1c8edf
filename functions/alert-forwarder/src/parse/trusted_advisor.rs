//! Understands checks of Trusted Advisor.

use crate::details::{add_fields, leaves};
use crate::draft::{bridge, bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity, State};
use crate::json::text;
use crate::link::{SafeUrl, of_arn};

pub(super) const KIND: Kind = Kind("trusted-advisor");

const PAGE: &str = "https://console.aws.amazon.com/trustedadvisor/home";

/// A check of a resource as an event. Source: "Monitoring AWS Trusted Advisor check results with Amazon
/// EventBridge".
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.trustedadvisor", "Trusted Advisor")?;
    let detail = json.get("detail")?;
    let check = text(detail, "/check-name")?;
    let status = text(detail, "/status")?;
    let mut event = bridged(notification, KIND, json);
    event.severity = match status.as_str() {
        "ERROR" => Severity::Error,
        "OK" | "INFO" => Severity::Info,
        _ => Severity::Warning,
    };
    if status == "OK" {
        event.state = State::Resolved;
    }
    let resource = text(detail, "/resource_id");
    let short = resource
        .as_deref()
        .map(|id| id.rsplit([':', '/']).next().unwrap_or(id).to_owned());
    let short = short.or_else(|| text(detail, "/check-item-detail/Service"));
    event.title = match short {
        Some(short) => format!("{check}: {short}"),
        None => check.clone(),
    };
    push(&mut event.fields, "Status", Some(status));
    push(&mut event.fields, "Resource", resource.clone());
    if let Some(item) = detail.get("check-item-detail") {
        let mut facts = leaves(item);
        facts.retain(|fact| !["Status", "Region", "Region/AZ"].contains(&fact.path.as_str()));
        add_fields(&mut event, &facts);
    }
    push_link(&mut event, "Trusted Advisor", SafeUrl::parse(PAGE));
    push_link(&mut event, "Resource", resource.as_deref().and_then(of_arn));
    event.fingerprint = format!("{check}#{}", resource.unwrap_or_default());
    Some(event)
}
