//! Understands the webhook JSON of Prometheus Alertmanager, sent through SNS.

use serde_json::Value;

use crate::draft::{blank, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Rich, Severity, Span, State};
use crate::json::{array, text};
use crate::link::SafeUrl;
use crate::when::moment;

pub(super) const KIND: Kind = Kind("alertmanager");

/// The most alerts of a group that are shown. All are in `alert.txt`.
const ALERTS_MAX: usize = 8;

/// A group of alerts as an event. Source: "Webhook" in "Configuration", Prometheus Alertmanager.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    text(json, "/groupKey")?;
    let mut event = blank(notification, KIND, "alertmanager");
    fill(&mut event, json)?;
    let page = text(json, "/externalURL").and_then(|url| SafeUrl::parse(&url));
    push_link(&mut event, "Alertmanager", page);
    Some(event)
}

/// Reads the members that Grafana's and Alertmanager's form share. `None` if there is no alert.
pub(super) fn fill(event: &mut Event, json: &Value) -> Option<()> {
    let alerts = array(json, "/alerts");
    let first = alerts.first()?;
    let status = text(json, "/status")?;
    // A label or annotation of all alerts, or of the only one.
    let common = |group: &str, name: &str| {
        let of_all = text(json, &format!("/common{group}/{name}"));
        let of_one = format!("/{}/{name}", group.to_lowercase());
        of_all.or_else(|| text(first, &of_one).filter(|_| alerts.len() == 1))
    };
    event.severity = alerts
        .iter()
        .filter_map(|alert| Severity::parse(&text(alert, "/labels/severity")?))
        .max()
        .unwrap_or(Severity::Error);
    event.state = match status.as_str() {
        "resolved" => State::Resolved,
        _ => State::Firing,
    };
    let name = common("Labels", "alertname").unwrap_or_else(|| "Alert".to_owned());
    event.title = match alerts.len() {
        1 => name.clone(),
        count => format!("{name} ({count} alerts)"),
    };
    let summary = common("Annotations", "summary");
    let description =
        common("Annotations", "description").or_else(|| common("Annotations", "message"));
    let prose: Vec<String> = summary.into_iter().chain(description).collect();
    event.reason = prose.join("\n").into();
    labels(event, json, first, alerts.len());
    if 1 < alerts.len() {
        for alert in alerts.iter().take(ALERTS_MAX) {
            event.fields.push(one(alert));
        }
        event.attach_raw |= ALERTS_MAX < alerts.len();
    }
    // Those that the sender left out because of its limit, which are nowhere in the message.
    let left_out = text(json, "/truncatedAlerts").filter(|count| count != "0");
    push(&mut event.fields, "Left out", left_out);
    event.occurred_at = moment(text(first, "/startsAt").as_deref());
    for (label, url) in [
        ("Runbook", common("Annotations", "runbook_url")),
        ("Panel", text(first, "/panelURL")),
        ("Dashboard", text(first, "/dashboardURL")),
        ("Source", text(first, "/generatorURL")),
        ("Silence", text(first, "/silenceURL")),
    ] {
        push_link(event, label, url.and_then(|url| SafeUrl::parse(&url)));
    }
    let group = text(json, "/groupKey").unwrap_or(name);
    event.fingerprint = format!("{}#{group}", event.source);
    Some(())
}

/// A field for each label that all alerts have.
fn labels(event: &mut Event, json: &Value, first: &Value, alerts: usize) {
    let shared = json.get("commonLabels").and_then(Value::as_object);
    let shared = shared.filter(|labels| !labels.is_empty());
    let own = first
        .get("labels")
        .and_then(Value::as_object)
        .filter(|_| alerts == 1);
    for (name, value) in shared.or(own).into_iter().flatten() {
        if !["alertname", "severity"].contains(&name.as_str()) && !name.starts_with("__") {
            push(
                &mut event.fields,
                name,
                value
                    .as_str()
                    .map(str::to_owned)
                    .filter(|text| !text.is_empty()),
            );
        }
    }
    let values = first.get("values").and_then(Value::as_object);
    for (name, value) in values.filter(|_| alerts == 1).into_iter().flatten() {
        let value = value.as_f64().map(crate::number::short);
        push(&mut event.fields, &format!("Value of {name}"), value);
    }
}

/// One of several alerts: its labels, its state, and since when.
fn one(alert: &Value) -> Field {
    let labels = alert.get("labels").and_then(Value::as_object);
    let words: Vec<String> = labels
        .into_iter()
        .flatten()
        .filter(|(name, _)| !["alertname", "severity"].contains(&name.as_str()))
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    let name = text(alert, "/annotations/summary").unwrap_or_else(|| words.join(", "));
    let status = text(alert, "/status").unwrap_or_else(|| "unknown".to_owned());
    let since = if status == "resolved" {
        "/endsAt"
    } else {
        "/startsAt"
    };
    let mut value = Rich::from(status);
    if let Some(at) = moment(text(alert, since).as_deref()).timestamp() {
        value = value.text(" since ");
        value.0.push(Span::Time(at));
    }
    Field::long(name, value)
}
