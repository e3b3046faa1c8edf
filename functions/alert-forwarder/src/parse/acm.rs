//! Understands ACM: certificates that expire, or must be renewed by hand.

use crate::draft::{bridge, bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity, State};
use crate::json::text;
use crate::link::of_arn;

pub(super) const KIND: Kind = Kind("acm");

/// In how many days an expiry is an error.
const DAYS_URGENT: i64 = 7;

/// A certificate's event as an event. Source: "Amazon EventBridge support for ACM". What approaches its
/// expiration does not say whether it is in use.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.acm", "ACM Certificate")?;
    let detail = json.get("detail")?;
    let what = text(json, "/detail-type")?;
    let arn = text(json, "/resources/0")?;
    let name = text(detail, "/CommonName")
        .or_else(|| text(detail, "/FirstSubjectAlternativeName"))
        .or_else(|| text(detail, "/DomainName"))
        .unwrap_or_else(|| arn.clone());
    let days: Option<i64> = text(detail, "/DaysToExpiry").and_then(|days| days.parse().ok());
    let is_used = text(detail, "/InUse").as_deref() != Some("false");

    let mut event = bridged(notification, KIND, json);
    event.severity = match (what.as_str(), days) {
        ("ACM Certificate Expired" | "ACM Certificate Revoked", _) if is_used => Severity::Critical,
        ("ACM Certificate Available", _) => Severity::Info,
        (_, Some(days)) if days <= DAYS_URGENT && is_used => Severity::Error,
        _ => Severity::Warning,
    };
    if what == "ACM Certificate Available" {
        event.state = State::Resolved;
    }
    // A certificate that is available has days left too, but they are no news.
    event.title = match days.filter(|_| event.state != State::Resolved) {
        Some(1) => format!("Certificate {name} expires in 1 day"),
        Some(days) => format!("Certificate {name} expires in {days} days"),
        None => format!(
            "Certificate {name}: {}",
            what.trim_start_matches("ACM Certificate ")
        ),
    };
    event.reason = text(detail, "/RenewalStatusReason")
        .unwrap_or_default()
        .into();
    push(&mut event.fields, "Action", text(detail, "/Action"));
    push(&mut event.fields, "Type", text(detail, "/CertificateType"));
    push(&mut event.fields, "In use", text(detail, "/InUse"));
    push(&mut event.fields, "Exported", text(detail, "/Exported"));
    push_link(&mut event, "Certificate", of_arn(&arn));
    event.fingerprint = arn;
    Some(event)
}
