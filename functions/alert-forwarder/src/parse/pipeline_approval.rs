//! Understands CodePipeline's request for a manual approval.

use serde_json::Value;

use crate::draft::{blank, push, push_link, push_time};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::text;
use crate::link::SafeUrl;

pub(super) const KIND: Kind = Kind("pipeline-approval");

/// A request for an approval as an event: information that asks for something. Source: "JSON data format
/// for manual approval notifications in CodePipeline".
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let approval = json.get("approval")?;
    let pipeline = text(approval, "/pipelineName")?;
    let stage = text(approval, "/stageName").unwrap_or_default();
    let action = text(approval, "/actionName")?;

    let mut event = blank(notification, KIND, "aws.codepipeline");
    event.title = format!("Approval needed: {pipeline} · {stage} · {action}");
    event.reason = text(approval, "/customData").unwrap_or_default().into();
    event.region = text(json, "/region").or(event.region);
    push(&mut event.fields, "Pipeline", Some(pipeline.clone()));
    push(
        &mut event.fields,
        "Stage",
        Some(stage).filter(|stage| !stage.is_empty()),
    );
    push(&mut event.fields, "Action", Some(action.clone()));
    push_time(
        &mut event.fields,
        "Expires",
        text(approval, "/expires").as_deref(),
    );
    let url = |value: &Value, pointer: &str| SafeUrl::parse(&text(value, pointer)?);
    push_link(&mut event, "Review", url(approval, "/approvalReviewLink"));
    push_link(
        &mut event,
        "What to review",
        url(approval, "/externalEntityLink"),
    );
    push_link(&mut event, "Pipeline", url(json, "/consoleLink"));
    event.raw = without_token(json);
    event.fingerprint = format!("approval#{pipeline}#{action}");
    Some(event)
}

/// The message without the token, which approves the action for whoever has it.
fn without_token(json: &Value) -> String {
    let mut json = json.clone();
    if let Some(token) = json.pointer_mut("/approval/token") {
        *token = "[redacted]".into();
    }
    json.to_string()
}
