//! The rules of the alarms' numbers: periods, counts and limits.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use template::Stack;

use super::alarm::{Alarm, alarms, full};
use super::{keeps, list, names, with};

fn number(value: &Value) -> f64 {
    let text = value.as_str().map(str::to_owned);
    let text = text.unwrap_or_else(|| value.to_string());
    text.parse().unwrap_or(f64::NAN)
}

/// What is wrong with an alarm's times and numbers.
fn measured(text: &str) -> Vec<String> {
    let stack = match full(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let mut faults = Vec::new();
    for alarm in alarms(&stack).iter().filter(|it| it.rule().is_none()) {
        let mut want = |holds: bool, what: &str| {
            if !holds {
                faults.push(format!("{}: {what}", alarm.logical));
            }
        };
        limits(alarm, &mut want);
        rates(alarm, &mut want);
        functions(alarm, &stack, &mut want);
    }
    faults
}

/// The limits of CloudWatch.
fn limits(alarm: &Alarm<'_>, want: &mut impl FnMut(bool, &str)) {
    let metrics = alarm.metrics();
    let periods: BTreeSet<u64> = metrics.iter().map(|metric| metric.period).collect();
    want(periods.len() == 1, "its metrics have several periods");
    let period = periods.into_iter().next().unwrap_or_default();
    let count = alarm.properties["EvaluationPeriods"]
        .as_u64()
        .unwrap_or_default();
    let needed = &alarm.properties["DatapointsToAlarm"];
    let needed = needed.as_u64().unwrap_or(count);
    want(
        0 < needed && needed <= count,
        "it needs more points than it looks at",
    );
    want(
        0 < period && period.is_multiple_of(60),
        "its period is not in minutes",
    );
    let longest = if period < 3_600 { 86_400 } else { 604_800 };
    want(
        period * count <= longest,
        "it looks further back than CloudWatch can",
    );
    want(metrics.len() <= 10, "metric math takes at most ten metrics");
    want(!metrics.is_empty(), "it watches nothing");
    if let Some(expression) = alarm.expression() {
        let words: BTreeSet<&str> = expression
            .split(|character: char| !character.is_alphanumeric())
            .collect();
        for metric in &metrics {
            want(
                words.contains(metric.id),
                "a metric is not in its expression",
            );
        }
        want(!expression.contains("ANOMALY"), "a band has no fixed limit");
    }
}

/// Rates that would page for one error at night.
fn rates(alarm: &Alarm<'_>, want: &mut impl FnMut(bool, &str)) {
    let math = list(&alarm.properties["Metrics"]);
    let percent = math
        .iter()
        .any(|metric| metric["Label"] == json!("Percent"));
    if !percent {
        return;
    }
    let expression = alarm.expression().unwrap_or_default();
    let least = |id: &str| expression.contains(&format!("{id} >= "));
    let slo = alarm.logical.starts_with("Slo");
    let critical = alarm.properties["AlarmDescription"]
        .as_str()
        .is_some_and(|text| text.contains("severity: critical"));
    if critical || slo || alarm.logical == "DenialsAlarm" {
        want(expression.contains(" >= "), "a rate without a least count");
    }
    if slo {
        want(
            least("requests") && least("FILL(errors, 0)"),
            "it needs a least count of requests and of errors",
        );
    }
}

/// The numbers that follow from a function's time-out.
fn functions(alarm: &Alarm<'_>, stack: &Stack, want: &mut impl FnMut(bool, &str)) {
    let metrics = alarm.metrics();
    let [metric] = &metrics[..] else { return };
    let functions = stack.of_kind("AWS::Serverless::Function");
    let named = |(_, it): &(&str, &template::Resource)| {
        it.reference.as_deref() == metric.dimensions.get("FunctionName").copied()
    };
    let Some((_, function)) = functions.into_iter().find(named) else {
        return;
    };
    let timeout = function.properties["Timeout"].as_u64().unwrap_or_default();
    let (count, needed) = (
        &alarm.properties["EvaluationPeriods"],
        &alarm.properties["DatapointsToAlarm"],
    );
    match metric.name {
        // An error is dated by the start of its call, and arrives when the call is over.
        "Errors" => want(
            *count == json!(timeout.div_ceil(60) + 3) && *needed == json!(1),
            "it looks away before the error of a long call arrives",
        ),
        "Duration" => {
            let threshold = number(&alarm.properties["Threshold"]);
            want(
                threshold.to_string() == (timeout * 800).to_string(),
                "its limit is not 80 % of the time-out",
            );
            want(
                metric.statistic == "p99",
                "it does not watch the slowest calls",
            );
        }
        _ => {}
    }
}

#[test]
fn every_alarm_has_numbers_that_cloudwatch_takes_and_that_fit_what_it_watches() {
    keeps(measured);
}

#[test]
fn a_number_that_does_not_fit_is_named() {
    for (entry, from, to, expected) in [
        (
            "OrdersErrorsAlarm",
            "EvaluationPeriods: 4",
            "EvaluationPeriods: 1",
            "looks away before",
        ),
        (
            "OrdersDurationAlarm",
            "Threshold: 8000",
            "Threshold: 9000",
            "not 80 %",
        ),
        (
            "OrdersFunction",
            "Timeout: 10",
            "Timeout: 90",
            "OrdersErrorsAlarm: it looks away before",
        ),
        (
            "AlertDeliveryTestMissedAlarm",
            "EvaluationPeriods: 26",
            "EvaluationPeriods: 200",
            "further back",
        ),
        (
            "AlertsUndeliveredAlarm",
            "EvaluationPeriods: 150",
            "EvaluationPeriods: 1500",
            "further back",
        ),
        (
            "ApiServerErrorsHighAlarm",
            "DatapointsToAlarm: 2",
            "DatapointsToAlarm: 4",
            "more points",
        ),
        (
            "OverdueHoldsAlarm",
            "Period: 60",
            "Period: 10",
            "not in minutes",
        ),
        (
            "DenialsAlarm",
            "IF(FILL(denied, 0) >= 50, ",
            "IF(1, ",
            "without a least count",
        ),
        (
            "SloHourAlarm",
            "requests >= 100 AND ",
            "",
            "least count of requests and of errors",
        ),
        (
            "SloHourAlarm",
            " AND FILL(errors, 0) >= 10",
            "",
            "least count of requests and of errors",
        ),
        (
            "TableConflictsAlarm",
            "FILL(conflicts, 0)",
            "ANOMALY_DETECTION_BAND(conflicts)",
            "a band",
        ),
        (
            "TableConflictsAlarm",
            "FILL(conflicts, 0)",
            "1",
            "not in its expression",
        ),
    ] {
        names(measured, &with(entry, from, to), expected);
    }
}

/// Burn rates of the error budget: 99.9 % over a month.
#[test]
fn the_burn_rates_are_those_of_a_promise_of_99_9_percent() {
    let stack = full(&super::text()).unwrap();
    let found: BTreeMap<&str, (u64, f64)> = alarms(&stack)
        .iter()
        .filter(|it| it.rule().is_none() && it.logical.starts_with("Slo"))
        .map(|it| {
            let period = it.metrics()[0].period;
            // How many times faster than the budget allows.
            (
                it.logical,
                (period, number(&it.properties["Threshold"]) / 0.1),
            )
        })
        .collect();
    let expected = [
        ("Slo30MinutesAlarm", 1_800, 6.0),
        ("Slo3DaysAlarm", 259_200, 1.0),
        ("Slo5MinutesAlarm", 300, 14.4),
        ("Slo6HoursAlarm", 21_600, 6.0),
        ("SloHourAlarm", 3_600, 14.4),
        ("SloLast6HoursAlarm", 21_600, 1.0),
    ];
    assert_eq!(found.len(), expected.len());
    for (name, period, burn) in expected {
        let (found_period, found_burn) = found[name];
        assert_eq!(found_period, period, "{name}");
        assert!((found_burn - burn).abs() < 1e-9, "{name}: {found_burn}");
    }
}
