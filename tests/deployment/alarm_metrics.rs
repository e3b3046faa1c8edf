//! The rules of what alarms watch: metrics that exist, with their dimensions, and what happens without
//! data.

use std::collections::BTreeSet;

use template::Stack;

use super::alarm::{Watched, alarms, full};
use super::{keeps, names, with};

/// The metrics of AWS that may be watched, each with its dimensions, as AWS documents them. No linter
/// knows them, and an alarm on a metric that does not exist is green for ever.
const OF_AWS: &[(&str, &str, &[&str])] = &[
    ("AWS/ApiGateway", "4xx", &["ApiId"]),
    ("AWS/ApiGateway", "5xx", &["ApiId"]),
    ("AWS/ApiGateway", "Count", &["ApiId"]),
    ("AWS/ApiGateway", "Latency", &["ApiId"]),
    ("AWS/DynamoDB", "ReadThrottleEvents", &["TableName"]),
    (
        "AWS/DynamoDB",
        "ReadThrottleEvents",
        &["GlobalSecondaryIndexName", "TableName"],
    ),
    ("AWS/DynamoDB", "SystemErrors", &["Operation", "TableName"]),
    ("AWS/DynamoDB", "TransactionConflict", &["TableName"]),
    ("AWS/DynamoDB", "WriteThrottleEvents", &["TableName"]),
    (
        "AWS/DynamoDB",
        "WriteThrottleEvents",
        &["GlobalSecondaryIndexName", "TableName"],
    ),
    ("AWS/EventBridge/Pipes", "ExecutionFailed", &["PipeName"]),
    ("AWS/Lambda", "Duration", &["FunctionName"]),
    ("AWS/Lambda", "Errors", &["FunctionName"]),
    // While an alias has two versions, and only then.
    (
        "AWS/Lambda",
        "Errors",
        &["ExecutedVersion", "FunctionName", "Resource"],
    ),
    ("AWS/Lambda", "Invocations", &["FunctionName"]),
    ("AWS/Lambda", "Throttles", &["FunctionName"]),
    ("AWS/SNS", "NumberOfNotificationsFailed", &["TopicName"]),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", &["QueueName"]),
    (
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        &["QueueName"],
    ),
];

/// Whether a metric of AWS is on the list with these dimensions.
pub(super) fn known(namespace: &str, name: &str, dimensions: &[&str]) -> bool {
    OF_AWS.contains(&(namespace, name, dimensions))
}

/// What the values of dimensions must be: the names of resources of the stack.
fn resource_of(dimension: &str) -> Option<&'static [&'static str]> {
    match dimension {
        "ApiId" => Some(&["AWS::Serverless::HttpApi"]),
        "FunctionName" => Some(&["AWS::Serverless::Function"]),
        "PipeName" => Some(&["AWS::Pipes::Pipe"]),
        "QueueName" => Some(&["AWS::SQS::Queue"]),
        "TableName" => Some(&["AWS::DynamoDB::Table"]),
        "TopicName" => Some(&["AWS::SNS::Topic"]),
        _ => None,
    }
}

/// The names that metrics use for the resources of a type. They are not all what `Ref` gives.
fn metric_names(stack: &Stack, kinds: &[&str]) -> BTreeSet<String> {
    let of_kind = kinds.iter().flat_map(|kind| stack.of_kind(kind));
    let name = |(logical, resource): (&str, &template::Resource)| {
        let reference = resource.reference.clone().unwrap_or_default();
        match resource.kind.as_str() {
            // Ref is a URL or an ARN.
            "AWS::SQS::Queue" | "AWS::SNS::Topic" => format!("surefire-{logical}"),
            _ => reference,
        }
    };
    of_kind.map(name).collect()
}

