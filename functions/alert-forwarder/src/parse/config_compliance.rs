//! Understands AWS Config: whether a resource complies with a rule.

use crate::draft::{blank, bridge, bridged, judge, push, push_link, push_long};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::text;
use crate::link::{console, segment};

pub(super) const KIND: Kind = Kind("config-compliance");

/// A change of compliance as an event, from EventBridge or from the topic of Config itself. Both have the same
/// members. Source: "Example Compliance Change Notification" and "Monitoring AWS Config with Amazon
/// EventBridge".
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let of_bridge = bridge(notification, "aws.config", "Config Rules Compliance Change");
    let detail = match of_bridge {
        Some(json) => json.get("detail")?,
        None if text(json, "/messageType")? == "ComplianceChangeNotification" => json,
        None => return None,
    };
    let rule = text(detail, "/configRuleName")?;
    let resource = text(detail, "/resourceId")?;
    let compliance = text(detail, "/newEvaluationResult/complianceType")?;

    let mut event = match of_bridge {
        Some(json) => bridged(notification, KIND, json),
        None => blank(notification, KIND, "aws.config"),
    };
    judge(&mut event, &compliance);
    let words = compliance.replace('_', " ").to_lowercase();
    event.title = format!("{resource} is {words}: {rule}");
    event.reason = text(detail, "/newEvaluationResult/annotation")
        .unwrap_or_default()
        .into();
    push(&mut event.fields, "Rule", Some(rule.clone()));
    push_long(&mut event.fields, "Resource", Some(resource.clone()));
    push(&mut event.fields, "Type", text(detail, "/resourceType"));
    let before = text(detail, "/oldEvaluationResult/complianceType");
    push(&mut event.fields, "Before", before);
    event.account = text(detail, "/awsAccountId").or(event.account);
    event.region = text(detail, "/awsRegion").or(event.region);
    if let Some(region) = event.region.as_deref() {
        let name = segment(&rule);
        let path = format!("config/home?region={region}#/rules/details?configRuleName={name}");
        let url = console(region, &path);
        push_link(&mut event, "Rule", url);
    }
    event.fingerprint = format!("config#{rule}#{resource}");
    Some(event)
}
