//! Reads what metric alarms and composite alarms have in common: from SNS, from EventBridge, or when the
//! alarm invokes the function itself.
//!
//! Source: "Alarm events and EventBridge" and "Invoke a Lambda function from an
//! alarm", Amazon CloudWatch User Guide. Members of the SNS form are capitalised, and `Trigger` holds the
//! metrics. The two other forms share `state` and `configuration`.

use serde_json::Value;

use crate::directives::Directives;
use crate::draft::blank;
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Moment, Rich, Severity, State, Transition, Watched};
use crate::json::{array, text};
use crate::link::{self, SafeUrl};
use crate::region::{account_of, region};
use crate::when::moment;

use contributor::Contributor;
use mute::Mute;

pub(crate) mod contributor;
pub(crate) mod graph;
mod logs;
pub(crate) mod metric;
mod mute;

/// An alarm's change of state, from either form.
pub(crate) struct Change<'a> {
    pub(crate) name: String,
    pub(crate) arn: Option<String>,
    description: Option<String>,
    pub(crate) state: String,
    /// The state before.
    from: Option<String>,
    reason: Option<String>,
    at: Moment,
    account: Option<String>,
    pub(crate) region: Option<String>,
    /// `Trigger` of the SNS form, or `configuration` of the other.
    pub(crate) trigger: &'a Value,
    /// The reason as data. Older SNS messages do not have it.
    pub(crate) reason_data: Value,
    /// The contributor whose state changed, if it is not the state of the whole alarm.
    contributor: Option<Contributor>,
    mute: Mute,
}

impl<'a> Change<'a> {
    /// Reads either form. `None` if the message is not an alarm.
    pub(crate) fn read(notification: &Notification, json: &'a Value) -> Option<Self> {
        let topic = notification.source_arn.as_deref();
        if json.get("AlarmName").is_some() && json.get("NewStateValue").is_some() {
            return Some(Self::read_sns(json, topic));
        }
        let direct = json.get("alarmData");
        let is_bridge = text(json, "/source").as_deref() == Some("aws.cloudwatch");
        let data = direct.or_else(|| json.get("detail").filter(|_| is_bridge))?;
        data.pointer("/state/value")?;
        if is_configuration_change(json) {
            return None;
        }
        Self::read_data(json, data, topic)
    }

    fn read_sns(json: &'a Value, topic: Option<&str>) -> Self {
        let arn = text(json, "/AlarmArn");
        Self {
            name: text(json, "/AlarmName").unwrap_or_else(|| "(no name)".to_owned()),
            description: text(json, "/AlarmDescription"),
            state: text(json, "/NewStateValue").unwrap_or_default(),
            from: text(json, "/OldStateValue"),
            reason: text(json, "/NewStateReason"),
            at: moment(text(json, "/StateChangeTime").as_deref()),
            account: text(json, "/AWSAccountId").or_else(|| account_of(arn.as_deref()?)),
            region: region(&[arn.as_deref(), topic], text(json, "/Region").as_deref()),
            trigger: json.get("Trigger").unwrap_or(&Value::Null),
            reason_data: reason_data(text(json, "/NewStateReasonData")),
            contributor: Contributor::of_sns(json),
            mute: Mute::of_sns(json),
            arn,
        }
    }

    fn read_data(json: &'a Value, data: &'a Value, topic: Option<&str>) -> Option<Self> {
        let arn = text(json, "/alarmArn").or_else(|| text(json, "/resources/0"));
        Some(Self {
            name: text(data, "/alarmName")?,
            description: text(data, "/configuration/description"),
            state: text(data, "/state/value")?,
            from: text(data, "/previousState/value"),
            reason: text(data, "/state/reason"),
            at: moment(
                text(data, "/state/timestamp")
                    .or_else(|| text(json, "/time"))
                    .as_deref(),
            ),
            account: text(json, "/accountId")
                .or_else(|| text(json, "/account"))
                .or_else(|| account_of(arn.as_deref()?)),
            region: region(&[arn.as_deref(), topic], text(json, "/region").as_deref()),
            trigger: data.get("configuration").unwrap_or(&Value::Null),
            reason_data: reason_data(text(data, "/state/reasonData")),
            contributor: Contributor::of_data(data),
            mute: Mute::of_data(data),
            arn,
        })
    }

