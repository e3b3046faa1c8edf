//! Understands custom notifications for Amazon Q Developer in chat applications (AWS Chatbot).

use serde_json::Value;

use crate::details::{add_fields, leaves};
use crate::draft::{blank, push, push_link, push_long};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity, State};
use crate::json::{array, text};
use crate::link::of_arn;
use crate::region::{account_of, region};
use crate::verdict::judged;

pub(super) const KIND: Kind = Kind("chatbot");

/// Emoji names that titles of such notifications begin with, and what they mean.
const EMOJI: [(&str, &str, Severity, State); 7] = [
    (":warning:", "⚠️", Severity::Warning, State::Notice),
    (":rotating_light:", "🚨", Severity::Critical, State::Notice),
    (":x:", "❌", Severity::Error, State::Notice),
    (":red_circle:", "🔴", Severity::Error, State::Notice),
    (":fire:", "🔥", Severity::Error, State::Notice),
    (":information_source:", "ℹ️", Severity::Info, State::Notice),
    (":white_check_mark:", "✅", Severity::Info, State::Resolved),
];

/// A custom notification as an event. Source: "Custom notifications", Amazon Q Developer in chat
/// applications.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    if text(json, "/source")? != "custom" || text(json, "/version")? != "1.0" {
        return None;
    }
    let content = json.get("content")?;
    let description = text(content, "/description");
    let title = text(content, "/title").or_else(|| text(json, "/metadata/summary"));
    let title = title.or_else(|| description.clone())?;

    let mut event = blank(notification, KIND, "custom");
    let context = json
        .pointer("/metadata/additionalContext")
        .unwrap_or(&Value::Null);
    let context = leaves(context);
    let by_emoji = EMOJI.iter().find(|(name, ..)| title.contains(name));
    (event.severity, event.state) = judged(&context)
        .or_else(|| by_emoji.map(|(_, _, severity, state)| (*severity, *state)))
        .unwrap_or((Severity::Warning, State::Notice));
    // The message has a symbol of its own for the severity.
    let title = EMOJI
        .iter()
        .fold(title, |title, (name, ..)| title.replace(name, ""));
    event.title.push_str(title.trim());
    event.reason = with_emoji(description.unwrap_or_default()).into();
    let steps: Vec<String> = array(content, "/nextSteps")
        .iter()
        .filter_map(Value::as_str)
        .map(|step| format!("• {}", with_emoji(step.to_owned())))
        .collect();
    push_long(
        &mut event.fields,
        "Next steps",
        Some(steps.join("\n")).filter(|all| !all.is_empty()),
    );
    push(
        &mut event.fields,
        "Event",
        text(json, "/metadata/eventType"),
    );
    let keywords: Vec<&str> = array(content, "/keywords")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    push(
        &mut event.fields,
        "Keywords",
        Some(keywords.join(", ")).filter(|all| !all.is_empty()),
    );
    add_fields(&mut event, &context);
    let related = array(json, "/metadata/relatedResources");
    let related: Vec<&str> = related.iter().filter_map(Value::as_str).collect();
    if let Some(first) = related.first() {
        event.region = region(&[Some(*first)], None).or(event.region);
        event.account = account_of(first).or(event.account);
        push_link(&mut event, "Resource", of_arn(first));
    }
    push_long(
        &mut event.fields,
        "Resources",
        Some(related.join("\n")).filter(|all| !all.is_empty()),
    );
    let thread = text(json, "/metadata/threadId").or_else(|| text(json, "/id"));
    event.fingerprint = format!("chatbot#{}", thread.unwrap_or_else(|| event.title.clone()));
    Some(event)
}

/// Replaces the names of emoji by the emoji.
fn with_emoji(text: String) -> String {
    EMOJI
        .iter()
        .fold(text, |text, (name, emoji, ..)| text.replace(name, emoji))
}
