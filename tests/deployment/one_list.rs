//! What alarms and the dashboard watch is emitted, and what is emitted is watched or has a reason.

use serde_json::{Value, json};
use template::Stack;

use super::alarm::{alarms, full};
use super::alarm_metrics::known;
use super::metrics::{EMITTED, Metric};
use super::{keeps, list, names, with};

/// A metric that something watches: namespace, name, dimensions with their values.
struct Use {
    by: String,
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
}

/// The metrics of a widget. A row is a namespace, a name, dimensions, and options at the end.
fn rows(widget: &Value, uses: &mut Vec<Use>) {
    let title = widget["properties"]["title"].as_str().unwrap_or_default();
    let by = format!("the dashboard's {title:?}");
    for row in list(&widget["properties"]["metrics"]) {
        let texts: Vec<&str> = list(row).into_iter().filter_map(Value::as_str).collect();
        if let [namespace, name, dimensions @ ..] = &texts[..] {
            let pairs = dimensions.chunks_exact(2);
            uses.push(Use {
                by: by.clone(),
                namespace: (*namespace).to_owned(),
                name: (*name).to_owned(),
                dimensions: pairs
                    .map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
                    .collect(),
            });
            continue;
        }
        // SEARCH('{"namespace",service,reason} MetricName="OrderRefused"', 'Sum', 300)
        let expression = row[0]["expression"].as_str().unwrap_or_default();
        let Some((_, search)) = expression.split_once("SEARCH('{") else {
            continue;
        };
        let (schema, after) = search.split_once('}').unwrap_or_default();
        let mut schema = schema.split(',').map(|part| part.trim_matches('"'));
        let name = after.split('"').nth(1).unwrap_or_default();
        uses.push(Use {
            by: by.clone(),
            namespace: schema.next().unwrap_or_default().to_owned(),
            name: name.to_owned(),
            dimensions: schema
                .map(|part| (part.to_owned(), String::new()))
                .collect(),
        });
    }
}

fn uses(stack: &Stack) -> Result<Vec<Use>, String> {
    let mut uses = Vec::new();
    for alarm in alarms(stack) {
        for metric in alarm.metrics() {
            let dimensions = metric.dimensions.iter();
            uses.push(Use {
                by: alarm.logical.to_owned(),
                namespace: metric.namespace.to_owned(),
                name: metric.name.to_owned(),
                dimensions: dimensions
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            });
        }
    }
    for (logical, dashboard) in stack.of_kind("AWS::CloudWatch::Dashboard") {
        let body = dashboard.properties["DashboardBody"].as_str();
        let body: Value = serde_json::from_str(body.unwrap_or_default())
            .map_err(|error| format!("{logical} is not JSON: {error}"))?;
        for widget in list(&body["widgets"]) {
            rows(widget, &mut uses);
        }
    }
    Ok(uses)
}

/// Whether a use is of this metric.
fn is_of(used: &Use, (service, name, other, _): &Metric) -> bool {
    let mut services = used.dimensions.iter().filter(|(name, _)| name == "service");
    // A search names no service.
    let of_service = services.any(|(_, value)| value == service || value.is_empty());
    let others = || used.dimensions.iter().filter(|(name, _)| name != "service");
    used.name == *name && of_service && others().all(|(name, _)| name == other)
}

