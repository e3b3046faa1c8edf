//! Understands findings of Amazon Inspector, and the notifications of Inspector Classic.

use serde_json::Value;

use crate::draft::{blank, bridge, bridged, push, push_link, push_long};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Severity, State};
use crate::json::{array, text};
use crate::link::{SafeUrl, console, of_arn, segment};
use crate::region::{Arn, account_of, region};
use crate::when::moment;

pub(super) const KIND: Kind = Kind("inspector");

/// A finding as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    from_bridge(notification).or_else(|| from_classic(notification))
}

/// Source: "Amazon EventBridge event schema for Amazon Inspector events".
fn from_bridge(notification: &Notification) -> Option<Event> {
    let json = bridge(notification, "aws.inspector2", "Inspector2 Finding")?;
    let detail = json.get("detail")?;
    let title = text(detail, "/title")?;
    let label = text(detail, "/severity")?;
    let mut event = bridged(notification, KIND, json);
    event.severity = Severity::parse(&label).unwrap_or(Severity::Warning);
    let status = text(detail, "/status");
    if matches!(status.as_deref(), Some("CLOSED" | "SUPPRESSED")) {
        event.state = State::Resolved;
    }
    let resources = array(detail, "/resources");
    let on = resources.first().and_then(name);
    event.title = match on {
        Some(on) => format!("{title} in {on}"),
        None => title.clone(),
    };
    event.reason = text(detail, "/description").unwrap_or_default().into();
    push(&mut event.fields, "Severity", Some(label));
    push(&mut event.fields, "Score", text(detail, "/inspectorScore"));
    push(&mut event.fields, "Status", status);
    push(
        &mut event.fields,
        "Exploit",
        text(detail, "/exploitAvailable"),
    );
    push(&mut event.fields, "Fix", text(detail, "/fixAvailable"));
    let packages = array(detail, "/packageVulnerabilityDetails/vulnerablePackages");
    let packages: Vec<String> = packages.iter().filter_map(package).collect();
    let packages = (!packages.is_empty()).then(|| packages.join("\n"));
    push_long(&mut event.fields, "Packages", packages);
    let ids: Vec<String> = resources
        .iter()
        .filter_map(|one| text(one, "/id"))
        .collect();
    push_long(
        &mut event.fields,
        "Resources",
        Some(ids.join("\n")).filter(|ids| !ids.is_empty()),
    );
    push_long(
        &mut event.fields,
        "Remedy",
        text(detail, "/remediation/recommendation/text"),
    );
    let arn = text(detail, "/findingArn");
    if let (Some(region), Some(arn)) = (event.region.as_deref(), &arn) {
        let arn = segment(arn);
        let url = console(
            region,
            &format!("inspector/v2/home?region={region}#/findings/all/{arn}"),
        );
        push_link(&mut event, "Finding", url);
    }
    let source = text(detail, "/packageVulnerabilityDetails/sourceUrl");
    push_link(
        &mut event,
        "CVE",
        source.and_then(|url| SafeUrl::parse(&url)),
    );
    event.fingerprint = arn.unwrap_or(title);
    Some(event)
}

/// The name of a resource: the repository of an image, else the end of its ARN or id.
fn name(resource: &Value) -> Option<String> {
    let id = text(resource, "/id")?;
    let Some(arn) = Arn::parse(&id) else {
        return Some(id);
    };
    let image = arn.resource.strip_prefix("repository/");
    let repository = image.map(|image| image.split("/sha256:").next().unwrap_or(image));
    Some(repository.unwrap_or_else(|| arn.name()).to_owned())
}

/// `openssl 3.0.7, fixed in 3.0.8`.
fn package(package: &Value) -> Option<String> {
    let name = text(package, "/name")?;
    let version = text(package, "/version").unwrap_or_default();
    let fixed = text(package, "/fixedInVersion").filter(|fixed| fixed != "NotAvailable");
    let fixed = fixed.map_or_else(String::new, |fixed| format!(", fixed in {fixed}"));
    Some(format!("{name} {version}{fixed}"))
}

/// Source: "Setting up an SNS topic for Amazon Inspector Classic notifications".
fn from_classic(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let template = text(json, "/template").filter(|arn| arn.starts_with("arn:aws:inspector:"))?;
    let what = text(json, "/event")?;
    let mut event = blank(notification, KIND, "aws.inspector");
    event.severity = if what.starts_with("FINDING") {
        Severity::Warning
    } else {
        Severity::Info
    };
    event.title = format!(
        "Inspector Classic: {}",
        what.replace('_', " ").to_lowercase()
    );
    event.region = region(&[Some(&template)], None).or(event.region);
    event.account = account_of(&template).or(event.account);
    let at = text(json, "/time");
    if at.is_some() {
        event.occurred_at = moment(at.as_deref());
    }
    for (label, pointer) in [
        ("Finding", "/finding"),
        ("Run", "/run"),
        ("Target", "/target"),
        ("New state", "/newstate"),
    ] {
        push_long(&mut event.fields, label, text(json, pointer));
    }
    let about = text(json, "/finding").unwrap_or(template);
    push_link(&mut event, "Console", of_arn(&about));
    event.fingerprint = about;
    Some(event)
}
