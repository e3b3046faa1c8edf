//! `Trigger` of an alarm's message: what a metric alarm watches.

use serde_json::{Map, Value, json};

/// `Trigger`: what a metric alarm watches, with CloudWatch's spelling.
pub(crate) fn of(properties: &Value, period: f64) -> Value {
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
