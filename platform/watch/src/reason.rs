//! The reason of a change of state, in CloudWatch's words and as data.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::alarm::MetricAlarm;
use crate::judge::{Missing, State};

/// Why an alarm is in a state.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reason {
    pub(crate) text: String,
    pub(crate) data: Option<Value>,
}

/// The data points that decided, the newest first.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// When each began, and its value.
    pub(crate) points: Vec<(Timestamp, f64)>,
    /// When the evaluation was.
    pub(crate) at: Timestamp,
}

/// The reason of a metric alarm's change.
pub(crate) fn of_metrics(
    alarm: &MetricAlarm,
    evidence: &Evidence,
    from: State,
    to: State,
) -> Reason {
    Reason {
        text: text(alarm, evidence, from, to),
        data: Some(data(alarm, evidence)),
    }
}

fn text(alarm: &MetricAlarm, evidence: &Evidence, from: State, to: State) -> String {
    let (periods, points) = (alarm.periods, &evidence.points);
    if to == State::InsufficientData {
        let unknown = periods.saturating_sub(points.len()).max(1);
        let verb = if unknown == 1 { "was" } else { "were" };
        return format!("Insufficient Data: {} {verb} unknown.", datapoints(unknown));
    }
    let treated = match alarm.missing {
        Missing::Breaching => "Breaching",
        Missing::NotBreaching => "NonBreaching",
        Missing::Ignore => "Ignore",
        Missing::Missing => "Missing",
    };
    let missing = periods.saturating_sub(points.len());
    if points.is_empty() {
        return format!(
            "Threshold Crossed: no datapoints were received for {} and {missing} missing {} treated as [{treated}].",
            plural(periods, "period"),
            if missing == 1 {
                "datapoint was"
            } else {
                "datapoints were"
            },
        );
    }
    let breaching = |value: &f64| alarm.comparison.breaches(*value, alarm.threshold);
    let wanted = |(_, value): &&(Timestamp, f64)| breaching(value) == (to == State::Alarm);
    let shown: Vec<&(Timestamp, f64)> = points.iter().filter(wanted).collect();
    if shown.is_empty() {
        // Only what was filled in decided.
        return format!(
            "Threshold Crossed: {} received for {} and {missing} missing {} treated as [{treated}].",
            if points.len() == 1 {
                "1 datapoint was".to_owned()
            } else {
                format!("{} datapoints were", points.len())
            },
            plural(periods, "period"),
            if missing == 1 {
                "datapoint was"
            } else {
                "datapoints were"
            },
        );
    }
    let mut values = String::new();
    for (at, value) in &shown {
        let gap = if values.is_empty() { "" } else { ", " };
        let at = at.to_zoned(TimeZone::UTC).strftime("%d/%m/%y %H:%M:%S");
        // Writing to a String cannot fail.
        let _ = write!(values, "{gap}{} ({at})", decimal(*value));
    }
    let (least, verb) = (
        alarm.to_alarm,
        if shown.len() == 1 { "was" } else { "were" },
    );
    let not = if to == State::Alarm { "" } else { "not " };
    format!(
        "Threshold Crossed: {} out of the last {} datapoints [{values}] {verb} {not}{} the threshold ({}) \
         (minimum {} for {from} -> {to} transition).",
        shown.len(),
        periods,
        alarm.comparison.words(),
        decimal(alarm.threshold),
        // Back to OK, as many must be within the threshold as leave too few outside.
        datapoints(if to == State::Alarm {
            least
        } else {
            periods - least + 1
        }),
    )
}

fn data(alarm: &MetricAlarm, evidence: &Evidence) -> Value {
    let points = &evidence.points;
    // The oldest first.
    let recent: Vec<f64> = points.iter().rev().map(|(_, value)| *value).collect();
    let evaluated = points
        .iter()
        .map(|(at, value)| json!({"timestamp": time(*at), "value": value}));
    let mut data = json!({
        "version": "1.0",
        "queryDate": time(evidence.at),
        "period": alarm.period_minutes * 60,
        "recentDatapoints": recent,
        "threshold": alarm.threshold,
        "evaluatedDatapoints": evaluated.collect::<Vec<Value>>(),
    });
    let first = points.last().map(|(at, _)| time(*at));
    let members = data.as_object_mut();
    if let (Some(first), Some(members)) = (first, members) {
        members.insert("startDate".to_owned(), first.into());
    }
    data
}

/// The reason of a composite alarm's change: the child that brought it about.
pub(crate) fn of_child(child_arn: &str, to: State, at: Timestamp) -> Reason {
    let at = at
        .to_zoned(TimeZone::UTC)
        .strftime("%A %d %B, %Y %H:%M:%S UTC");
    Reason {
        text: format!("{child_arn} transitioned to {to} at {at}"),
        data: None,
    }
}

/// The reason of a composite alarm's first state.
pub(crate) fn of_creation(to: State) -> Reason {
    Reason {
        text: format!("Composite alarm was created and its alarm rule evaluates to {to}"),
        data: None,
    }
}

fn datapoints(count: usize) -> String {
    plural(count, "datapoint")
}

fn plural(count: usize, word: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {word}{ending}")
}

/// A number as CloudWatch writes it, always with a decimal point.
fn decimal(number: f64) -> String {
    format!("{number:?}")
}

/// A time in the form of alarms.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%dT%H:%M:%S%.3f+0000")
        .to_string()
}
