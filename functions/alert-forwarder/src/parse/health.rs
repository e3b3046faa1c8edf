//! Understands AWS Health events. Source: "Reference: AWS Health events", AWS Health User Guide.

use serde_json::Value;

use crate::draft::{bridge, bridged, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Moment, Severity, State};
use crate::json::{array, text};
use crate::link::{SafeUrl, segment};
use crate::when::moment;

pub(super) const KIND: Kind = Kind("health");

/// A Health event as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.health", "AWS Health")?;
    let detail = json.get("detail")?;
    let code = text(detail, "/eventTypeCode")?;
    let service = text(detail, "/service").unwrap_or_else(|| "AWS".to_owned());
    let category = text(detail, "/eventTypeCategory").unwrap_or_default();

    let mut event = bridged(notification, KIND, json);
    event.severity = match category.as_str() {
        "issue" => Severity::Error,
        "investigation" | "scheduledChange" => Severity::Warning,
        _ => Severity::Info,
    };
    if text(detail, "/statusCode").as_deref() == Some("closed") {
        event.state = State::Resolved;
    }
    let words = code
        .trim_start_matches("AWS_")
        .trim_start_matches(service.as_str());
    let words = words
        .trim_start_matches('_')
        .replace('_', " ")
        .to_lowercase();
    event.title = format!("{service}: {words}");
    event.reason = description(detail).unwrap_or_default().into();
    event.region = text(detail, "/eventRegion").or(event.region);
    event.fields.push(Field::short("Service", service));
    push(
        &mut event.fields,
        "Category",
        (!category.is_empty()).then_some(category),
    );
    push(&mut event.fields, "Event", Some(code.clone()));
    let start = moment(text(detail, "/startTime").as_deref());
    if start != Moment::Unknown {
        event.occurred_at = start;
    }
    let end = moment(text(detail, "/endTime").as_deref());
    if end != Moment::Unknown {
        event.fields.push(Field::short("Ends", &end));
    }
    let entities: Vec<String> = array(detail, "/affectedEntities")
        .iter()
        .filter_map(|entity| text(entity, "/entityValue"))
        .collect();
    if !entities.is_empty() {
        event
            .fields
            .push(Field::long("Affected", entities.join("\n")));
    }
    let arn = text(detail, "/eventArn");
    event.fingerprint = arn.clone().unwrap_or(code);
    event.links.extend(link(arn.as_deref()));
    Some(event)
}

/// The English description, else the first one.
fn description(detail: &Value) -> Option<String> {
    let all = array(detail, "/eventDescription");
    let english = all
        .iter()
        .find(|one| text(one, "/language").is_some_and(|language| language.starts_with("en")));
    text(english.or_else(|| all.first())?, "/latestDescription")
}

fn link(arn: Option<&str>) -> Option<Link> {
    let page = "https://health.aws.amazon.com/health/home#/account/event-log";
    let url = match arn {
        Some(arn) => format!("{page}?eventID={}", segment(arn)),
        None => page.to_owned(),
    };
    Some(Link {
        label: "Health dashboard".to_owned(),
        url: SafeUrl::parse(&url)?,
    })
}
