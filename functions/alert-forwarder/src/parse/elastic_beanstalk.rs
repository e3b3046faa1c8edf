//! Understands Elastic Beanstalk: text with a `Name: value` on each line, and EventBridge events.

use crate::draft::{blank, bridge, bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity, State};
use crate::json::text;
use crate::link::{SafeUrl, console, segment};
use crate::when::moment;

pub(super) const KIND: Kind = Kind("elastic-beanstalk");

/// An event of an environment as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    from_bridge(notification).or_else(|| from_text(notification))
}

/// Source: "Using Elastic Beanstalk with Amazon EventBridge".
fn from_bridge(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.elasticbeanstalk", "")?;
    let detail = json.get("detail")?;
    let message = text(detail, "/Message")?;
    let mut event = bridged(notification, KIND, json);
    let severity = text(detail, "/Severity").and_then(|word| Severity::parse(&word));
    let environment = text(detail, "/EnvironmentName");
    let application = text(detail, "/ApplicationName");
    fill(&mut event, &message, environment, application);
    if let Some(severity) = severity
        && event.state != State::Resolved
    {
        event.severity = event.severity.max(severity);
    }
    push(&mut event.fields, "Status", text(detail, "/Status"));
    Some(event)
}

/// Source: "Elastic Beanstalk environment notifications with Amazon SNS".
fn from_text(notification: &Notification) -> Option<Event> {
    let value = |name: &str| {
        notification.message.lines().find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix(':')?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        })
    };
    let environment = value("Environment")?;
    let application = value("Application")?;
    let message = value("Message")?;
    let mut event = blank(notification, KIND, "aws.elasticbeanstalk");
    fill(&mut event, &message, Some(environment), Some(application));
    let at = value("Timestamp");
    if at.is_some() {
        event.occurred_at = moment(at.as_deref());
    }
    let page = value("Environment URL").and_then(|url| SafeUrl::parse(&url));
    push_link(&mut event, "Site", page);
    Some(event)
}

fn fill(
    event: &mut Event,
    message: &str,
    environment: Option<String>,
    application: Option<String>,
) {
    (event.severity, event.state) = health(message);
    let name = environment
        .as_deref()
        .or(application.as_deref())
        .unwrap_or("Elastic Beanstalk");
    let sentence = message
        .split(". ")
        .next()
        .unwrap_or(message)
        .trim_end_matches('.');
    let short: String = sentence.chars().take(120).collect();
    event.title = format!("{name}: {short}");
    event.reason = message.into();
    if let Some(region) = event.region.as_deref() {
        let path = match (&application, &environment) {
            (Some(application), Some(environment)) => format!(
                "#/environment/dashboard?applicationName={}&environmentName={}",
                segment(application),
                segment(environment)
            ),
            _ => "#/environments".to_owned(),
        };
        let url = console(
            region,
            &format!("elasticbeanstalk/home?region={region}{path}"),
        );
        push_link(event, "Environment", url);
    }
    event.fingerprint = format!("elasticbeanstalk#{name}");
    push(&mut event.fields, "Application", application);
    push(&mut event.fields, "Environment", environment);
}

/// The severity by the health that the environment has now: the word after "to" in "Environment health has
/// transitioned from Ok to Severe."
fn health(message: &str) -> (Severity, State) {
    let now = message
        .split_once(" to ")
        .filter(|_| message.contains("health has"))
        .and_then(|(_, after)| after.split(['.', ' ', ',']).next());
    match now {
        Some("Ok") => (Severity::Info, State::Resolved),
        Some("Severe" | "Degraded") => (Severity::Error, State::Notice),
        Some("Warning" | "No" | "Unknown") => (Severity::Warning, State::Notice),
        Some(_) => (Severity::Info, State::Notice),
        None => {
            let lower = message.to_lowercase();
            let is_bad = ["fail", "error", "unsuccessful", "abort"]
                .iter()
                .any(|word| lower.contains(word));
            let severity = if is_bad {
                Severity::Error
            } else {
                Severity::Info
            };
            (severity, State::Notice)
        }
    }
}
