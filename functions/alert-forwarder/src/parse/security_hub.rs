//! Understands Security Hub findings. One event can carry several.

use crate::draft::{bridge, bridged, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::json::{array, text};
use crate::link::console;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("security-hub");

/// The findings as one event. The title is the first finding's, the severity the worst.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.securityhub", "Security Hub Findings")?;
    let findings = array(json, "/detail/findings");
    let first = findings.first()?;
    let worst = findings
        .iter()
        .filter_map(|finding| Severity::parse(&text(finding, "/Severity/Label")?))
        .max()
        .unwrap_or(Severity::Info);

    let mut event = bridged(notification, KIND, json);
    event.severity = worst;
    event.title = text(first, "/Title")?;
    event.reason = text(first, "/Description").unwrap_or_default().into();
    event.account = text(first, "/AwsAccountId").or(event.account);
    event.region = text(first, "/Region").or(event.region);
    push(
        &mut event.fields,
        "Severity",
        text(first, "/Severity/Label"),
    );
    push(&mut event.fields, "Product", text(first, "/ProductName"));
    push(
        &mut event.fields,
        "Compliance",
        text(first, "/Compliance/Status"),
    );
    push(
        &mut event.fields,
        "Workflow",
        text(first, "/Workflow/Status"),
    );
    let resources: Vec<String> = array(first, "/Resources")
        .iter()
        .filter_map(|resource| text(resource, "/Id"))
        .collect();
    if !resources.is_empty() {
        event
            .fields
            .push(Field::long("Resources", resources.join("\n")));
    }
    for other in findings.iter().skip(1) {
        let label = text(other, "/Severity/Label").unwrap_or_default();
        let title = text(other, "/Title").unwrap_or_default();
        event
            .fields
            .push(Field::long(format!("Also {label}"), title));
    }
    let updated = text(first, "/UpdatedAt").or_else(|| text(first, "/CreatedAt"));
    if updated.is_some() {
        event.occurred_at = moment(updated.as_deref());
    }
    if let Some(region) = event.region.as_deref() {
        let url = console(
            region,
            &format!("securityhub/home?region={region}#/findings"),
        );
        let label = "Security Hub".to_owned();
        event.links.extend(url.map(|url| Link { label, url }));
    }
    event.fingerprint = text(first, "/Id").unwrap_or_else(|| event.title.clone());
    Some(event)
}
