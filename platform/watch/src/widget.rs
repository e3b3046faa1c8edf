//! Reads the description of a graph, and calculates its lines from the metrics.
//!
//! Source: "GetMetricWidgetImage: Metric Widget Structure and Syntax", Amazon CloudWatch API Reference.

use jiff::SignedDuration;
use serde_json::Value;

use crate::alarm::{Query, in_order};
use crate::math::{self, Expression};
use crate::metric::Metric;
use crate::series::{self, Range};
use crate::statistic::Statistic;
use crate::store::Store;

/// CloudWatch's own limits and defaults.
const METRICS_MAX: usize = 100;
const PIXELS_MAX: u64 = 2_000;
const WIDTH_DEFAULT: u64 = 600;
const HEIGHT_DEFAULT: u64 = 400;
const PERIOD_SECONDS_DEFAULT: i64 = 300;
const START_DEFAULT: &str = "-PT3H";
/// The longest time that a graph shows.
const MINUTES_MAX: i64 = 10 * 24 * 60;
/// A graph is not cut to fewer periods than these, even if the metrics began later.
const PERIODS_MIN: i64 = 30;

/// What a graph shows.
#[derive(Clone, Debug)]
pub struct Widget {
    /// Its title.
    pub title: String,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Horizontal lines, such as an alarm's threshold.
    pub marks: Vec<Mark>,
    queries: Vec<Query>,
    expressions: Vec<(String, Expression)>,
    /// The ids and labels of what is drawn.
    shown: Vec<(String, String)>,
    minutes: i64,
    period_minutes: i64,
}

/// A horizontal line.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its label.
    pub label: String,
    /// Its height.
    pub value: f64,
}

/// The lines of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The minute in which the first period begins.
    pub begin: i64,
    /// The minute in which the last period ends.
    pub end: i64,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub label: String,
    /// A value for each period, the oldest first; `None` where data is missing.
    pub values: Vec<Option<f64>>,
}

impl Widget {
    /// Reads a description.
    ///
    /// # Errors
    /// Says which part cannot be drawn here.
    pub fn read(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let start = json.get("start").and_then(Value::as_str);
        let start = start.unwrap_or(START_DEFAULT);
        let minutes = start.parse::<SignedDuration>().ok();
        let minutes = minutes.map(|it| -it.as_mins());
        let minutes = minutes.filter(|minutes| (1..=MINUTES_MAX).contains(minutes));
        let minutes = minutes.ok_or(format!(
            "the start `{start}` is not drawn here: use one such as -PT3H"
        ))?;
        if json.get("end").is_some() {
            return Err("an end is not drawn here: a graph ends now".to_owned());
        }
        let pixels = |name: &str, default| {
            let pixels = json.get(name).and_then(Value::as_u64).unwrap_or(default);
            let valid = u32::try_from(pixels).ok().filter(|_| pixels <= PIXELS_MAX);
            valid
                .filter(|it| 0 < *it)
                .ok_or(format!("the {name} must be from 1 to {PIXELS_MAX}"))
        };
        let mut reading = Reading {
            period_seconds: None,
            queries: Vec::new(),
            expressions: Vec::new(),
            shown: Vec::new(),
        };
        let metrics = json.get("metrics").and_then(Value::as_array);
        let metrics = metrics.map(Vec::as_slice).unwrap_or_default();
        if metrics.is_empty() || METRICS_MAX < metrics.len() {
            return Err(format!("metrics must have 1 to {METRICS_MAX} entries"));
        }
        for (index, entry) in metrics.iter().enumerate() {
            reading.entry(index, entry, json.get("period"))?;
        }
        let period = reading.period_seconds.unwrap_or(PERIOD_SECONDS_DEFAULT);
        if period < 60 || period % 60 != 0 {
            return Err(format!(
                "a period of {period} s is not drawn here: use a multiple of 60"
            ));
        }
        // In an order in which each knows those that it uses.
        let expressions = in_order(reading.expressions)?;
        series::trial(&reading.queries, &expressions)?;
        Ok(Self {
            title: text_of(&json, "title").unwrap_or_default(),
            width: pixels("width", WIDTH_DEFAULT)?,
            height: pixels("height", HEIGHT_DEFAULT)?,
            marks: marks(&json),
            queries: reading.queries,
            expressions,
            shown: reading.shown,
            minutes,
            period_minutes: period / 60,
        })
    }

    /// Calculates the lines up to a minute. Where all metrics began later than the graph would, it
    /// begins with them: a machine that has just started has no past to show.
    pub fn draw(&self, store: &Store, end: i64) -> Drawing {
        let period = self.period_minutes;
        let past = store.first_minute().map_or(0, |first| end - first);
        let periods = (past + period - 1).div_euclid(period).max(PERIODS_MIN);
        let periods = periods.min((self.minutes + period - 1).div_euclid(period));
        let range = Range {
            end,
            period_minutes: period,
            periods: usize::try_from(periods).unwrap_or_default(),
        };
        let mut known = series::of(&self.queries, &self.expressions, store, range);
        let line = |(id, label): &(String, String)| {
            Some(Line {
                label: label.clone(),
                values: known.remove(id)?,
            })
        };
        Drawing {
            begin: range.begin(0),
            end,
            lines: self.shown.iter().filter_map(line).collect(),
        }
    }
}

/// The metrics and expressions while they are read.
struct Reading {
    period_seconds: Option<i64>,
    queries: Vec<Query>,
    expressions: Vec<(String, Expression)>,
    shown: Vec<(String, String)>,
}

