//! Understands messages of AWS Cost Anomaly Detection.

use serde_json::Value;

use crate::draft::{blank, bridged, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Severity};
use crate::json::{array, text};
use crate::link::SafeUrl;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("cost-anomaly");

const PAGE: &str =
    "https://console.aws.amazon.com/cost-management/home#/anomaly-detection/overview";

/// An anomaly as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let whole = notification.json.as_ref()?;
    // EventBridge wraps the same members.
    let wrapped = whole
        .get("detail")
        .filter(|_| text(whole, "/source").as_deref() == Some("aws.ce"));
    let json = wrapped.unwrap_or(whole);
    let id = text(json, "/anomalyId")?;
    let impact = json.get("impact")?;
    let total = impact
        .get("totalImpact")
        .or_else(|| impact.get("maxImpact"))?
        .as_f64()?;

    let mut event = match wrapped {
        Some(_) => bridged(notification, KIND, whole),
        None => blank(notification, KIND, "aws.ce"),
    };
    event.severity = Severity::Warning;
    event.title = match text(json, "/dimensionalValue").or_else(|| text(json, "/dimensionValue")) {
        Some(what) => format!("Cost anomaly: {what} +${total:.2}"),
        None => format!("Cost anomaly: +${total:.2}"),
    };
    event.account = text(json, "/accountId").or(event.account);
    let start = text(json, "/anomalyStartDate");
    if start.is_some() {
        event.occurred_at = moment(start.as_deref());
    }
    event
        .fields
        .push(Field::short("Impact", format!("${total:.2}")));
    let money = |pointer| Some(format!("${:.2}", impact.pointer(pointer)?.as_f64()?));
    push(&mut event.fields, "Spent", money("/totalActualSpend"));
    push(&mut event.fields, "Expected", money("/totalExpectedSpend"));
    let share = impact
        .pointer("/totalImpactPercentage")
        .and_then(Value::as_f64);
    push(
        &mut event.fields,
        "More than expected",
        share.map(|share| format!("{share:.0} %")),
    );
    push(&mut event.fields, "Monitor", text(json, "/monitorName"));
    event.fields.push(Field::long("Cause", causes(json)));
    let link = text(json, "/anomalyDetailsLink").unwrap_or_else(|| PAGE.to_owned());
    push_link(&mut event, "Anomaly", SafeUrl::parse(&link));
    event.fingerprint = id;
    Some(event)
}

/// A line for each root cause, with the parts that it has.
fn causes(json: &Value) -> String {
    let lines: Vec<String> = array(json, "/rootCauses")
        .iter()
        .map(|cause| {
            [
                "/service",
                "/usageType",
                "/region",
                "/linkedAccountName",
                "/linkedAccount",
            ]
            .iter()
            .filter_map(|part| text(cause, part))
            .collect::<Vec<_>>()
            .join(" · ")
        })
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() {
        "unknown".to_owned()
    } else {
        lines.join("\n")
    }
}
