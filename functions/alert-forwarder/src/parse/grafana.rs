//! Understands the webhook JSON of Grafana Alerting, sent through SNS.

use super::alertmanager;
use crate::draft::{blank, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind};
use crate::json::text;
use crate::link::SafeUrl;

pub(super) const KIND: Kind = Kind("grafana");

/// A group of alerts as an event. Source: "Configure webhook notifications", Grafana Alerting. The form is
/// that of Alertmanager with members of Grafana's own.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    text(json, "/orgId")?;
    let mut event = blank(notification, KIND, "grafana");
    alertmanager::fill(&mut event, json)?;
    let page = text(json, "/externalURL").and_then(|url| SafeUrl::parse(&url));
    push_link(&mut event, "Grafana", page);
    Some(event)
}
