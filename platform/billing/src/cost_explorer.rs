//! Answers as Cost Explorer: costs, the forecast, and anomalies.
//!
//! Source: "GetCostAndUsage", "GetCostForecast" and "GetAnomalies", AWS Billing and Cost Management API
//! Reference.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::billing::Billing;
use crate::scenario::Scenario;

const METRIC: &str = "UnblendedCost";

/// A time span of an answer, with the amount of each group.
struct Span {
    start: Date,
    end: Date,
    groups: Vec<(String, f64)>,
}

/// `GetCostAndUsage`, by service and day or by tag and month.
pub(crate) fn costs(billing: &Billing, body: &Value) -> Result<Value, Refusal> {
    let scenario = &billing.scenario;
    if text(body, "/Metrics/0") != Some(METRIC) {
        return Err(invalid("the metric must be UnblendedCost"));
    }
    let (start, end) = period(body, "/TimePeriod/Start", "/TimePeriod/End")?;
    if scenario.costs.is_empty() {
        let message = "Data is not available. Please try to adjust the time period.";
        return Err(Refusal::new("DataUnavailableException", message));
    }
    let key = text(body, "/GroupBy/0/Key").unwrap_or_default();
    let spans = match (text(body, "/Granularity"), text(body, "/GroupBy/0/Type")) {
        (Some("DAILY"), Some("DIMENSION")) if key == "SERVICE" => daily(scenario, start, end),
        (Some("MONTHLY"), Some("TAG")) => monthly(scenario, key, start, end),
        _ => return Err(invalid("only costs by day and SERVICE or by month and TAG")),
    };
    page(scenario, &spans, text(body, "/NextPageToken"))
}

fn daily(scenario: &Scenario, start: Date, end: Date) -> Vec<Span> {
    let days = start.series(1.day()).take_while(|day| *day < end);
    days.map(|day| Span {
        start: day,
        end: day.saturating_add(1.day()),
        groups: scenario
            .costs
            .get(&day)
            .into_iter()
            .flatten()
            .map(|(service, amount)| (service.clone(), *amount))
            .collect(),
    })
    .collect()
}

/// One span for each month. What has no value of the tag is in the group with an empty value.
fn monthly(scenario: &Scenario, key: &str, start: Date, end: Date) -> Vec<Span> {
    let mut months: BTreeMap<Date, f64> = BTreeMap::new();
    for day in start.series(1.day()).take_while(|day| *day < end) {
        let amount: f64 = scenario.costs.get(&day).map_or(0.0, |it| it.values().sum());
        *months.entry(day.first_of_month()).or_default() += amount;
    }
    let shares = scenario.tags.get(key).cloned().unwrap_or_default();
    let rest = 1.0 - shares.values().sum::<f64>();
    let span = |(month, amount): (Date, f64)| {
        let tagged = shares.iter().map(|(value, share)| (value.as_str(), *share));
        let groups = tagged.chain([("", rest)]);
        Span {
            start: start.max(month),
            end: end.min(month.last_of_month().saturating_add(1.day())),
            groups: groups
                .map(|(value, share)| (format!("{key}${value}"), amount * share))
                .collect(),
        }
    };
    months.into_iter().map(span).collect()
}

/// A page begins in the middle of a span, if the groups of the span do not fit on the page before.
fn page(scenario: &Scenario, spans: &[Span], token: Option<&str>) -> Result<Value, Refusal> {
    let first: usize = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| {
                Refusal::new(
                    "InvalidNextTokenException",
                    "The pagination token is invalid.",
                )
            })?,
    };
    let size = scenario.groups_a_page.max(1);
    let (from, to) = (first * size, (first + 1) * size);
    let mut results = Vec::new();
    let mut at = 0;
    for span in spans {
        let place = |index: &usize| (from..to).contains(&(at + index));
        let inside: Vec<Value> = span
            .groups
            .iter()
            .enumerate()
            .filter(|(index, _)| place(index))
            .map(|(_, (key, amount))| {
                let metric = json!({"Amount": format!("{amount:.10}"), "Unit": scenario.currency});
                json!({"Keys": [key], "Metrics": {METRIC: metric}})
            })
            .collect();
        // A span without groups is listed too.
        if !inside.is_empty() || (span.groups.is_empty() && place(&0)) {
            let estimated = scenario.estimated_from.is_some_and(|from| from < span.end);
            results.push(json!({
                "TimePeriod": {"Start": span.start.to_string(), "End": span.end.to_string()},
                "Total": {},
                "Groups": inside,
                "Estimated": estimated,
            }));
        }
        at += span.groups.len().max(1);
    }
    let mut answer = json!({"ResultsByTime": results, "DimensionValueAttributes": []});
    if let (true, Some(answer)) = (to < at, answer.as_object_mut()) {
        answer.insert(
            "NextPageToken".to_owned(),
            json!(format!("page-{}", first + 1)),
        );
    }
    Ok(answer)
}

/// `GetCostForecast`, from today on.
pub(crate) fn forecast(billing: &Billing, body: &Value) -> Result<Value, Refusal> {
    let scenario = &billing.scenario;
    if text(body, "/Metric") != Some("UNBLENDED_COST") {
        return Err(invalid("the metric must be UNBLENDED_COST"));
    }
    let (start, end) = period(body, "/TimePeriod/Start", "/TimePeriod/End")?;
    if start < scenario.today() {
        return Err(invalid(
            "Start date must be equal to or later than the current date",
        ));
    }
    let Some(day) = scenario.forecast_a_day else {
        let message = "Insufficient amount of historical data to generate forecast";
        return Err(Refusal::new("DataUnavailableException", message));
    };
    let amount = |amount: f64| format!("{amount:.10}");
    let days: Vec<Value> = start
        .series(1.day())
        .take_while(|day| *day < end)
        .map(|date| {
            let next = date.saturating_add(1.day());
            json!({
                "TimePeriod": {"Start": date.to_string(), "End": next.to_string()},
                "MeanValue": amount(day),
            })
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a month has 31 days at most")]
    let total = day * days.len() as f64;
    Ok(json!({
        "Total": {"Amount": amount(total), "Unit": scenario.currency},
        "ForecastResultsByTime": days,
    }))
}

/// `GetAnomalies`: those that ended within the time, and those that have not ended.
pub(crate) fn anomalies(billing: &Billing, body: &Value) -> Result<Value, Refusal> {
    let (start, end) = period(body, "/DateInterval/StartDate", "/DateInterval/EndDate")?;
    let is_meant = |anomaly: &&Value| match text(anomaly, "/AnomalyEndDate") {
        None => true,
        Some(ended) => {
            let ended = ended.split('T').next().and_then(|day| day.parse().ok());
            ended.is_some_and(|ended: Date| start <= ended && ended <= end)
        }
    };
    let meant: Vec<&Value> = billing.scenario.anomalies.iter().filter(is_meant).collect();
    Ok(json!({"Anomalies": meant}))
}

fn period(body: &Value, start: &str, end: &str) -> Result<(Date, Date), Refusal> {
    let day = |pointer: &str| text(body, pointer)?.parse().ok();
    match (day(start), day(end)) {
        (Some(start), Some(end)) if start < end => Ok((start, end)),
        _ => Err(invalid(
            "Start date (and hour) should be before end date (and hour)",
        )),
    }
}

fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str)
}

fn invalid(message: &str) -> Refusal {
    Refusal::new("ValidationException", message)
}
