//! Describes the metrics of an alarm: their names, threshold, expressions, dimensions and evaluation.

use serde_json::Value;

use crate::event::Field;
use crate::json::{array, text};

/// The longest part of an expression that is shown. More would not fit into a field with its id.
const EXPRESSION_CHARACTERS_MAX: usize = 900;

/// The metric of an alarm, if it has only one: `Namespace / Metric · p99 over 60 s`.
pub(crate) fn metric(trigger: &Value) -> Option<Field> {
    let direct = MetricOf {
        metric: "",
        name: "/MetricName",
        namespace: "/Namespace",
    };
    if let Some(metric) = direct.read(trigger) {
        let statistic = text(trigger, "/ExtendedStatistic").or_else(|| text(trigger, "/Statistic"));
        return Some(described(
            &metric,
            statistic,
            text(trigger, "/Period"),
            text(trigger, "/Unit"),
        ));
    }
    let only = match stats(trigger).as_slice() {
        [only] => *only,
        _ => return None,
    };
    Some(metric_stat(only))
}

fn metric_stat(metric: &Value) -> Field {
    let names = MetricOf {
        metric: "metric",
        name: "/MetricStat/Metric/MetricName",
        namespace: "/MetricStat/Metric/Namespace",
    };
    let other = MetricOf {
        metric: "metric",
        name: "/metricStat/metric/name",
        namespace: "/metricStat/metric/namespace",
    };
    let name = names
        .read(metric)
        .or_else(|| other.read(metric))
        .unwrap_or_else(|| names.metric.to_owned());
    let either = |a, b| text(metric, a).or_else(|| text(metric, b));
    described(
        &name,
        either("/MetricStat/Stat", "/metricStat/stat"),
        either("/MetricStat/Period", "/metricStat/period"),
        either("/MetricStat/Unit", "/metricStat/unit"),
    )
}

/// Where a form has a metric's names.
struct MetricOf {
    metric: &'static str,
    name: &'static str,
    namespace: &'static str,
}

impl MetricOf {
    fn read(&self, value: &Value) -> Option<String> {
        let name = text(value, self.name)?;
        Some(match text(value, self.namespace) {
            Some(namespace) => format!("{namespace} / {name}"),
            None => name,
        })
    }
}

fn described(
    metric: &str,
    statistic: Option<String>,
    period: Option<String>,
    unit: Option<String>,
) -> Field {
    let mut value = metric.to_owned();
    if let Some(statistic) = statistic {
        value.push_str(" · ");
        value.push_str(&statistic);
    }
    if let Some(period) = period {
        value = format!("{value} over {period} s");
    }
    if let Some(unit) = unit {
        value = format!("{value} ({unit})");
    }
    Field::long("Metric", value)
}

/// The threshold: `> 1`, or that the value left its band, since an anomaly alarm has no threshold.
///
/// An alarm that invokes the function has the threshold only in its reason's data, and the operator only
/// in the words of its reason. `None` if neither says it.
pub(crate) fn comparison(trigger: &Value, reason_data: &Value, reason: &str) -> Option<Field> {
    let operator = text(trigger, "/ComparisonOperator")
        .or_else(|| text(trigger, "/comparisonOperator"))
        .unwrap_or_default();
    let value = if is_band(trigger, &operator) {
        match operator.as_str() {
            "LessThanLowerThreshold" => "outside the expected band (below)".to_owned(),
            "GreaterThanUpperThreshold" => "outside the expected band (above)".to_owned(),
            _ => "outside the expected band".to_owned(),
        }
    } else {
        let threshold = text(trigger, "/Threshold")
            .or_else(|| text(trigger, "/threshold"))
            .or_else(|| text(reason_data, "/threshold"))
            .or_else(|| threshold_in(reason))?;
        let unit = unit(trigger).or_else(|| text(reason_data, "/unit"));
        let threshold = threshold.parse().map_or(threshold, |number| {
            crate::number::with_unit(number, unit.as_deref())
        });
        match symbol(&operator).or_else(|| symbol_in(reason)) {
            Some(symbol) => format!("{symbol} {threshold}"),
            None => threshold,
        }
    };
    Some(Field::short("Threshold", value))
}

fn is_band(trigger: &Value, operator: &str) -> bool {
    ["/ThresholdMetricId", "/thresholdMetricId"]
        .iter()
        .any(|pointer| text(trigger, pointer).is_some())
        || matches!(
            operator,
            "LessThanLowerOrGreaterThanUpperThreshold"
                | "LessThanLowerThreshold"
                | "GreaterThanUpperThreshold"
        )
        || metrics(trigger)
            .iter()
            .filter_map(expression)
            .any(|expression| expression.contains("ANOMALY_DETECTION_BAND"))
}

fn symbol(operator: &str) -> Option<&'static str> {
    match operator {
        "GreaterThanThreshold" => Some(">"),
        "GreaterThanOrEqualToThreshold" => Some("≥"),
        "LessThanThreshold" => Some("<"),
        "LessThanOrEqualToThreshold" => Some("≤"),
        _ => None,
    }
}

