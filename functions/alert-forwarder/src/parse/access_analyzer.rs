//! Understands findings of IAM Access Analyzer: who from outside can use a resource.

use serde_json::Value;

use crate::draft::{bridged, push, push_link, push_long, push_time};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity, State};
use crate::json::{array, text};
use crate::link::{console, of_arn, segment};

pub(super) const KIND: Kind = Kind("access-analyzer");

/// A finding as an event: an error if the resource is public. Source: "Monitoring AWS Identity and Access
/// Management Access Analyzer with Amazon EventBridge".
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let source = text(json, "/source")?;
    let detail_type = text(json, "/detail-type")?;
    if source != "aws.access-analyzer" || !detail_type.contains("Finding") {
        return None;
    }
    let detail = json.get("detail")?;
    let resource = text(detail, "/resource")?;
    let status = text(detail, "/status")?;
    let is_public = text(detail, "/isPublic").as_deref() == Some("true");

    let mut event = bridged(notification, KIND, json);
    event.severity = if is_public {
        Severity::Error
    } else {
        Severity::Warning
    };
    if status != "ACTIVE" {
        event.state = State::Resolved;
    }
    let short = resource.rsplit([':', '/']).next().unwrap_or(&resource);
    let principals = principals(detail);
    event.title = match (status.as_str(), is_public, &principals) {
        ("ACTIVE", true, _) => format!("{short} is public"),
        ("ACTIVE", false, Some(who)) => format!("{short} can be used by {who}"),
        ("ACTIVE", false, None) => format!("{short}: {detail_type}"),
        (status, _, _) => format!("{short}: finding {}", status.to_lowercase()),
    };
    event.reason = text(detail, "/error").unwrap_or_default().into();
    push_long(&mut event.fields, "Resource", Some(resource.clone()));
    push(&mut event.fields, "Type", text(detail, "/resourceType"));
    push(&mut event.fields, "Finding", text(detail, "/findingType"));
    push(&mut event.fields, "Principal", principals);
    let actions: Vec<&str> = array(detail, "/action")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    push_long(
        &mut event.fields,
        "Actions",
        Some(actions.join(", ")).filter(|all| !all.is_empty()),
    );
    push(&mut event.fields, "Status", Some(status));
    push_time(
        &mut event.fields,
        "Created",
        text(detail, "/createdAt").as_deref(),
    );
    let id = text(detail, "/id");
    let analyzer = text(json, "/resources/0").unwrap_or_default();
    let analyzer = analyzer.rsplit('/').next().unwrap_or_default();
    if let (Some(region), Some(id)) = (event.region.as_deref(), &id) {
        let (id, analyzer) = (segment(id), segment(analyzer));
        let page = format!("#/findings/details/{id}?analyzer={analyzer}");
        let url = console(
            region,
            &format!("access-analyzer/home?region={region}{page}"),
        );
        push_link(&mut event, "Finding", url);
    }
    push_link(&mut event, "Resource", of_arn(&resource));
    event.fingerprint = id.unwrap_or(resource);
    Some(event)
}

/// Those who can use it: `AWS: 111122223333`.
fn principals(detail: &Value) -> Option<String> {
    let principals = detail.get("principal")?.as_object()?;
    let shown: Vec<String> = principals
        .iter()
        .filter_map(|(kind, who)| Some(format!("{kind} {}", who.as_str()?)))
        .collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}
