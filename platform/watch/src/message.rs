//! The message that an alarm publishes when its state changes: CloudWatch's JSON.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use template::Place;

use crate::alarm::{Alarm, Body};
use crate::judge::State;
use crate::reason::{Reason, time};
use crate::region;

/// An alarm's change of state.
#[derive(Clone, Debug)]
pub struct Change {
    /// The alarm's logical id.
    pub logical_id: String,
    /// The alarm's name.
    pub name: String,
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// Why, in CloudWatch's words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// The ARNs of the actions of the new state.
    pub actions: Vec<String>,
    /// The subject of the message.
    pub subject: String,
    /// The message.
    pub message: Value,
}

/// A child in `ALARM` that a composite alarm names in its message: its ARN and since when.
pub(crate) type Triggering = (String, Timestamp);

pub(crate) fn change(
    alarm: &Alarm,
    place: &Place,
    (from, to): (State, State),
    reason: Reason,
    at: Timestamp,
    triggering: &[Triggering],
) -> Change {
    let actions = &alarm.actions;
    let now = match to {
        State::Ok => &actions.ok,
        State::Alarm => &actions.alarm,
        State::InsufficientData => &actions.insufficient_data,
    };
    let region = region::name(&place.region);
    let mut message = json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": place.account,
        "AlarmConfigurationUpdatedTimestamp": time(Timestamp::UNIX_EPOCH),
        "NewStateValue": to.to_string(),
        "NewStateReason": reason.text,
        "StateChangeTime": time(at),
        "Region": region,
        "AlarmArn": arn(place, &alarm.name),
        "OldStateValue": from.to_string(),
        "OKActions": actions.ok,
        "AlarmActions": actions.alarm,
        "InsufficientDataActions": actions.insufficient_data,
    });
    let own = match &alarm.body {
        Body::Metric(metric) => vec![
            ("Trigger", metric.trigger.clone()),
            (
                "NewStateReasonData",
                reason
                    .data
                    .map_or(Value::Null, |data| data.to_string().into()),
            ),
        ],
        Body::Composite(composite) => {
            let child = |(arn, since): &Triggering| json!({"Arn": arn, "State": {"Value": "ALARM", "Timestamp": time(*since)}});
            vec![
                ("AlarmRule", composite.text.clone().into()),
                ("TriggeringChildren", triggering.iter().map(child).collect()),
            ]
        }
    };
    if let Some(members) = message.as_object_mut() {
        members.extend(
            own.into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
    }
    Change {
        logical_id: alarm.logical_id.clone(),
        name: alarm.name.clone(),
        from,
        to,
        reason: reason.text,
        at,
        actions: if actions.enabled {
            now.clone()
        } else {
            Vec::new()
        },
        subject: format!("{to}: \"{}\" in {region}", alarm.name),
        message,
    }
}

pub(crate) fn arn(place: &Place, name: &str) -> String {
    place.arn("cloudwatch", &format!("alarm:{name}"))
}

/// `Trigger`: what a metric alarm watches, with CloudWatch's spelling.
pub(crate) fn trigger(properties: &Value, period: f64) -> Value {
    let mut trigger = Map::new();
    let mut set = |name: &str, value: Value| drop(trigger.insert(name.to_owned(), value));
    set("Period", period.into());
    for name in [
        "EvaluationPeriods",
        "DatapointsToAlarm",
        "ComparisonOperator",
        "TreatMissingData",
    ] {
        if let Some(value) = properties.get(name) {
            set(name, value.clone());
        }
    }
    let threshold = properties.get("Threshold");
    let number = threshold.and_then(|it| it.as_f64().or_else(|| it.as_str()?.parse().ok()));
    set("Threshold", number.into());
    let few = properties.get("EvaluateLowSampleCountPercentile");
    set(
        "EvaluateLowSampleCountPercentile",
        few.cloned().unwrap_or_else(|| "".into()),
    );
    if let Some(Value::Array(metrics)) = properties.get("Metrics") {
        set("Metrics", metrics.iter().map(respelled).collect());
        return Value::Object(trigger);
    }
    for name in ["MetricName", "Namespace"] {
        set(name, properties.get(name).cloned().unwrap_or_default());
    }
    if let Some(extended) = properties.get("ExtendedStatistic") {
        set("StatisticType", "ExtendedStatistic".into());
        set("ExtendedStatistic", extended.clone());
    } else {
        let statistic = properties.get("Statistic").and_then(Value::as_str);
        set("StatisticType", "Statistic".into());
        set(
            "Statistic",
            statistic.unwrap_or_default().to_uppercase().into(),
        );
    }
    set("Unit", properties.get("Unit").cloned().unwrap_or_default());
    set("Dimensions", dimensions(properties));
    Value::Object(trigger)
}

/// An entry of `Metrics`, with the dimensions' members in small letters.
fn respelled(entry: &Value) -> Value {
    let mut entry = entry.clone();
    if let Some(metric) = entry.pointer_mut("/MetricStat/Metric") {
        let dimensions = dimensions(metric);
        if let Some(members) = metric.as_object_mut() {
            members.insert("Dimensions".to_owned(), dimensions);
        }
    }
    entry
}

fn dimensions(metric: &Value) -> Value {
    let list = metric.get("Dimensions").and_then(Value::as_array);
    let list = list.map(Vec::as_slice).unwrap_or_default().iter();
    list.map(|it| json!({"value": it.get("Value"), "name": it.get("Name")}))
        .collect()
}
