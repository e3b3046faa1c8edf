//! Understands RDS events, from EventBridge and from RDS event subscriptions over SNS.

mod severities;

use crate::draft::{blank, bridge, bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind};
use crate::json::{array, text};
use crate::link::{SafeUrl, of_arn};
use crate::region::region;
use crate::when::moment;

use severities::severity;

pub(super) const KIND: Kind = Kind("rds");

/// The longest sentence in a title.
const SENTENCE_CHARACTERS_MAX: usize = 90;

/// An RDS event as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    from_bridge(notification).or_else(|| from_subscription(notification))
}

fn from_bridge(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.rds", "RDS ")?;
    let detail = json.get("detail")?;
    let message = text(detail, "/Message")?;
    let mut event = bridged(notification, KIND, json);
    let categories: Vec<String> = array(detail, "/EventCategories")
        .iter()
        .filter_map(|category| category.as_str().map(str::to_owned))
        .collect();
    let id = text(detail, "/EventID");
    event.severity = severity(id.as_deref(), &categories, &message);
    event.title = title(text(detail, "/SourceIdentifier"), &message);
    event.reason = message.into();
    push(&mut event.fields, "Source", text(detail, "/SourceType"));
    push(
        &mut event.fields,
        "Categories",
        (!categories.is_empty()).then(|| categories.join(", ")),
    );
    push(&mut event.fields, "Event", id);
    let arn = text(detail, "/SourceArn").or_else(|| text(json, "/resources/0"));
    push_link(&mut event, "Database", arn.as_deref().and_then(of_arn));
    event.fingerprint = arn.unwrap_or_else(|| event.title.clone());
    Some(event)
}

fn from_subscription(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let source = text(json, "/Event Source")?;
    let message = text(json, "/Event Message")?;
    let arn = text(json, "/Source ARN");
    let event_id = text(json, "/Event ID");
    let event_id = event_id.as_deref().and_then(|id| id.rsplit('#').next());
    let mut event = blank(notification, KIND, "aws.rds");
    event.severity = severity(event_id, &[], &message);
    event.title = title(text(json, "/Source ID"), &message);
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
    push(&mut event.fields, "Event", event_id.map(str::to_owned));
    let page = text(json, "/Identifier Link").and_then(|link| SafeUrl::parse(&link));
    let page = page.or_else(|| of_arn(arn.as_deref()?));
    push_link(&mut event, "Database", page);
    event.fingerprint = arn.unwrap_or_else(|| event.title.clone());
    Some(event)
}

/// `shop: The allocated storage for the DB instance has been consumed`.
fn title(source: Option<String>, message: &str) -> String {
    let sentence = message
        .split_inclusive(['.', '\n'])
        .next()
        .and_then(|sentence| sentence.split(" [").next())
        .unwrap_or_default()
        .trim()
        .trim_end_matches('.');
    let mut short: String = sentence.chars().take(SENTENCE_CHARACTERS_MAX).collect();
    if short.len() < sentence.len() {
        short.push('…');
    }
    match source {
        Some(source) => format!("{source}: {short}"),
        None => format!("RDS: {short}"),
    }
}
