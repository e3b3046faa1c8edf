//! Understands GuardDuty findings. Source: "Severity levels of GuardDuty findings", Amazon GuardDuty.

use serde_json::Value;

use crate::draft::{bridge, bridged, push};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Severity};
use crate::json::text;
use crate::link::{console, segment};

pub(super) const KIND: Kind = Kind("guardduty");

/// A finding as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.guardduty", "GuardDuty Finding")?;
    let detail = json.get("detail")?;
    let score = detail.get("severity").and_then(Value::as_f64)?;
    let (severity, label) = severity(score);

    let mut event = bridged(notification, KIND, json);
    event.severity = severity;
    event.title = text(detail, "/title").or_else(|| text(detail, "/type"))?;
    event.reason = text(detail, "/description").unwrap_or_default().into();
    event.account = text(detail, "/accountId").or(event.account);
    event.region = text(detail, "/region").or(event.region);
    event
        .fields
        .push(Field::short("Severity", format!("{label} ({score})")));
    push(&mut event.fields, "Type", text(detail, "/type"));
    push(
        &mut event.fields,
        "Resource",
        text(detail, "/resource/resourceType"),
    );
    for (name, pointer) in WHAT {
        push(&mut event.fields, name, text(detail, pointer));
    }
    let actions = detail.pointer("/service/action").and_then(Value::as_object);
    let remote = actions
        .into_iter()
        .flatten()
        .find_map(|(_, action)| remote(action));
    push(&mut event.fields, "Remote address", remote);
    push(&mut event.fields, "Count", text(detail, "/service/count"));
    let id = text(detail, "/id");
    if let (Some(region), Some(id)) = (event.region.as_deref(), id.as_deref()) {
        let id = segment(id);
        let path = format!("guardduty/home?region={region}#/findings?macros=current&fId={id}");
        event.links.extend(console(region, &path).map(|url| Link {
            label: "Finding".to_owned(),
            url,
        }));
    }
    event.fingerprint = id.unwrap_or_else(|| event.title.clone());
    Some(event)
}

/// What a finding is about, and where the finding says it.
const WHAT: [(&str, &str); 9] = [
    ("Instance", "/resource/instanceDetails/instanceId"),
    ("Access key of", "/resource/accessKeyDetails/userName"),
    ("Bucket", "/resource/s3BucketDetails/0/name"),
    ("Cluster", "/resource/eksClusterDetails/name"),
    ("Cluster", "/resource/ecsClusterDetails/name"),
    (
        "Database",
        "/resource/rdsDbInstanceDetails/dbInstanceIdentifier",
    ),
    ("Function", "/resource/lambdaDetails/functionName"),
    ("Container", "/resource/containerDetails/name"),
    (
        "Workload",
        "/resource/kubernetesDetails/kubernetesWorkloadDetails/name",
    ),
];

/// The address at the other end: `198.51.100.7 (Netherlands)`.
fn remote(action: &Value) -> Option<String> {
    let details = ["/remoteIpDetails", "/portProbeDetails/0/remoteIpDetails"];
    let details = details.iter().find_map(|pointer| action.pointer(pointer))?;
    let address = text(details, "/ipAddressV4").or_else(|| text(details, "/ipAddressV6"))?;
    Some(match text(details, "/country/countryName") {
        Some(country) => format!("{address} ({country})"),
        None => address,
    })
}

/// GuardDuty's levels: critical from 9.0, high from 7.0, medium from 4.0.
fn severity(score: f64) -> (Severity, &'static str) {
    if 9.0 <= score {
        (Severity::Critical, "critical")
    } else if 7.0 <= score {
        (Severity::Error, "high")
    } else if 4.0 <= score {
        (Severity::Warning, "medium")
    } else {
        (Severity::Info, "low")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_of_8_9_is_high_and_one_of_9_0_is_critical() {
        assert_eq!(severity(8.9), (Severity::Error, "high"));
        assert_eq!(severity(9.0), (Severity::Critical, "critical"));
        assert_eq!(severity(7.0), (Severity::Error, "high"));
        assert_eq!(severity(6.9), (Severity::Warning, "medium"));
        assert_eq!(severity(3.9), (Severity::Info, "low"));
    }
}