/// The operator in "… was not less than or equal to the threshold (1.0)". A reason with "not" says why
/// the alarm is OK, and names the same operator.
fn symbol_in(reason: &str) -> Option<&'static str> {
    [
        ("greater than or equal to the threshold", "≥"),
        ("less than or equal to the threshold", "≤"),
        ("greater than the threshold", ">"),
        ("less than the threshold", "<"),
    ]
    .into_iter()
    .find(|(words, _)| reason.contains(words))
    .map(|(_, symbol)| symbol)
}

/// The number in "the threshold (1.0)".
fn threshold_in(reason: &str) -> Option<String> {
    let (_, after) = reason.split_once("the threshold (")?;
    let (threshold, _) = after.split_once(')')?;
    threshold.parse::<f64>().ok()?;
    Some(threshold.to_owned())
}

/// The unit of the alarm's only metric.
pub(super) fn unit(trigger: &Value) -> Option<String> {
    text(trigger, "/Unit").or_else(|| match stats(trigger).as_slice() {
        [only] => text(only, "/MetricStat/Unit").or_else(|| text(only, "/metricStat/unit")),
        _ => None,
    })
}

/// The query of an alarm over a Metrics Insights query.
pub(crate) fn query(trigger: &Value) -> Option<String> {
    metrics(trigger)
        .iter()
        .filter_map(expression)
        .find(|expression| is_query(expression))
}

fn is_query(expression: &str) -> bool {
    let start = expression.trim_start().get(..7);
    start.is_some_and(|start| start.eq_ignore_ascii_case("SELECT "))
}

/// The list of metrics, in either spelling.
fn metrics(trigger: &Value) -> &[Value] {
    let metrics = array(trigger, "/Metrics");
    if metrics.is_empty() {
        array(trigger, "/metrics")
    } else {
        metrics
    }
}

fn expression(metric: &Value) -> Option<String> {
    text(metric, "/Expression").or_else(|| text(metric, "/expression"))
}

/// The metrics that are measured, not computed.
fn stats(trigger: &Value) -> Vec<&Value> {
    metrics(trigger)
        .iter()
        .filter(|metric| {
            metric
                .get("MetricStat")
                .or_else(|| metric.get("metricStat"))
                .is_some()
        })
        .collect()
}

/// A field for each expression, under its label, and for each metric that it uses.
pub(crate) fn expressions(trigger: &Value) -> Vec<Field> {
    let either = |metric: &Value, a, b| text(metric, a).or_else(|| text(metric, b));
    let mut fields = Vec::new();
    for metric in metrics(trigger) {
        let id = either(metric, "/Id", "/id").unwrap_or_default();
        if let Some(expression) = expression(metric) {
            if is_query(&expression) {
                continue;
            }
            let label = either(metric, "/Label", "/label").unwrap_or_else(|| id.clone());
            let expression: String = expression.chars().take(EXPRESSION_CHARACTERS_MAX).collect();
            fields.push(Field::long(label, format!("{id} = {expression}")));
        } else if 1 < stats(trigger).len() {
            let described = metric_stat(metric);
            fields.push(Field::long(id, described.value));
        }
    }
    fields
}

/// The dimensions of all metrics: `FunctionName = orders, …`.
pub(crate) fn dimensions(trigger: &Value) -> Option<String> {
    let pairs = |dimensions: &Value| -> Vec<String> {
        match dimensions {
            Value::Array(dimensions) => dimensions
                .iter()
                .filter_map(|dimension| {
                    let name = text(dimension, "/name").or_else(|| text(dimension, "/Name"))?;
                    let value = text(dimension, "/value").or_else(|| text(dimension, "/Value"));
                    Some(format!("{name} = {}", value.unwrap_or_default()))
                })
                .collect(),
            Value::Object(dimensions) => dimensions
                .iter()
                .filter_map(|(name, value)| Some(format!("{name} = {}", value.as_str()?)))
                .collect(),
            _ => Vec::new(),
        }
    };
    let mut all: Vec<String> = trigger.get("Dimensions").map(pairs).unwrap_or_default();
    for metric in stats(trigger) {
        let dimensions = metric
            .pointer("/MetricStat/Metric/Dimensions")
            .or_else(|| metric.pointer("/metricStat/metric/dimensions"));
        for pair in dimensions.map(pairs).unwrap_or_default() {
            if !all.contains(&pair) {
                all.push(pair);
            }
        }
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// `2 of 3 periods`.
pub(crate) fn evaluation(trigger: &Value) -> Option<String> {
    let periods = text(trigger, "/EvaluationPeriods")?;
    let needed = text(trigger, "/DatapointsToAlarm").unwrap_or_else(|| periods.clone());
    Some(format!("{needed} of {periods} periods"))
}