    /// The event, without the fields that only one kind of alarm has.
    pub(crate) fn event(&self, notification: &Notification, kind: Kind) -> Event {
        let directives = Directives::read(self.description.as_deref().unwrap_or_default());
        let mut reason = Rich::default();
        // The line that names a log group is for the button.
        let lines = directives.prose.lines();
        let words: Vec<&str> = lines.filter(|line| logs::named(line).is_empty()).collect();
        if !words.is_empty() {
            reason = reason.text(words.join("\n")).text("\n");
        }
        if let Some(why) = &self.reason {
            reason = reason.text(why.as_str());
        }
        let console = self
            .region
            .as_deref()
            .and_then(|region| link::alarm(region, &self.name));
        let logs = logs::link(
            self.region.as_deref(),
            self.description.as_deref(),
            self.trigger,
            self.at.timestamp(),
        );
        let labelled = |label: &str, url: Option<SafeUrl>| {
            let label = label.to_owned();
            url.map(|url| Link { label, url })
        };
        let state = Watched::parse(&self.state);
        let alarm = self.arn.clone().unwrap_or_else(|| self.name.clone());
        let log_groups = logs::groups(self.description.as_deref(), self.trigger);
        let graph = graph::widget(self.trigger, &self.name, self.region.as_deref());
        let mut event = Event {
            kind,
            severity: directives.severity.unwrap_or(Severity::Error),
            state: match state {
                Watched::Ok | Watched::Calm | Watched::Gone => State::Resolved,
                Watched::NoData => State::NoData,
                Watched::Alarm => State::Firing,
            },
            title: self.name.clone(),
            reason,
            links: [
                labelled("Console", console),
                labelled("Runbook", directives.runbook),
                labelled("Logs", logs),
            ]
            .into_iter()
            .flatten()
            .collect(),
            account: self.account.clone(),
            region: self.region.clone(),
            occurred_at: self.at.clone(),
            graph,
            log_groups,
            fingerprint: alarm.clone(),
            transition: Some(Transition {
                alarm,
                contributor: None,
                state,
                from: self.from.as_deref().map(Watched::parse),
            }),
            ..blank(notification, kind, "aws.cloudwatch")
        };
        if let Some(contributor) = &self.contributor {
            contributor.narrow(&mut event);
        }
        self.mute.mark(&mut event);
        event
    }

    /// The newest data point as text with its unit.
    pub(crate) fn shown_value(&self) -> Option<String> {
        let value = self.value()?;
        let unit = metric::unit(self.trigger).or_else(|| text(&self.reason_data, "/unit"));
        Some(value.parse().map_or(value, |number| {
            crate::number::with_unit(number, unit.as_deref())
        }))
    }

    /// The threshold as text, or that the value left its band.
    pub(crate) fn comparison(&self) -> Option<Field> {
        metric::comparison(
            self.trigger,
            &self.reason_data,
            self.reason.as_deref().unwrap_or_default(),
        )
    }

    /// The newest data point: from the data, else from the brackets in the reason.
    fn value(&self) -> Option<String> {
        let newest = array(&self.reason_data, "/recentDatapoints")
            .iter()
            .rev()
            .find(|value| value.is_number())
            .map(Value::to_string);
        newest.or_else(|| {
            let (_, inside) = self.reason.as_deref()?.split_once('[')?;
            let value = inside.split([' ', ',', ']', '(']).next()?;
            value.parse::<f64>().is_ok().then(|| value.to_owned())
        })
    }
}

/// Whether the event says that an alarm was created, changed or deleted. Such an event has the alarm's
/// state too, but the state did not change.
pub(crate) fn is_configuration_change(json: &Value) -> bool {
    text(json, "/source").as_deref() == Some("aws.cloudwatch")
        && text(json, "/detail-type").as_deref() == Some("CloudWatch Alarm Configuration Change")
}

/// Reads the reason's data, which is JSON inside a string.
fn reason_data(text: Option<String>) -> Value {
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}
