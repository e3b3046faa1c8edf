//! The forwarder's own trouble goes to e-mail, on a way that shares nothing with the forwarder's.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use template::Stack;

use super::alarm::{Alarm, FULL, TEST_ALARM, alarms, full};
use super::{keeps, list, names, stack, texts, with};

/// What must be watched by e-mail: a metric and a part of the value of its dimension.
const WATCHED: &[(&str, &str)] = &[
    ("ApproximateAgeOfOldestMessage", "AlertsQueue"),
    (
        "ApproximateNumberOfMessagesVisible",
        "AlertsDeadLetterQueue",
    ),
    ("DeliveryTestDelivered", "alert-forwarder"),
    ("Errors", "AlertForwarderFunction"),
    ("NumberOfNotificationsFailed", "AlertsTopic"),
    ("OldestUndeliveredSeconds", "alert-forwarder"),
    ("RouteCircuitOpen", "alert-forwarder"),
    ("Throttles", "AlertForwarderFunction"),
];

/// Whether an alarm watches a step between the topic of alerts and Discord.
fn is_about_alerts(alarm: &Alarm<'_>) -> bool {
    let metrics = alarm.metrics();
    let mut values = metrics.iter().flat_map(|metric| metric.dimensions.values());
    values.any(|value| value.contains("Alert") || *value == "alert-forwarder")
}

/// Ways in which the trouble of the forwarder could depend on the forwarder.
fn by_email(text: &str) -> Vec<String> {
    let stack = match full(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let reference = |logical: &str| stack.resources.get(logical)?.reference.as_deref();
    let email = reference("AlertEmailTopic").unwrap_or("no topic for e-mails");
    let all = alarms(&stack);
    let mut faults = Vec::new();
    let mut watched = BTreeSet::new();
    for alarm in all.iter().filter(|it| is_about_alerts(it)) {
        // An alarm in a composite acts through it.
        let parents = all.iter().filter(|parent| {
            let mut children = parent.children().into_iter();
            children.any(|(_, name)| name == alarm.name)
        });
        let actions: Vec<&str> = parents
            .flat_map(Alarm::actions)
            .chain(alarm.actions())
            .collect();
        if alarm.logical == TEST_ALARM {
            continue;
        }
        if actions != [email] {
            faults.push(format!("{} does not go to e-mail alone", alarm.logical));
            continue;
        }
        for metric in alarm.metrics() {
            for value in metric.dimensions.values() {
                watched.insert((metric.name.to_owned(), (*value).to_owned()));
            }
        }
    }
    for (metric, of) in WATCHED {
        let found = |(name, value): &(String, String)| name == metric && value.ends_with(of);
        if !watched.iter().any(found) {
            faults.push(format!("no e-mail is sent for {metric} of {of}"));
        }
    }
    // Only people receive from that topic.
    for (logical, subscription) in stack.of_kind("AWS::SNS::Subscription") {
        let properties = &subscription.properties;
        let of_email = properties["TopicArn"] == json!(email);
        if of_email && properties["Protocol"] != json!("email") {
            faults.push(format!("{logical} sends the e-mails somewhere else"));
        }
        if !of_email && properties["Protocol"] == json!("email") {
            faults.push(format!("{logical} sends e-mails from another topic"));
        }
    }
    faults
}

#[test]
fn the_forwarders_own_trouble_goes_to_email_and_not_through_the_forwarder() {
    keeps(by_email);
}

#[test]
fn trouble_that_would_pass_through_the_forwarder_is_named() {
    for entry in ["AlertsUndeliveredAlarm", "AlertsWaitAlarm"] {
        let actions = "      AlarmActions: [!Ref AlertEmailTopic]\n";
        let broken = with(entry, actions, "      AlarmActions: [!Ref AlertsTopic]\n");
        let expected = format!("{entry} does not go to e-mail alone");
        names(by_email, &broken, &expected);
    }
    let actions = "InsufficientDataActions: [!Ref AlertEmailTopic]";
    let broken = with(
        "AlertDeliveryTestMissedAlarm",
        actions,
        "InsufficientDataActions: [!Ref AlertsTopic]",
    );
    let expected = "AlertDeliveryTestMissedAlarm does not go to e-mail alone";
    names(by_email, &broken, expected);
    let metric = "MetricName: OldestUndeliveredSeconds";
    let broken = with(
        "AlertsUndeliveredAlarm",
        metric,
        "MetricName: AlertHandedBack",
    );
    names(
        by_email,
        &broken,
        "no e-mail is sent for OldestUndeliveredSeconds",
    );
    let broken = with(
        "AlertEmailSubscription",
        "Protocol: email",
        "Protocol: lambda",
    );
    names(
        by_email,
        &broken,
        "AlertEmailSubscription sends the e-mails somewhere else",
    );
    let broken = with(
        "AlertEmailSubscription",
        "!Ref AlertEmailTopic",
        "!Ref AlertsTopic",
    );
    names(
        by_email,
        &broken,
        "AlertEmailSubscription sends e-mails from another topic",
    );
}

/// What CloudFormation answers to an address that no alarm would use.
fn refusals(text: &str) -> Vec<String> {
    let parameters = [
        ("Components", "authorizer"),
        ("AlertEmail", "oncall@shop.example"),
    ];
    template::refusals(text, parameters).unwrap()
}

#[test]
fn an_address_without_any_alarm_is_refused() {
    let refused = refusals(&super::text());
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("the authorizer alone has no alarms"));
    let rule = "!Equals [!Ref Components, authorizer]";
    let never = "!Equals [a, b]";
    let broken = with("AlertEmailNeedsTheForwarder", rule, never);
    assert_eq!(refusals(&broken), [""; 0]);
    let alone = [("Components", "alert-forwarder"), FULL[1]];
    assert_eq!(template::refusals(&super::text(), alone), Ok(vec![]));
}