impl Reading {
    /// Reads `[namespace, name, dimension, value, …, {options}]` or `[{options with an expression}]`.
    fn entry(
        &mut self,
        index: usize,
        entry: &Value,
        default: Option<&Value>,
    ) -> Result<(), String> {
        let parts = entry
            .as_array()
            .ok_or("an entry of metrics is not a list")?;
        let (options, names) = match parts.split_last() {
            Some((options, names)) if options.is_object() => (options, names),
            _ => (&Value::Null, parts.as_slice()),
        };
        let id = text_of(options, "id").unwrap_or_else(|| format!("entry{index}"));
        let label = if let Some(written) = text_of(options, "expression") {
            let parsed = math::parse(&written).map_err(|error| format!("`{id}`: {error}"))?;
            self.expressions.push((id.clone(), parsed));
            id.clone()
        } else {
            let (metric, statistic) = (metric(names)?, text_of(options, "stat"));
            let statistic = statistic.unwrap_or_else(|| "Average".to_owned());
            let label = format!("{} ({statistic})", metric.name);
            self.queries.push(Query {
                id: id.clone(),
                statistic: Statistic::parse(&statistic)?,
                metric,
            });
            label
        };
        let period = options.get("period").or(default).and_then(Value::as_i64);
        if self.period_seconds.is_some() && period.is_some() && period != self.period_seconds {
            return Err(format!(
                "`{id}` has another period than the metrics before it"
            ));
        }
        self.period_seconds = self.period_seconds.or(period);
        if options.get("visible") != Some(&Value::Bool(false)) {
            self.shown
                .push((id, text_of(options, "label").unwrap_or(label)));
        }
        Ok(())
    }
}

fn metric(names: &[Value]) -> Result<Metric, String> {
    let texts: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
    let texts = texts.ok_or("a metric's names are not texts")?;
    if texts.contains(&".") || texts.contains(&"...") {
        return Err("a metric that repeats names with `.` is not drawn here".to_owned());
    }
    let [namespace, name, dimensions @ ..] = texts.as_slice() else {
        return Err("a metric has no namespace and name".to_owned());
    };
    let pairs = dimensions.chunks(2).map(|pair| match pair {
        [name, value] => Ok((*name, *value)),
        _ => Err(format!("a dimension of {name} has no value")),
    });
    let pairs = pairs.collect::<Result<Vec<(&str, &str)>, String>>()?;
    Ok(Metric::new(namespace, name, &pairs))
}

fn marks(json: &Value) -> Vec<Mark> {
    let list = json
        .pointer("/annotations/horizontal")
        .and_then(Value::as_array);
    let list = list.map(Vec::as_slice).unwrap_or_default().iter();
    let mark = |it: &Value| {
        Some(Mark {
            label: text_of(it, "label").unwrap_or_default(),
            value: it.get("value")?.as_f64()?,
        })
    };
    list.filter_map(mark).collect()
}

fn text_of(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn store(values: &[(i64, f64)]) -> Store {
        let metric = Metric::new("N", "m", &[("D", "d")]);
        let mut store = Store::default();
        for (minute, value) in values {
            store.record(&metric, *minute, *value);
        }
        store
    }

    fn widget(change: impl Fn(&mut Value)) -> Result<Widget, String> {
        let mut json = json!({
            "title": "t", "start": "-PT3H",
            "metrics": [
                [{"id": "e", "label": "double", "expression": "m * 2"}],
                ["N", "m", "D", "d", {"id": "m", "visible": false, "stat": "Sum", "period": 60}],
            ],
            "annotations": {"horizontal": [{"label": "threshold", "value": 3}]},
        });
        change(&mut json);
        Widget::read(&json.to_string())
    }

    #[test]
    fn an_expression_is_drawn_over_a_metric_that_is_not() {
        let drawn = widget(|_| {})
            .unwrap()
            .draw(&store(&[(0, 1.0), (999, 2.0)]), 1_000);
        let [line] = drawn.lines.as_slice() else {
            panic!("{drawn:?}")
        };
        assert_eq!((line.label.as_str(), line.values.len()), ("double", 180));
        assert_eq!(line.values.last(), Some(&Some(4.0)));
        assert_eq!(line.values.first(), Some(&None));
        assert_eq!((drawn.begin, drawn.end), (820, 1_000));
    }

    #[test]
    fn a_graph_begins_with_the_first_metric_but_has_thirty_periods() {
        let widget = widget(|_| {}).unwrap();
        assert_eq!(widget.draw(&store(&[(900, 1.0)]), 1_000).begin, 900);
        assert_eq!(widget.draw(&store(&[(995, 1.0)]), 1_000).begin, 970);
        assert_eq!(widget.draw(&Store::default(), 1_000).begin, 970);
    }

    #[test]
    fn what_cannot_be_drawn_is_named() {
        let check = |change: &dyn Fn(&mut Value), expected: &str| {
            let error = widget(change).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check(&|it| it["start"] = json!("2026-11-26T12:00:00Z"), "-PT3H");
        check(&|it| it["end"] = json!("-PT1H"), "end");
        check(&|it| it["width"] = json!(2_001), "width");
        check(&|it| it["metrics"] = json!([]), "1 to 100");
        check(
            &|it| it["metrics"][1] = json!(["N", "m", "D", {}]),
            "no value",
        );
        check(
            &|it| it["metrics"][0][0]["expression"] = json!("x * 2"),
            "x",
        );
        check(&|it| it["metrics"][1][4]["period"] = json!(10), "period");
        check(&|it| it["metrics"][1][4]["stat"] = json!("Mode"), "Mode");
        check(&|it| it["metrics"][1] = json!([".", "m"]), "`.`");
    }
}
