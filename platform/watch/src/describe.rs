//! Describes an alarm as `DescribeAlarms` does.
//!
//! The API names most members as CloudFormation names the properties. Source: "MetricAlarm" and
//! "CompositeAlarm", Amazon CloudWatch API Reference.

use serde_json::{Map, Value, json};
use template::Place;

use crate::alarm::{Alarm, Body};
use crate::judge::State;
use crate::message::arn;

/// The properties that are members of the API too, with the same name and type.
const SAME: [&str; 14] = [
    "AlarmRule",
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluateLowSampleCountPercentile",
    "EvaluationPeriods",
    "ExtendedStatistic",
    "MetricName",
    "Metrics",
    "Namespace",
    "Period",
    "Statistic",
    "TreatMissingData",
    "Unit",
];

/// An alarm as `DescribeAlarms` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// Whether it is listed among `CompositeAlarms`.
    pub is_composite: bool,
    /// Its members.
    pub members: Value,
}

pub(crate) fn members(alarm: &Alarm, place: &Place, state: State, reason: &str) -> Value {
    let mut members = Map::new();
    for name in SAME {
        if let Some(value) = alarm.properties.get(name) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    let Value::Object(own) = json!({
        "AlarmName": alarm.name,
        "AlarmArn": arn(place, &alarm.name),
        "AlarmDescription": alarm.description,
        "ActionsEnabled": alarm.actions.enabled,
        "AlarmActions": alarm.actions.alarm,
        "OKActions": alarm.actions.ok,
        "InsufficientDataActions": alarm.actions.insufficient_data,
        "StateValue": state.to_string(),
        "StateReason": reason,
    }) else {
        return Value::Null;
    };
    members.extend(own.into_iter().filter(|(_, value)| !value.is_null()));
    if let Body::Metric(metric) = &alarm.body {
        members.insert("Threshold".to_owned(), metric.threshold.into());
    }
    Value::Object(members)
}