/// Metrics of AWS that do not exist.
fn unknown(text: &str) -> Vec<String> {
    let stack = match full(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let mut faults = Vec::new();
    for alarm in alarms(&stack) {
        let of_aws = |watched: &Watched<'_>| watched.namespace.starts_with("AWS/");
        for watched in alarm.metrics().into_iter().filter(of_aws) {
            let dimensions: Vec<&str> = watched.dimensions.keys().copied().collect();
            let what = format!("{}: {}", alarm.logical, watched.name);
            if !known(watched.namespace, watched.name, &dimensions) {
                let of = watched.namespace;
                faults.push(format!("{what} of {of} has no dimensions {dimensions:?}"));
            }
            for (dimension, value) in &watched.dimensions {
                let kinds = resource_of(dimension);
                if kinds.is_some_and(|kinds| !metric_names(&stack, kinds).contains(*value)) {
                    faults.push(format!("{what}: no {dimension} is {value}"));
                }
            }
        }
    }
    faults
}

#[test]
fn every_metric_of_aws_exists_with_its_dimensions() {
    keeps(unknown);
}

#[test]
fn a_metric_of_aws_that_does_not_exist_is_named() {
    let broken = with(
        "OrdersErrorsAlarm",
        "MetricName: Errors",
        "MetricName: Error",
    );
    names(
        unknown,
        &broken,
        "OrdersErrorsAlarm: Error of AWS/Lambda has no",
    );
    let broken = with("ApiLatencyAlarm", "Name: ApiId", "Name: ApiName");
    names(
        unknown,
        &broken,
        "Latency of AWS/ApiGateway has no dimensions [\"ApiName\"]",
    );
    // Ref is the queue's URL, and the name of a metric's dimension is not.
    let broken = with(
        "AlertsWaitAlarm",
        "!GetAtt AlertsQueue.QueueName",
        "!Ref AlertsQueue",
    );
    names(
        unknown,
        &broken,
        "ApproximateAgeOfOldestMessage: no QueueName is https://",
    );
    let broken = with(
        "OverdueHoldsAlarm",
        "Namespace: !Ref AWS::StackName",
        "Namespace: AWS/Lambda",
    );
    names(
        unknown,
        &broken,
        "OldestOverdueHoldSeconds of AWS/Lambda has no dimensions",
    );
}

/// Alarms whose state is wrong when there is no data.
fn without_data(text: &str) -> Vec<String> {
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
        let metrics = alarm.metrics();
        let missing = alarm.properties["TreatMissingData"].as_str();
        let is = |name: &str| metrics.iter().any(|metric| metric.name == name);
        // Only what must come regularly is missed. What keeps its state is a queue that SQS stopped to
        // count, an alarm that remembers that something came once, and books that were wrong: they are
        // until an audit says otherwise.
        let expected = match alarm.logical.strip_suffix("Alarm") {
            Some(name) if name.ends_with("Missing") => "breaching",
            Some(name) if name.ends_with("Seen") => "ignore",
            Some(name) if name.ends_with("Missed") => "missing",
            _ if is("ApproximateNumberOfMessagesVisible") => "ignore",
            _ if is("IntegrityViolation") => "ignore",
            _ => "notBreaching",
        };
        want(
            missing == Some(expected),
            &format!("missing data must be {expected}"),
        );
        for metric in metrics.iter().filter(|it| it.namespace == "AWS/DynamoDB") {
            let expression = alarm.expression().unwrap_or_default();
            let filled = format!("FILL({}, 0)", metric.id);
            let rest = expression.replace(&filled, "");
            let words = rest.split(|character: char| !character.is_alphanumeric());
            want(
                expression.contains(&filled) && words.clone().all(|word| word != metric.id),
                "it keeps its state without data of AWS/DynamoDB: use FILL",
            );
        }
    }
    faults
}

#[test]
fn every_alarm_knows_what_missing_data_means() {
    keeps(without_data);
}

#[test]
fn an_alarm_that_stays_red_without_data_is_named() {
    let fault = "TableConflictsAlarm: it keeps its state without data of AWS/DynamoDB";
    let filled = "Expression: \"FILL(conflicts, 0)\"";
    let broken = with("TableConflictsAlarm", filled, "Expression: conflicts");
    names(without_data, &broken, fault);
    let broken = with(
        "TableSystemErrorsAlarm",
        "FILL(get, 0)",
        "FILL(get, 0) + get",
    );
    names(
        without_data,
        &broken,
        "TableSystemErrorsAlarm: it keeps its state",
    );
    let plain = "      Namespace: AWS/DynamoDB\n      MetricName: TransactionConflict\n";
    let broken = with(
        "OverdueHoldsAlarm",
        "      Namespace: !Ref AWS::StackName\n      MetricName: OldestOverdueHoldSeconds\n",
        plain,
    );
    names(
        without_data,
        &broken,
        "OverdueHoldsAlarm: it keeps its state",
    );
    let broken = with("SweeperMissingAlarm", "breaching", "notBreaching");
    names(
        without_data,
        &broken,
        "SweeperMissingAlarm: missing data must be breaching",
    );
    let broken = with(
        "OrdersErrorsAlarm",
        "      TreatMissingData: notBreaching\n",
        "",
    );
    names(
        without_data,
        &broken,
        "OrdersErrorsAlarm: missing data must be notBreaching",
    );
    let broken = with("IntegrityAlarm", "ignore", "notBreaching");
    names(
        without_data,
        &broken,
        "IntegrityAlarm: missing data must be ignore",
    );
    let broken = with("AlertsDeadLettersAlarm", "ignore", "notBreaching");
    names(
        without_data,
        &broken,
        "AlertsDeadLettersAlarm: missing data must be ignore",
    );
}
