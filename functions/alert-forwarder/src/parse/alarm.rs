//! Owns metric alarms: over SNS, through EventBridge, and those that invoke the function themselves.
//!
//! Source: "Alarm events and EventBridge" and "Invoke a Lambda function from an
//! alarm", Amazon CloudWatch User Guide. The SNS form is capitalised and has a
//! `Trigger`; the two others share `state` and `configuration`.

use serde_json::Value;

use super::json::{account_of, array, blank, push, text};
use crate::envelope::Notification;
use crate::event::{Event, Field, Kind, Link, Moment, Rich, Severity, State};
use crate::link::{self, SafeUrl};
use crate::region::region;
use crate::when::moment;

/// More dimensions than a metric can have are not shown as one line.
const EXPRESSION_CHARACTERS_MAX: usize = 900;

/// A metric alarm's change of state as an event.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let change = Change::read(notification, json)?;
    let mut event = change.event(notification, Kind::MetricAlarm);
    let trigger = change.trigger;

    let compared = comparison(trigger, &change.reason_data);
    for field in [metric_field(trigger), Some(compared)]
        .into_iter()
        .flatten()
    {
        event.fields.push(field);
    }
    if let Some(value) = change.value() {
        event.fields.push(Field::short("Value", value));
    }
    event.fields.extend(math_fields(trigger));
    push(&mut event.fields, "Dimensions", dimensions(trigger));
    push(&mut event.fields, "Evaluation", evaluation(trigger));
    Some(event)
}

/// What both forms say of an alarm, metric or composite.
pub(super) struct Change<'a> {
    pub(super) name: String,
    pub(super) arn: Option<String>,
    description: Option<String>,
    pub(super) state: String,
    reason: Option<String>,
    at: Moment,
    account: Option<String>,
    pub(super) region: Option<String>,
    /// `Trigger`, or `configuration`, which holds the metrics of the other form.
    pub(super) trigger: &'a Value,
    /// The reason as data, which the other form and newer SNS messages bring.
    pub(super) reason_data: Value,
}

impl<'a> Change<'a> {
    /// Reads either form; `None` if it is no alarm at all.
    pub(super) fn read(notification: &Notification, json: &'a Value) -> Option<Self> {
        let topic = notification.source_arn.as_deref();
        if json.get("AlarmName").is_some() && json.get("NewStateValue").is_some() {
            return Some(Self::read_sns(json, topic));
        }
        let direct = json.get("alarmData");
        let is_bridge = text(json, "/source").as_deref() == Some("aws.cloudwatch");
        let data = direct.or_else(|| json.get("detail").filter(|_| is_bridge))?;
        data.pointer("/state/value")?;
        Self::read_data(json, data, topic)
    }

    fn read_sns(json: &'a Value, topic: Option<&str>) -> Self {
        let arn = text(json, "/AlarmArn");
        Self {
            name: text(json, "/AlarmName").unwrap_or_else(|| "(no name)".to_owned()),
            description: text(json, "/AlarmDescription"),
            state: text(json, "/NewStateValue").unwrap_or_default(),
            reason: text(json, "/NewStateReason"),
            at: moment(text(json, "/StateChangeTime").as_deref()),
            account: text(json, "/AWSAccountId").or_else(|| account_of(arn.as_deref()?)),
            region: region(&[arn.as_deref(), topic], text(json, "/Region").as_deref()),
            trigger: json.get("Trigger").unwrap_or(&Value::Null),
            reason_data: reason_data(text(json, "/NewStateReasonData")),
            arn,
        }
    }

    fn read_data(json: &'a Value, data: &'a Value, topic: Option<&str>) -> Option<Self> {
        let arn = text(json, "/alarmArn").or_else(|| text(json, "/resources/0"));
        Some(Self {
            name: text(data, "/alarmName")?,
            description: text(data, "/configuration/description"),
            state: text(data, "/state/value")?,
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
            arn,
        })
    }

    /// The event without the fields that only one kind of alarm has.
    pub(super) fn event(&self, notification: &Notification, kind: Kind) -> Event {
        let directives = Directives::read(self.description.as_deref().unwrap_or_default());
        let mut reason = Rich::default();
        if !directives.prose.is_empty() {
            reason = reason.text(directives.prose).text("\n");
        }
        if let Some(why) = &self.reason {
            reason = reason.text(why.as_str());
        }
        let console = self
            .region
            .as_deref()
            .and_then(|region| link::alarm(region, &self.name));
        let labelled = |label: &str, url: Option<SafeUrl>| {
            let label = label.to_owned();
            url.map(|url| Link { label, url })
        };
        Event {
            kind,
            severity: directives.severity.unwrap_or(Severity::Error),
            state: match self.state.as_str() {
                "OK" => State::Resolved,
                "INSUFFICIENT_DATA" => State::NoData,
                // A state we do not know is no reason to be calm.
                _ => State::Firing,
            },
            title: self.name.clone(),
            reason,
            links: [
                labelled("Console", console),
                labelled("Runbook", directives.runbook),
            ]
            .into_iter()
            .flatten()
            .collect(),
            account: self.account.clone(),
            region: self.region.clone(),
            occurred_at: self.at.clone(),
            fingerprint: self.arn.clone().unwrap_or_else(|| self.name.clone()),
            ..blank(notification, kind, "aws.cloudwatch")
        }
    }

