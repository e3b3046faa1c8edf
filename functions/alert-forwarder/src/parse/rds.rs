//! Understands RDS events, from EventBridge and from RDS event subscriptions over SNS.

use crate::draft::{blank, bridge, bridged, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::json::{array, text};
use crate::link::SafeUrl;
use crate::region::region;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("rds");

/// An RDS event as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    from_bridge(notification).or_else(|| from_subscription(notification))
}

fn from_bridge(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.rds", "RDS DB")?;
    let detail = json.get("detail")?;
    let message = text(detail, "/Message")?;
    let mut event = bridged(notification, KIND, json);
    let categories: Vec<String> = array(detail, "/EventCategories")
        .iter()
        .filter_map(|category| category.as_str().map(str::to_owned))
        .collect();
    event.severity = severity(&categories, &message);
    event.title = text(detail, "/SourceIdentifier").unwrap_or_else(|| "RDS".to_owned());
    event.reason = message.into();
    push(&mut event.fields, "Source", text(detail, "/SourceType"));
    push(
        &mut event.fields,
        "Categories",
        (!categories.is_empty()).then(|| categories.join(", ")),
    );
    push(&mut event.fields, "Event", text(detail, "/EventID"));
    event.fingerprint = text(detail, "/SourceArn").unwrap_or_else(|| event.title.clone());
    Some(event)
}

fn from_subscription(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let source = text(json, "/Event Source")?;
    let message = text(json, "/Event Message")?;
    let arn = text(json, "/Source ARN");
    let mut event = blank(notification, KIND, "aws.rds");
    event.severity = severity(&[], &message);
    event.title = text(json, "/Source ID").unwrap_or_else(|| "RDS".to_owned());
    event.reason = message.into();
    event.region = region(&[arn.as_deref()], None).or(event.region);
    let at = text(json, "/Event Time");
    if at.is_some() {
        // Written without a time zone: "2026-07-19 10:00:00.123". It is UTC.
        event.occurred_at = moment(
            at.map(|at| if at.ends_with('Z') { at } else { at + "Z" })
                .as_deref(),
        );
    }
    event.fields.push(Field::short("Source", source));
    let event_id = text(json, "/Event ID");
    let event_id = event_id.as_deref().and_then(|id| id.rsplit('#').next());
    push(&mut event.fields, "Event", event_id.map(str::to_owned));
    if let Some(url) = text(json, "/Identifier Link").and_then(|link| SafeUrl::parse(&link)) {
        let label = "Console".to_owned();
        event.links.push(Link { label, url });
    }
    event.fingerprint = arn.unwrap_or_else(|| event.title.clone());
    Some(event)
}

/// The severity, from the event's categories and from words in its message.
fn severity(categories: &[String], message: &str) -> Severity {
    let is = |wanted: &[&str]| {
        let among = |category: &String| wanted.contains(&category.as_str());
        categories.iter().any(among)
    };
    let message = message.to_lowercase();
    if is(&["failure"])
        || ["failed", "failure", "out of space"]
            .iter()
            .any(|word| message.contains(word))
    {
        Severity::Error
    } else if is(&["failover", "low storage", "availability"]) || message.contains("failover") {
        Severity::Warning
    } else {
        Severity::Info
    }
}
