//! Understands events of the Database Migration Service, from EventBridge and from SNS.

use crate::draft::{blank, bridge, bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity};
use crate::json::text;
use crate::link::{SafeUrl, of_arn};
use crate::region::Arn;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("dms");

/// An event of a replication task or instance as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    from_bridge(notification).or_else(|| from_subscription(notification))
}

/// Source: "Working with Amazon EventBridge events and notifications in AWS DMS".
fn from_bridge(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.dms", "DMS ")?;
    let detail = json.get("detail")?;
    let message = text(detail, "/detailMessage")?;
    let arn = text(json, "/resources/0");
    let mut event = bridged(notification, KIND, json);
    let category = text(detail, "/category");
    event.severity = severity(category.as_deref(), &message);
    let name = arn.as_deref().and_then(Arn::parse).map(|arn| arn.name());
    let kind = text(detail, "/type").unwrap_or_else(|| "DMS".to_owned());
    event.title = title(&kind, name, &message);
    event.reason = message.into();
    push(&mut event.fields, "Event", text(detail, "/eventId"));
    push(&mut event.fields, "Category", category);
    push(&mut event.fields, "Type", text(detail, "/eventType"));
    let page = text(detail, "/resourceLink").and_then(|link| SafeUrl::parse(&link));
    push_link(
        &mut event,
        "Console",
        page.or_else(|| of_arn(arn.as_deref()?)),
    );
    event.fingerprint = arn.unwrap_or_else(|| event.title.clone());
    Some(event)
}

/// Source: "Working with Amazon SNS events and notifications in AWS DMS".
fn from_subscription(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let source = text(json, "/Event Source").filter(|source| source.starts_with("replication-"))?;
    let message = text(json, "/Event Message")?;
    let name = text(json, "/SourceId").or_else(|| text(json, "/Source ID"));
    let mut event = blank(notification, KIND, "aws.dms");
    event.severity = severity(None, &message);
    event.title = title(&source, name.as_deref(), &message);
    event.reason = message.into();
    // Written without a time zone. It is UTC.
    let at = text(json, "/Event Time").map(|at| if at.ends_with('Z') { at } else { at + "Z" });
    if at.is_some() {
        event.occurred_at = moment(at.as_deref());
    }
    let id = text(json, "/Event ID");
    let id = id
        .as_deref()
        .and_then(|id| id.rsplit('#').next())
        .map(str::trim);
    push(&mut event.fields, "Event", id.map(str::to_owned));
    push(&mut event.fields, "Source", Some(source));
    let page = text(json, "/Identifier Link").and_then(|link| SafeUrl::parse(&link));
    push_link(&mut event, "Console", page);
    event.fingerprint = format!("dms#{}", name.unwrap_or_default());
    Some(event)
}

fn title(kind: &str, name: Option<&str>, message: &str) -> String {
    let kind = kind.replace(['_', '-'], " ").to_lowercase();
    let sentence = message.split(['.', '\n']).next().unwrap_or_default().trim();
    let short: String = sentence.chars().take(90).collect();
    match name {
        Some(name) => format!("DMS {kind} {name}: {short}"),
        None => format!("DMS {kind}: {short}"),
    }
}

fn severity(category: Option<&str>, message: &str) -> Severity {
    let message = message.to_lowercase();
    if message.contains("storage") && message.contains(" low") {
        return Severity::Warning;
    }
    let is_bad = ["fail", "error", "out of storage"]
        .iter()
        .any(|word| message.contains(word));
    match category.unwrap_or_default() {
        "Failure" => Severity::Error,
        _ if is_bad => Severity::Error,
        "LowStorage" | "Failover" | "Deletion" => Severity::Warning,
        "" if ["stopped", "deleted", "failover"]
            .iter()
            .any(|word| message.contains(word)) =>
        {
            Severity::Warning
        }
        _ => Severity::Info,
    }
}
