//! Describes the graph of an alarm's metric, with its threshold, as CloudWatch draws it.
//!
//! Source: "GetMetricWidgetImage: Metric Widget Structure and Syntax", Amazon CloudWatch API Reference.

use serde_json::{Map, Value, json};

use crate::json::{array, text};

/// How much of the past the graph shows.
const START: &str = "-PT3H";
const WIDTH: u32 = 600;
const HEIGHT: u32 = 300;

/// The widget for an alarm's trigger; `None` if it names no metric that can be drawn.
pub(crate) fn widget(trigger: &Value, name: &str, region: Option<&str>) -> Option<String> {
    let listed = array(trigger, "/Metrics");
    let listed = if listed.is_empty() {
        array(trigger, "/metrics")
    } else {
        listed
    };
    let metrics: Vec<Value> = if listed.is_empty() {
        vec![single(trigger)?]
    } else {
        listed.iter().filter_map(one_of_several).collect()
    };
    if metrics.is_empty() {
        return None;
    }
    let mut widget = json!({
        "title": name, "width": WIDTH, "height": HEIGHT, "view": "timeSeries",
        "start": START, "timezone": "+0000", "metrics": metrics,
    });
    let members = widget.as_object_mut()?;
    if let Some(region) = region {
        members.insert("region".to_owned(), region.into());
    }
    if let Some(threshold) = trigger.get("Threshold").and_then(Value::as_f64) {
        let line = json!({"label": "threshold", "value": threshold, "color": "#d13212"});
        members.insert("annotations".to_owned(), json!({ "horizontal": [line] }));
    }
    Some(widget.to_string())
}

/// The metric of an alarm that has only one: its name, dimensions, statistic and period.
fn single(trigger: &Value) -> Option<Value> {
    let stat = text(trigger, "/ExtendedStatistic").or_else(|| {
        let stat = text(trigger, "/Statistic")?;
        Some(statistic(&stat).to_owned())
    });
    let period = trigger.get("Period").and_then(Value::as_u64);
    named(
        text(trigger, "/Namespace")?,
        text(trigger, "/MetricName")?,
        trigger.get("Dimensions"),
        options(stat, period),
    )
}

/// A metric or an expression of an alarm with several. Only the result is drawn.
fn one_of_several(metric: &Value) -> Option<Value> {
    let either = |a: &str, b: &str| text(metric, a).or_else(|| text(metric, b));
    let visible = metric
        .get("ReturnData")
        .or_else(|| metric.get("returnData"))
        .and_then(Value::as_bool)
        .unwrap_or(true);
    let mut options = Map::new();
    if let Some(id) = either("/Id", "/id") {
        options.insert("id".to_owned(), id.into());
    }
    if let Some(label) = either("/Label", "/label") {
        options.insert("label".to_owned(), label.into());
    }
    if !visible {
        options.insert("visible".to_owned(), false.into());
    }
    if let Some(expression) = either("/Expression", "/expression") {
        options.insert("expression".to_owned(), expression.into());
        return Some(json!([options]));
    }
    let stat = either("/MetricStat/Stat", "/metricStat/stat");
    let period = metric
        .pointer("/MetricStat/Period")
        .or_else(|| metric.pointer("/metricStat/period"))
        .and_then(Value::as_u64);
    options.extend(self::options(stat, period));
    named(
        either(
            "/MetricStat/Metric/Namespace",
            "/metricStat/metric/namespace",
        )?,
        either("/MetricStat/Metric/MetricName", "/metricStat/metric/name")?,
        metric
            .pointer("/MetricStat/Metric/Dimensions")
            .or_else(|| metric.pointer("/metricStat/metric/dimensions")),
        options,
    )
}

fn named(
    namespace: String,
    name: String,
    dimensions: Option<&Value>,
    options: Map<String, Value>,
) -> Option<Value> {
    let mut metric = vec![Value::from(namespace), Value::from(name)];
    match dimensions {
        Some(Value::Array(pairs)) => {
            for pair in pairs {
                let either = |a: &str, b: &str| text(pair, a).or_else(|| text(pair, b));
                metric.push(either("/name", "/Name")?.into());
                metric.push(either("/value", "/Value")?.into());
            }
        }
        Some(Value::Object(members)) => {
            for (name, value) in members {
                metric.push(name.as_str().into());
                metric.push(value.clone());
            }
        }
        _ => {}
    }
    metric.push(Value::Object(options));
    Some(Value::Array(metric))
}

fn options(stat: Option<String>, period: Option<u64>) -> Map<String, Value> {
    let mut options = Map::new();
    if let Some(stat) = stat {
        options.insert("stat".to_owned(), stat.into());
    }
    if let Some(period) = period {
        options.insert("period".to_owned(), period.into());
    }
    options
}

/// A statistic as widgets spell it. Alarms over SNS spell it in capitals.
fn statistic(name: &str) -> &str {
    match name {
        "SUM" => "Sum",
        "AVERAGE" => "Average",
        "MAXIMUM" => "Maximum",
        "MINIMUM" => "Minimum",
        "SAMPLE_COUNT" | "SAMPLECOUNT" => "SampleCount",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(trigger: &Value) -> Option<Value> {
        let widget = widget(trigger, "a", Some("eu-west-1"))?;
        serde_json::from_str(&widget).ok()
    }

    #[test]
    fn a_metric_is_drawn_with_its_threshold() {
        let trigger = json!({
            "MetricName": "Errors", "Namespace": "AWS/Lambda", "Statistic": "SUM", "Period": 60,
            "Dimensions": [{"name": "FunctionName", "value": "orders"}], "Threshold": 5.0,
        });
        let widget = drawn(&trigger).unwrap();
        let expected = json!([["AWS/Lambda", "Errors", "FunctionName", "orders",
            {"stat": "Sum", "period": 60}]]);
        assert_eq!(widget["metrics"], expected);
        assert_eq!(widget["annotations"]["horizontal"][0]["value"], 5.0);
        assert_eq!(widget["region"], "eu-west-1");
    }

    #[test]
    fn of_metric_math_only_the_result_is_drawn() {
        let trigger = json!({"Metrics": [
            {"Id": "e1", "Expression": "m1 / 2", "Label": "half", "ReturnData": true},
            {"Id": "m1", "ReturnData": false, "MetricStat": {"Stat": "p99", "Period": 300,
                "Metric": {"Namespace": "N", "MetricName": "M", "Dimensions": []}}},
        ]});
        let expected = json!([
            [{"id": "e1", "label": "half", "expression": "m1 / 2"}],
            ["N", "M", {"id": "m1", "visible": false, "stat": "p99", "period": 300}],
        ]);
        assert_eq!(drawn(&trigger).unwrap()["metrics"], expected);
    }

    #[test]
    fn the_form_of_eventbridge_is_drawn_too() {
        let trigger = json!({"metrics": [{"id": "m1", "returnData": true, "metricStat": {
            "stat": "Average", "period": 60,
            "metric": {"namespace": "N", "name": "M", "dimensions": {"D": "d"}}}}]});
        let expected = json!([["N", "M", "D", "d", {"id": "m1", "stat": "Average", "period": 60}]]);
        assert_eq!(drawn(&trigger).unwrap()["metrics"], expected);
    }

    #[test]
    fn an_alarm_without_a_metric_has_no_graph() {
        assert_eq!(drawn(&json!({"AlarmRule": "ALARM(a)"})), None);
        assert_eq!(drawn(&Value::Null), None);
    }
}
