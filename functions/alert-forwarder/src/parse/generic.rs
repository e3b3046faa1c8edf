//! Takes every message that no other parser understands. JSON objects become fields, anything else is
//! shown unchanged.

use serde_json::Value;

use crate::details::{Leaf, add_fields, leaves, take_reason, take_title};
use crate::directives::Directives;
use crate::draft::{blank, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity, State};
use crate::link::SafeUrl;
use crate::region::Arn;
use crate::verdict::judged;

pub(super) const KIND: Kind = Kind("generic");

/// The longest first line of a text that can be its title.
const TITLE_CHARACTERS_MAX: usize = 120;

/// Any message as an event.
pub(super) fn parse(notification: &Notification) -> Event {
    let mut event = blank(notification, KIND, "unknown");
    event.severity = Severity::Warning;
    let subject = notification.subject.as_deref().map(str::trim);
    let subject = subject.filter(|subject| !subject.is_empty());
    match &notification.json {
        Some(json @ Value::Object(members)) if !members.is_empty() => {
            object(&mut event, json, subject);
        }
        Some(json @ (Value::Array(_) | Value::Object(_))) => {
            event.code = serde_json::to_string_pretty(json).ok();
            event.title = subject.map_or_else(|| message_on(notification), str::to_owned);
        }
        // A scalar stays as it was written.
        Some(_) => {
            event.code = Some(notification.message.clone());
            event.title = subject.map_or_else(|| message_on(notification), str::to_owned);
        }
        None => prose(&mut event, notification, subject),
    }
    if event.title.trim().is_empty() {
        event.title = message_on(notification);
    }
    event.fingerprint.clone_from(&event.title);
    event
}

fn object(event: &mut Event, json: &Value, subject: Option<&str>) {
    let mut leaves = leaves(json);
    (event.severity, event.state) = judged(&leaves).unwrap_or((Severity::Warning, State::Notice));
    let title = match subject {
        Some(subject) => Some(subject.to_owned()),
        None => take_title(&mut leaves),
    };
    let reason = take_reason(&mut leaves);
    match (title, reason) {
        (Some(title), reason) => {
            event.title = title;
            event.reason = reason.unwrap_or_default().into();
        }
        (None, Some(reason)) if is_title(&reason) => event.title = reason,
        (None, reason) => event.reason = reason.unwrap_or_default().into(),
    }
    for (label, url) in links(&leaves) {
        push_link(event, label, Some(url));
    }
    add_fields(event, &leaves);
    if event.reason.is_blank() && event.fields.is_empty() && event.title.is_empty() {
        event.code = serde_json::to_string_pretty(json).ok();
    }
}

/// The values that are pages to look at: a runbook first.
fn links(leaves: &[Leaf]) -> Vec<(&'static str, SafeUrl)> {
    let of_names = |label: &'static str, names: &'static [&'static str]| {
        leaves
            .iter()
            .filter(|leaf| names.contains(&leaf.path.to_ascii_lowercase().as_str()))
            .filter_map(move |leaf| Some((label, SafeUrl::parse(leaf.text.trim())?)))
    };
    of_names("Runbook", &["runbook", "runbook_url", "runbookurl"])
        .chain(of_names("Link", &["url", "link", "href", "dashboard"]))
        .collect()
}

/// A text. Without a subject, its first line is the title.
fn prose(event: &mut Event, notification: &Notification, subject: Option<&str>) {
    let message = notification.message.as_str();
    let directives = Directives::read(message);
    event.severity = directives.severity.unwrap_or(event.severity);
    push_link(event, "Runbook", directives.runbook);
    if message.trim().is_empty() {
        event.reason = "(empty message)".into();
    }
    if let Some(subject) = subject {
        subject.clone_into(&mut event.title);
    } else if event.reason.is_blank() {
        let text = message.trim_start();
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        if is_title(first) {
            first.trim().clone_into(&mut event.title);
            event.reason = rest.trim().into();
            return;
        }
    }
    if event.reason.is_blank() {
        event.reason = message.into();
    }
}

fn is_title(line: &str) -> bool {
    !line.contains('\n') && line.chars().count() <= TITLE_CHARACTERS_MAX
}

/// A title for a message that says nothing of itself.
fn message_on(notification: &Notification) -> String {
    let topic = notification.source_arn.as_deref().and_then(Arn::parse);
    match topic {
        Some(topic) => format!("Message on {}", topic.name()),
        None => "Message".to_owned(),
    }
}
