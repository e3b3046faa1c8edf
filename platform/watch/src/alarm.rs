//! Reads alarms from an evaluated template.

use std::collections::BTreeMap;

use serde_json::Value;
use template::Resource;

use crate::composite::{self, Composite};
use crate::judge::Missing;
use crate::math::{self, Expression};
use crate::metric::Metric;
use crate::statistic::Statistic;

/// An alarm of the template.
#[derive(Clone, Debug)]
pub struct Alarm {
    /// Its logical id.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its description, with its severity and runbook.
    pub description: Option<String>,
    /// The topics that hear of its changes.
    pub actions: Actions,
    /// What it watches.
    pub body: Body,
    /// Its properties in the template.
    pub(crate) properties: Value,
}

/// The ARNs of the actions for each state.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Actions {
    /// In `ALARM`.
    pub alarm: Vec<String>,
    /// In `OK`.
    pub ok: Vec<String>,
    /// In `INSUFFICIENT_DATA`.
    pub insufficient_data: Vec<String>,
    /// `ActionsEnabled`.
    pub enabled: bool,
}

/// What an alarm watches.
#[derive(Clone, Debug)]
pub enum Body {
    /// Metrics.
    Metric(MetricAlarm),
    /// Other alarms.
    Composite(Composite),
}

/// An alarm on a metric, or on metric math.
#[derive(Clone, Debug)]
pub struct MetricAlarm {
    /// The metrics, each with its id.
    pub metrics: Vec<Query>,
    /// The expressions, each with its id, in an order in which each knows those that it uses.
    pub(crate) expressions: Vec<(String, Expression)>,
    /// The id of the metric or expression that is compared with the threshold.
    pub(crate) returned: String,
    /// Minutes of a period.
    pub(crate) period_minutes: i64,
    /// N of "M out of N".
    pub(crate) periods: usize,
    /// M of "M out of N".
    pub(crate) to_alarm: usize,
    pub(crate) comparison: Comparison,
    pub(crate) threshold: f64,
    pub(crate) missing: Missing,
    /// Whether a percentile of few values leaves the state as it is.
    pub(crate) few_samples_ignored: bool,
    /// `Trigger` of its messages.
    pub(crate) trigger: Value,
}

/// A metric and its statistic.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its id in expressions.
    pub id: String,
    /// The metric.
    pub metric: Metric,
    /// The statistic.
    pub statistic: Statistic,
}

/// How a value is compared with the threshold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comparison {
    AtLeast,
    Greater,
    AtMost,
    Less,
}

impl Comparison {
    pub(crate) fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::AtLeast => threshold <= value,
            Self::Greater => threshold < value,
            Self::AtMost => value <= threshold,
            Self::Less => value < threshold,
        }
    }

    /// In the words of an alarm's reason.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::AtLeast => "greater than or equal to",
            Self::Greater => "greater than",
            Self::AtMost => "less than or equal to",
            Self::Less => "less than",
        }
    }
}

/// The types of resources that are alarms.
pub(crate) const METRIC_ALARM: &str = "AWS::CloudWatch::Alarm";
pub(crate) const COMPOSITE_ALARM: &str = "AWS::CloudWatch::CompositeAlarm";

pub(crate) fn read(logical: &str, resource: &Resource, stack: &str) -> Result<Alarm, String> {
    let properties = &resource.properties;
    let actions = |name| {
        let list = properties.get(name).and_then(Value::as_array);
        let list = list.map(Vec::as_slice).unwrap_or_default();
        let texts = list.iter().filter_map(Value::as_str);
        texts.map(str::to_owned).collect::<Vec<String>>()
    };
    let name = text(properties, "AlarmName").or_else(|| resource.reference.clone());
    Ok(Alarm {
        logical_id: logical.to_owned(),
        name: name.unwrap_or_else(|| format!("{stack}-{logical}")),
        properties: properties.clone(),
        description: text(properties, "AlarmDescription"),
        actions: Actions {
            alarm: actions("AlarmActions"),
            ok: actions("OKActions"),
            insufficient_data: actions("InsufficientDataActions"),
            enabled: properties.get("ActionsEnabled") != Some(&Value::Bool(false)),
        },
        body: if resource.kind == COMPOSITE_ALARM {
            Body::Composite(composite::read(properties)?)
        } else {
            Body::Metric(metric_alarm(properties)?)
        },
    })
}