/// What is wrong with the daily test: a schedule sets an alarm, and the forwarder counts its delivery.
fn daily_test(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let mut faults = Vec::new();
    let mut want = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    let all = alarms(&stack);
    let Some(alarm) = all.iter().find(|alarm| alarm.logical == TEST_ALARM) else {
        return vec![format!("{TEST_ALARM} is missing")];
    };
    let target = target(&stack);
    let input: Value = target["Input"]
        .as_str()
        .and_then(|input| serde_json::from_str(input).ok())
        .unwrap_or_default();
    let action = "arn:aws:scheduler:::aws-sdk:cloudwatch:setAlarmState";
    want(
        target["Arn"] == json!(action),
        "the schedule does not set an alarm",
    );
    want(
        input["AlarmName"] == json!(alarm.name) && input["StateValue"] == json!("ALARM"),
        "the schedule sets another alarm, or another state",
    );
    let topic = stack.resources["AlertsTopic"].reference.as_deref();
    want(
        alarm.actions() == topic.as_slice(),
        "the test does not take the way of the alerts",
    );
    let description = alarm.properties["AlarmDescription"].as_str();
    want(
        description.is_some_and(|text| text.contains("severity: info")),
        "the test makes a sound",
    );
    want(
        alarm.properties["TreatMissingData"] == json!("notBreaching"),
        "the test alarm does not return to OK, so tomorrow's would change nothing",
    );
    let forwarder = &stack.resources["AlertForwarderFunction"].properties;
    want(
        forwarder["Environment"]["Variables"]["DELIVERY_TEST_ALARM"] == json!(alarm.name),
        "the forwarder counts another alarm",
    );
    let counted = alarms(&stack).iter().any(|alarm| {
        let metrics = alarm.metrics();
        alarm.misses() && metrics.iter().any(|it| it.name == "DeliveryTestDelivered")
    });
    want(counted, "nobody misses the test");
    faults
}

fn target(stack: &Stack) -> Value {
    let schedule = stack.resources.get("AlertDeliveryTestSchedule");
    let schedule = schedule.map(|it| it.properties.clone());
    let trusted = &stack.resources["AlertDeliveryTestRole"].properties["AssumeRolePolicyDocument"];
    let scheduler = list(&trusted["Statement"]).iter().any(|statement| {
        texts(&statement["Principal"]["Service"]) == ["scheduler.amazonaws.com"]
            && statement
                .pointer("/Condition/StringEquals/aws:SourceAccount")
                .is_some()
    });
    let target = schedule.map(|schedule| schedule["Target"].clone());
    target.filter(|_| scheduler).unwrap_or_default()
}

#[test]
fn a_schedule_tests_the_way_to_discord_once_a_day() {
    keeps(daily_test);
}

#[test]
fn a_daily_test_that_tests_less_is_named() {
    for (entry, from, to, expected) in [
        (
            "AlertDeliveryTestSchedule",
            "cloudwatch:setAlarmState",
            "sns:publish",
            "does not set an alarm",
        ),
        (
            "AlertDeliveryTestSchedule",
            "${AlertDeliveryTestAlarm}",
            "${AlertsWaitAlarm}",
            "sets another alarm",
        ),
        (
            "AlertDeliveryTestAlarm",
            "[!Ref AlertsTopic]",
            "[!Ref AlertEmailTopic]",
            "the way of the alerts",
        ),
        (
            "AlertDeliveryTestAlarm",
            "severity: info",
            "severity: error",
            "makes a sound",
        ),
        (
            "AlertDeliveryTestAlarm",
            "notBreaching",
            "ignore",
            "does not return to OK",
        ),
        (
            "AlertForwarderFunction",
            "!Ref AlertDeliveryTestAlarm",
            "!Ref AlertsWaitAlarm",
            "counts another alarm",
        ),
        (
            "AlertDeliveryTestMissedAlarm",
            "TreatMissingData: missing",
            "TreatMissingData: ignore",
            "nobody misses the test",
        ),
        (
            "AlertDeliveryTestRole",
            "scheduler.amazonaws.com",
            "lambda.amazonaws.com",
            "does not set an alarm",
        ),
    ] {
        names(daily_test, &with(entry, from, to), expected);
    }
}
