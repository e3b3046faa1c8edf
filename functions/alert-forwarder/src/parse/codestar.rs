//! Understands notification rules of the developer tools (CodeStar notifications): EventBridge events with
//! `detailType`, and what the rule adds to them.

use serde_json::Value;

use super::{codebuild, codedeploy, codepipeline, eventbridge};
use crate::draft::{push, push_link, push_long};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::{array, text};
use crate::link::SafeUrl;

pub(super) const KIND: Kind = Kind("codestar");

/// A notification as the event of its service, with the rule's additions. Source: the processed events in
/// "Monitoring CodePipeline events", AWS CodePipeline.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let detail_type = text(json, "/detailType")?;
    json.get("notificationRuleArn")
        .or_else(|| json.get("additionalAttributes"))?;
    let mut bridge = json.clone();
    bridge
        .as_object_mut()?
        .insert("detail-type".to_owned(), Value::String(detail_type));
    let as_bridge = Notification {
        json: Some(bridge),
        ..notification.clone()
    };
    let mut event = codepipeline::parse(&as_bridge)
        .or_else(|| codebuild::parse(&as_bridge))
        .or_else(|| codedeploy::parse(&as_bridge))
        .or_else(|| eventbridge::parse(&as_bridge))?;
    event.kind = KIND;

    let more = json.get("additionalAttributes").unwrap_or(&Value::Null);
    let failures: Vec<String> = array(more, "/failedActions")
        .iter()
        .filter_map(|failure| {
            let action = text(failure, "/action")?;
            let why = text(failure, "/additionalInformation");
            Some(why.map_or(action.clone(), |why| format!("{action}: {why}")))
        })
        .collect();
    push(
        &mut event.fields,
        "Failed stage",
        text(more, "/failedStage"),
    );
    if event.reason.is_blank() && !failures.is_empty() {
        event.reason = failures.join("\n").into();
    } else {
        let failures = (!failures.is_empty()).then(|| failures.join("\n"));
        push_long(&mut event.fields, "Failed actions", failures);
    }
    push_long(&mut event.fields, "Comment", text(more, "/customData"));
    for (label, pointer) in [
        ("Review", "/approvalReviewLink"),
        ("What to review", "/externalEntityLink"),
    ] {
        let url = text(more, pointer).and_then(|url| SafeUrl::parse(&url));
        push_link(&mut event, label, url);
    }
    Some(event)
}