fn metric_alarm(properties: &Value) -> Result<MetricAlarm, String> {
    let mut queries = Vec::new();
    let mut expressions = Vec::new();
    let mut period = number(properties, "Period")?;
    let mut returned = None;
    let data = properties.get("Metrics").and_then(Value::as_array);
    if let Some(data) = data {
        for part in data {
            let id = text(part, "Id").ok_or("an entry of Metrics has no Id")?;
            if part.get("ReturnData") != Some(&Value::Bool(false)) && returned.is_none() {
                returned = Some(id.clone());
            }
            if let Some(written) = text(part, "Expression") {
                let parsed = math::parse(&written).map_err(|error| format!("`{id}`: {error}"))?;
                period = period.or(number(part, "Period")?);
                expressions.push((id, parsed));
            } else if let Some(stat) = part.get("MetricStat") {
                let own = number(stat, "Period")?;
                if period.is_some() && own != period {
                    return Err(format!(
                        "`{id}` has another Period than the metrics before it"
                    ));
                }
                period = own;
                let metric = stat.get("Metric").ok_or(format!("`{id}` has no Metric"))?;
                let statistic = text(stat, "Stat").ok_or(format!("`{id}` has no Stat"))?;
                queries.push(query(id, metric, &statistic)?);
            }
        }
    } else {
        let statistic = text(properties, "Statistic")
            .or_else(|| text(properties, "ExtendedStatistic"))
            .ok_or("it has no Statistic and no ExtendedStatistic")?;
        let id = "m".to_owned();
        returned = Some(id.clone());
        queries.push(query(id, properties, &statistic)?);
    }
    let period = period.ok_or("it has no Period")?;
    let periods = number(properties, "EvaluationPeriods")?.ok_or("it has no EvaluationPeriods")?;
    let to_alarm = number(properties, "DatapointsToAlarm")?.unwrap_or(periods);
    if period < 60.0 || period % 60.0 != 0.0 {
        return Err("its Period must be a multiple of 60: use 60 or more".to_owned());
    }
    if periods < 1.0 || to_alarm < 1.0 || periods < to_alarm {
        return Err("DatapointsToAlarm must be from 1 to EvaluationPeriods".to_owned());
    }
    let of_dynamodb = queries
        .iter()
        .any(|it| it.metric.namespace == "AWS/DynamoDB");
    Ok(MetricAlarm {
        expressions: in_order(expressions)?,
        returned: returned.ok_or("no entry of Metrics returns data")?,
        period_minutes: whole(period / 60.0),
        periods: usize::try_from(whole(periods)).unwrap_or(usize::MAX),
        to_alarm: usize::try_from(whole(to_alarm)).unwrap_or(usize::MAX),
        comparison: comparison(properties)?,
        threshold: number(properties, "Threshold")?.ok_or("it has no Threshold")?,
        // Alarms on metrics of DynamoDB ignore missing data, whatever they say.
        missing: if of_dynamodb {
            Missing::Ignore
        } else {
            missing(properties)?
        },
        few_samples_ignored: text(properties, "EvaluateLowSampleCountPercentile").as_deref()
            == Some("ignore"),
        trigger: crate::trigger::of(properties, period),
        metrics: queries,
    })
}

fn query(id: String, metric: &Value, statistic: &str) -> Result<Query, String> {
    let part = |name| text(metric, name).ok_or(format!("`{id}` has no {name}"));
    let list = metric.get("Dimensions").and_then(Value::as_array);
    let dimensions = list.map(Vec::as_slice).unwrap_or_default().iter();
    let dimensions: BTreeMap<String, String> = dimensions
        .filter_map(|it| Some((text(it, "Name")?, text(it, "Value")?)))
        .collect();
    Ok(Query {
        statistic: Statistic::parse(statistic)?,
        metric: Metric {
            namespace: part("Namespace")?,
            name: part("MetricName")?,
            dimensions,
        },
        id,
    })
}

/// Orders expressions so that each comes after those that it uses.
pub(crate) fn in_order(
    mut waiting: Vec<(String, Expression)>,
) -> Result<Vec<(String, Expression)>, String> {
    let mut ordered: Vec<(String, Expression)> = Vec::new();
    while !waiting.is_empty() {
        let unknown: Vec<String> = waiting.iter().map(|(id, _)| id.clone()).collect();
        let ready = waiting
            .iter()
            .position(|(_, expression)| !unknown.iter().any(|id| uses(expression, id)));
        let ready = ready.ok_or(format!(
            "the expressions {} use each other",
            unknown.join(", ")
        ))?;
        ordered.push(waiting.remove(ready));
    }
    Ok(ordered)
}

fn uses(expression: &Expression, id: &str) -> bool {
    match expression {
        Expression::Number(_) | Expression::Text(_) => false,
        Expression::Id(own) => own == id,
        Expression::List(parts) | Expression::Call(_, parts) => {
            parts.iter().any(|part| uses(part, id))
        }
        Expression::Negated(inner) => uses(inner, id),
        Expression::Binary(left, _, right) => uses(left, id) || uses(right, id),
    }
}

fn comparison(properties: &Value) -> Result<Comparison, String> {
    let operator = text(properties, "ComparisonOperator").unwrap_or_default();
    Ok(match operator.as_str() {
        "GreaterThanOrEqualToThreshold" => Comparison::AtLeast,
        "GreaterThanThreshold" => Comparison::Greater,
        "LessThanOrEqualToThreshold" => Comparison::AtMost,
        "LessThanThreshold" => Comparison::Less,
        other => {
            return Err(format!(
                "the ComparisonOperator `{other}` is not evaluated here"
            ));
        }
    })
}

fn missing(properties: &Value) -> Result<Missing, String> {
    Ok(match text(properties, "TreatMissingData").as_deref() {
        None | Some("missing") => Missing::Missing,
        Some("ignore") => Missing::Ignore,
        Some("breaching") => Missing::Breaching,
        Some("notBreaching") => Missing::NotBreaching,
        Some(other) => {
            return Err(format!(
                "TreatMissingData is `{other}`: use breaching, notBreaching, ignore or missing"
            ));
        }
    })
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// A number. Templates write fractions in a form that the reader takes for a text.
fn number(value: &Value, name: &str) -> Result<Option<f64>, String> {
    let number = match value.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_f64(),
    };
    let number = number.filter(|number: &f64| number.is_finite());
    number.map(Some).ok_or(format!("{name} is not a number"))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the conversion from a float saturates, and the numbers are small"
)]
fn whole(number: f64) -> i64 {
    number as i64
}