/// Metrics that are watched but not emitted, and the other way round.
fn one_list(text: &str) -> Vec<String> {
    let stack = match full(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let uses = match uses(&stack) {
        Ok(uses) => uses,
        Err(fault) => return vec![fault],
    };
    let mut faults = Vec::new();
    for used in &uses {
        let (by, name) = (&used.by, &used.name);
        if used.namespace.starts_with("AWS/") {
            let mut dimensions: Vec<&str> = used
                .dimensions
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            dimensions.sort_unstable();
            if !known(&used.namespace, name, &dimensions) {
                faults.push(format!("{by} watches {name} of {}", used.namespace));
            }
        } else if used.namespace != "surefire" {
            let of = &used.namespace;
            faults.push(format!("{by} watches {name} of {of}, not of the stack"));
        } else if !EMITTED.iter().any(|metric| is_of(used, metric)) {
            faults.push(format!("{by} watches {name}, which nobody emits so"));
        }
    }
    for metric @ (service, name, _, why_not) in EMITTED {
        let watched = uses
            .iter()
            .any(|used| used.namespace == "surefire" && is_of(used, metric));
        if watched != why_not.is_empty() {
            let how = if watched { "is" } else { "is not" };
            faults.push(format!("{name} of {service} {how} watched"));
        }
    }
    for (logical, function) in stack.of_kind("AWS::Serverless::Function") {
        let variables = &function.properties["Environment"]["Variables"];
        if variables["METRICS_NAMESPACE"] != json!("surefire") {
            faults.push(format!("{logical} emits into another namespace"));
        }
    }
    faults
}

#[test]
fn everything_that_is_watched_is_emitted_and_the_other_way_round() {
    keeps(one_list);
}

#[test]
fn a_metric_that_is_only_watched_or_only_emitted_is_named() {
    for (entry, from, to, expected) in [
        (
            "OverdueHoldsAlarm",
            "OldestOverdueHoldSeconds",
            "OldestHoldSeconds",
            "OverdueHoldsAlarm watches OldestHoldSeconds, which nobody emits",
        ),
        (
            "OverdueHoldsAlarm",
            "Value: orders-sweeper",
            "Value: orders",
            "OverdueHoldsAlarm watches OldestOverdueHoldSeconds, which nobody emits so",
        ),
        (
            "KeysUnavailableAlarm",
            "Name: reason",
            "Name: cause",
            "KeysUnavailableAlarm watches Failed, which nobody emits so",
        ),
        (
            "OverdueHoldsAlarm",
            "Namespace: !Ref AWS::StackName",
            "Namespace: Surefire",
            "of Surefire, not of the stack",
        ),
        (
            "Dashboard",
            "\"OrderReplayed\"",
            "\"OrderRepeated\"",
            "watches OrderRepeated, which nobody emits",
        ),
        (
            "Dashboard",
            "\"OrderReplayed\"",
            "\"OrderPlaced\"",
            "OrderReplayed of orders is not watched",
        ),
        (
            "Dashboard",
            "MetricName=\\\"OrderRefused\\\"",
            "MetricName=\\\"OrderPlaced\\\"",
            "watches OrderPlaced, which nobody emits so",
        ),
        (
            "Dashboard",
            "\"AWS/ApiGateway\", \"4xx\"",
            "\"AWS/ApiGateway\", \"4XXError\"",
            "watches 4XXError of AWS/ApiGateway",
        ),
        (
            "Dashboard",
            "\"KeyReused\"",
            "\"ReadUnits\"",
            "ReadUnits of orders is watched",
        ),
        (
            "Dashboard",
            "{\"start\"",
            "\"start\"",
            "Dashboard is not JSON",
        ),
    ] {
        names(one_list, &with(entry, from, to), expected);
    }
    let common = super::text().replace(
        "METRICS_NAMESPACE: !Ref AWS::StackName",
        "METRICS_NAMESPACE: Surefire",
    );
    names(
        one_list,
        &common,
        "OrdersFunction emits into another namespace",
    );
}

/// The words that an authorizer's alarm looks for are in its code.
#[test]
fn the_reasons_that_alarms_look_for_are_in_the_code() {
    let stack = full(&super::text()).unwrap();
    let code = include_str!("../../functions/authorizer/src/error.rs");
    let mut found = 0;
    for used in uses(&stack).unwrap() {
        for (name, value) in used.dimensions {
            if name == "reason" && !value.is_empty() {
                found += 1;
                assert!(
                    code.contains(&format!("\"{value}\"")),
                    "{}: {value}",
                    used.by
                );
            }
        }
    }
    assert_eq!(found, 1);
}