    /// The newest datapoint: from the data, else out of the reason's brackets.
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

/// The reason's data is JSON inside a JSON text.
fn reason_data(text: Option<String>) -> Value {
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// What a description says to us, apart from what it says to people.
#[derive(Debug, Default, Eq, PartialEq)]
struct Directives {
    severity: Option<Severity>,
    runbook: Option<SafeUrl>,
    prose: String,
}

impl Directives {
    /// Reads `severity: critical` and `runbook: https://…`, wherever they stand;
    /// one that means nothing to us stays in the prose.
    fn read(description: &str) -> Self {
        let mut read = Self::default();
        let mut lines = Vec::new();
        for line in description.lines() {
            let mut kept = Vec::new();
            let mut words = line.split_whitespace().peekable();
            while let Some(word) = words.next() {
                let (name, glued) = word.split_once(':').unwrap_or((word, ""));
                let value = match (word.contains(':'), glued) {
                    (true, "") => words.peek().copied().unwrap_or_default(),
                    (true, glued) => glued,
                    (false, _) => "",
                };
                if read.take(name, value) {
                    if glued.is_empty() {
                        words.next();
                    }
                } else {
                    kept.push(word);
                }
            }
            if !kept.is_empty() {
                lines.push(kept.join(" "));
            }
        }
        read.prose = lines.join("\n");
        read
    }

    fn take(&mut self, name: &str, value: &str) -> bool {
        if name.eq_ignore_ascii_case("severity") {
            let severity = Severity::parse(value.trim_end_matches(['.', ',', ';']));
            self.severity = self.severity.or(severity);
            return severity.is_some();
        }
        if name.eq_ignore_ascii_case("runbook") {
            let runbook = SafeUrl::parse(value.trim_end_matches(['.', ',', ';']));
            let understood = runbook.is_some();
            self.runbook = self.runbook.take().or(runbook);
            return understood;
        }
        false
    }
}

/// `Namespace / Metric · p99 over 60 s`.
fn metric_field(trigger: &Value) -> Option<Field> {
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

/// Where one form keeps a metric's names.
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
        value.push_str(&format!(" over {period} s"));
    }
    if let Some(unit) = unit {
        value.push_str(&format!(" ({unit})"));
    }
    Field::long("Metric", value)
}

/// `> 1`, or that the value left its band: an anomaly alarm has no threshold.
/// An alarm that invokes the function says it only in its reason's data.
fn comparison(trigger: &Value, reason_data: &Value) -> Field {
    let operator = text(trigger, "/ComparisonOperator").unwrap_or_default();
    let band = text(trigger, "/ThresholdMetricId").is_some()
        || matches!(
            operator.as_str(),
            "LessThanLowerOrGreaterThanUpperThreshold"
                | "LessThanLowerThreshold"
                | "GreaterThanUpperThreshold"
        )
        || metrics(trigger)
            .iter()
            .filter_map(|metric| expression(metric))
            .any(|expression| expression.contains("ANOMALY_DETECTION_BAND"));
    let threshold = text(trigger, "/Threshold").or_else(|| text(reason_data, "/threshold"));
    let value = match threshold {
        Some(threshold) if !band => match symbol(&operator) {
            Some(symbol) => format!("{symbol} {threshold}"),
            None if operator.is_empty() => threshold,
            None => format!("{operator} {threshold}"),
        },
        _ if band => match operator.as_str() {
            "LessThanLowerThreshold" => "outside the expected band (below)".to_owned(),
            "GreaterThanUpperThreshold" => "outside the expected band (above)".to_owned(),
            _ => "outside the expected band".to_owned(),
        },
        // Neither the configuration nor the data of the other form need say it.
        _ => "see the reason".to_owned(),
    };
    Field::short("Threshold", value)
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

/// Both spellings of the list of metrics.
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

/// The metrics of the list that are measured, not computed.
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

/// Each expression with its label, and the metrics it is made of.
fn math_fields(trigger: &Value) -> Vec<Field> {
    let either = |metric: &Value, a, b| text(metric, a).or_else(|| text(metric, b));
    let mut fields = Vec::new();
    for metric in metrics(trigger) {
        let id = either(metric, "/Id", "/id").unwrap_or_default();
        if let Some(expression) = expression(metric) {
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

/// `FunctionName = orders, …`, of the one metric that is shown.
fn dimensions(trigger: &Value) -> Option<String> {
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
fn evaluation(trigger: &Value) -> Option<String> {
    let periods = text(trigger, "/EvaluationPeriods")?;
    let needed = text(trigger, "/DatapointsToAlarm").unwrap_or_else(|| periods.clone());
    Some(format!("{needed} of {periods} periods"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_gives_severity_and_runbook_and_keeps_its_words() {
        let read = Directives::read(
            "Orders fail. severity: CRITICAL\nrunbook: https://wiki.example/orders#5xx. Call: 112",
        );
        assert_eq!(read.severity, Some(Severity::Critical));
        assert_eq!(
            read.runbook.unwrap().as_str(),
            "https://wiki.example/orders#5xx"
        );
        assert_eq!(read.prose, "Orders fail.\nCall: 112");
    }

    #[test]
    fn case_33_a_directive_that_means_nothing_stays_visible() {
        let read = Directives::read("severity: dreadful runbook: javascript:alert(1)");
        assert_eq!(
            read,
            Directives {
                prose: "severity: dreadful runbook: javascript:alert(1)".to_owned(),
                ..Directives::default()
            }
        );
    }
}
