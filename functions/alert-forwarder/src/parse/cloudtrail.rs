//! Understands what CloudTrail reports: sign-ins to the console and calls of the API, above all those of
//! the root user.

use serde_json::Value;

use crate::draft::{bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity};
use crate::json::text;
use crate::link::{console, segment};
use crate::when::moment;

pub(super) const KIND: Kind = Kind("cloudtrail");

/// A sign-in or a call as an event: critical if root did it. Source: "AWS Management Console sign-in
/// events" and "CloudTrail record contents", AWS CloudTrail.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let detail_type = text(json, "/detail-type")?;
    if !detail_type.ends_with("via CloudTrail") {
        return None;
    }
    let detail = json.get("detail")?;
    let name = text(detail, "/eventName")?;
    let identity = detail.get("userIdentity").unwrap_or(&Value::Null);
    let is_root = text(identity, "/type").as_deref() == Some("Root");
    let who = if is_root {
        Some("root".to_owned())
    } else {
        who(identity)
    };
    let address = text(detail, "/sourceIPAddress");
    let failed = text(detail, "/responseElements/ConsoleLogin").as_deref() == Some("Failure")
        || text(detail, "/errorCode").is_some();

    let mut event = bridged(notification, KIND, json);
    event.severity = match (is_root, failed) {
        (true, _) => Severity::Critical,
        (false, true) => Severity::Warning,
        (false, false) => Severity::Info,
    };
    let mfa = text(detail, "/additionalEventData/MFAUsed");
    let who_is_shown = who.clone().unwrap_or_else(|| "somebody".to_owned());
    let from = address
        .as_ref()
        .map_or_else(String::new, |address| format!(" from {address}"));
    event.title = if name == "ConsoleLogin" {
        let done = if failed {
            "failed to sign in"
        } else {
            "signed in"
        };
        let without = if mfa.as_deref() == Some("No") {
            " without MFA"
        } else {
            ""
        };
        format!("{who_is_shown} {done}{without}{from}")
    } else {
        let failed = if failed { " (refused)" } else { "" };
        format!("{who_is_shown} called {name}{failed}{from}")
    };
    event.reason = text(detail, "/errorMessage").unwrap_or_default().into();
    push(&mut event.fields, "User", who);
    push(&mut event.fields, "Address", address);
    push(&mut event.fields, "MFA", mfa);
    push(&mut event.fields, "Call", Some(name.clone()));
    push(&mut event.fields, "Service", text(detail, "/eventSource"));
    push(&mut event.fields, "Error", text(detail, "/errorCode"));
    push(&mut event.fields, "Client", text(detail, "/userAgent"));
    event.account = text(identity, "/accountId").or(event.account);
    let at = text(detail, "/eventTime");
    if at.is_some() {
        event.occurred_at = moment(at.as_deref());
    }
    if let Some(region) = event.region.clone() {
        let page = match text(detail, "/eventID") {
            Some(id) => format!("events/{}", segment(&id)),
            None => format!("events?EventName={}", segment(&name)),
        };
        let url = console(
            &region,
            &format!("cloudtrailv2/home?region={region}#/{page}"),
        );
        push_link(&mut event, "CloudTrail", url);
    }
    event.fingerprint = format!("cloudtrail#{name}#{who_is_shown}");
    Some(event)
}

/// The user's name, the role that was assumed, or the end of the ARN.
fn who(identity: &Value) -> Option<String> {
    text(identity, "/userName")
        .or_else(|| text(identity, "/sessionContext/sessionIssuer/userName"))
        .or_else(|| Some(text(identity, "/arn")?.rsplit(':').next()?.to_owned()))
        .or_else(|| text(identity, "/invokedBy"))
}
