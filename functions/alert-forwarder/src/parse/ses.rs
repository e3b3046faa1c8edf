//! Understands SES: bounces, complaints and other events of sent mail.

use serde_json::Value;

use crate::draft::{blank, push, push_link, push_long};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity};
use crate::json::{array, text};
use crate::link::console;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("ses");

/// The most addresses that are shown.
const RECIPIENTS_MAX: usize = 10;

/// A notification or published event as an event. Source: "Amazon SNS notification contents for Amazon
/// SES".
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let what = text(json, "/notificationType").or_else(|| text(json, "/eventType"))?;
    let mail = json.get("mail")?;
    let from = text(mail, "/source").or_else(|| text(mail, "/commonHeaders/from/0"));

    let mut event = blank(notification, KIND, "aws.ses");
    let (part, recipients, kind) = match what.as_str() {
        "Bounce" => (
            "bounce",
            "/bouncedRecipients",
            text(json, "/bounce/bounceType"),
        ),
        "Complaint" => {
            let kind = text(json, "/complaint/complaintFeedbackType");
            ("complaint", "/complainedRecipients", kind)
        }
        "DeliveryDelay" => {
            let kind = text(json, "/deliveryDelay/delayType");
            ("deliveryDelay", "/delayedRecipients", kind)
        }
        "Reject" => ("reject", "/recipients", None),
        "Rendering Failure" => ("failure", "/recipients", None),
        _ => ("delivery", "/recipients", None),
    };
    event.severity = match (what.as_str(), kind.as_deref()) {
        // `not-spam` takes a complaint back.
        ("Bounce", Some("Transient")) | ("Complaint", Some("not-spam")) => Severity::Info,
        ("Delivery" | "Send" | "Open" | "Click" | "Subscription", _) => Severity::Info,
        ("Reject" | "Rendering Failure", _) => Severity::Error,
        _ => Severity::Warning,
    };
    let of_part = json.get(part).unwrap_or(&Value::Null);
    let listed = array(of_part, recipients);
    let first = listed.first().and_then(address);
    let first = first.or_else(|| text(mail, "/destination/0"));
    event.title = match (&first, listed.len()) {
        (Some(first), 0 | 1) => format!("{what}: {first}"),
        (Some(first), count) => format!("{what}: {first} and {} more", count - 1),
        (None, _) => what.clone(),
    };
    event.reason = why(of_part, listed).unwrap_or_default().into();
    push(&mut event.fields, "Kind", kind);
    push(
        &mut event.fields,
        "Subkind",
        text(of_part, "/bounceSubType"),
    );
    push(&mut event.fields, "From", from);
    push_long(
        &mut event.fields,
        "Subject",
        text(mail, "/commonHeaders/subject"),
    );
    let addresses: Vec<String> = listed
        .iter()
        .filter_map(address)
        .take(RECIPIENTS_MAX)
        .collect();
    let many = (1 < addresses.len()).then(|| addresses.join("\n"));
    push_long(&mut event.fields, "Recipients", many);
    push(&mut event.fields, "Message", text(mail, "/messageId"));
    event.account = text(mail, "/sendingAccountId").or(event.account);
    let at = text(of_part, "/timestamp").or_else(|| text(mail, "/timestamp"));
    if at.is_some() {
        event.occurred_at = moment(at.as_deref());
    }
    if let Some(region) = event.region.as_deref() {
        let url = console(region, &format!("ses/home?region={region}#/account"));
        push_link(&mut event, "SES", url);
    }
    event.fingerprint = format!("ses#{what}");
    Some(event)
}

fn address(recipient: &Value) -> Option<String> {
    text(recipient, "/emailAddress").or_else(|| recipient.as_str().map(str::to_owned))
}

/// What the other mail server said, or SES.
fn why(part: &Value, recipients: &[Value]) -> Option<String> {
    let first = recipients.first().unwrap_or(&Value::Null);
    text(first, "/diagnosticCode")
        .or_else(|| text(part, "/reason"))
        .or_else(|| text(part, "/errorMessage"))
        .or_else(|| text(part, "/smtpResponse"))
}
