//! What the event of each kind of message says.

use alert_forwarder::{Moment, Severity, State};
use serde_json::{Value, json};

use super::sample::{
    acceptable, event, event_of, event_of_text, field, has_field, link, names, sample, words,
};

pub(super) fn at(text: &str) -> Moment {
    Moment::At(text.parse().unwrap())
}

/// A sample with a change in its SNS message.
fn altered(name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut invocation = sample(name);
    let body = &mut invocation["Records"][0]["body"];
    let mut envelope: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    let mut message: Value = serde_json::from_str(envelope["Message"].as_str().unwrap()).unwrap();
    change(&mut message);
    envelope["Message"] = message.to_string().into();
    *body = envelope.to_string().into();
    invocation
}

#[test]
fn every_sample_becomes_a_message_of_its_kind_that_discord_accepts() {
    for name in names() {
        let kind = event(&name).kind.name();
        assert!(
            (kind == "generic") == name.starts_with("generic-"),
            "events/alerts/{name}.json is of the kind {kind}: a sample of a kind must be understood by a \
             parser in functions/alert-forwarder/src/parse/, and one that is named generic-… by none"
        );
    }
}

#[test]
fn a_metric_alarm_says_what_broke_since_when_and_where_to_look() {
    let event = event("metric-alarm");
    assert_eq!(event.kind.name(), "metric-alarm");
    assert_eq!(event.severity, Severity::Critical);
    assert_eq!(event.state, State::Firing);
    assert_eq!(event.title, "surefire-orders-errors");
    assert_eq!(
        field(&event, "Metric"),
        "AWS/Lambda / Errors · SUM over 60 s"
    );
    assert_eq!(field(&event, "Threshold"), "≥ 1");
    assert_eq!(field(&event, "Value"), "6");
    assert_eq!(
        field(&event, "Dimensions"),
        "FunctionName = surefire-orders"
    );
    assert_eq!(event.occurred_at, at("2026-07-19T10:00:00Z"));
    assert_eq!(
        link(&event, "Console"),
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1\
         #alarmsV2:alarm/surefire-orders-errors"
    );
    assert_eq!(
        link(&event, "Runbook"),
        "https://wiki.example/surefire/runbook#orders-errors"
    );
    assert!(
        words(&event.reason).starts_with("The orders function fails: orders may be refused.\n")
    );

    let message = acceptable(&event);
    let embed = &message.payload.embeds[0];
    assert_eq!(embed.title, "🔴 ALARM · surefire-orders-errors");
    assert_eq!(embed.color, 0x00B0_0020);
    let since = embed
        .fields
        .iter()
        .find(|field| field.name == "Since")
        .unwrap();
    assert!(
        since.value.starts_with("<t:1784455200:R>"),
        "{}",
        since.value
    );
    assert!(message.files.is_empty());
}

#[test]
fn an_alarm_without_a_description_has_the_severity_error() {
    let event = event("metric-alarm-without-description");
    assert_eq!(event.severity, Severity::Error);
    assert!(words(&event.reason).starts_with("Threshold Crossed"));
    let message = acceptable(&event);
    assert_eq!(message.payload.embeds[0].color, 0x00E7_4C3C);
    let absent = altered("metric-alarm", |alarm| {
        alarm.as_object_mut().unwrap().remove("AlarmDescription");
    });
    assert_eq!(event_of(&absent).title, "surefire-orders-errors");
}

#[test]
fn the_line_that_names_a_log_group_is_for_the_button_only() {
    let invocation = altered("metric-alarm", |message| {
        message["AlarmDescription"] = json!("Orders fail. severity: error\nlogs: shop-Orders-1x");
        message["NewStateReason"] = json!("Because.");
    });
    let event = event_of(&invocation);
    assert_eq!(words(&event.reason), "Orders fail.\nBecause.");
    assert!(link(&event, "Logs").contains("shop-Orders-1x"));
}

#[test]
fn metric_math_shows_the_expression_and_its_label() {
    let event = event("metric-math");
    assert_eq!(
        field(&event, "Error rate (%)"),
        "rate = 100 * errors / MAX([errors, invocations])"
    );
    assert_eq!(
        field(&event, "errors"),
        "AWS/Lambda / Errors · Sum over 60 s"
    );
    assert_eq!(field(&event, "Threshold"), "> 5");
    assert_eq!(field(&event, "Value"), "7.5");
    assert_eq!(field(&event, "Evaluation"), "2 of 3 periods");
}

#[test]
fn an_anomaly_alarm_is_outside_its_band() {
    let event = event("anomaly-band");
    assert_eq!(field(&event, "Threshold"), "outside the expected band");
    assert_eq!(
        field(&event, "Metric"),
        "Surefire / Denied · Sum over 300 s"
    );
    assert_eq!(field(&event, "Value"), "412");
}

#[test]
fn a_composite_alarm_shows_its_rule_and_each_child_with_state_and_link() {
    let event = event("composite-alarm");
    assert_eq!(event.kind.name(), "composite-alarm");
    assert_eq!(event.severity, Severity::Critical);
    assert_eq!(
        field(&event, "Rule"),
        r#"ALARM("surefire-burn-1h") AND ALARM("surefire-burn-5m")"#
    );
    let children = field(&event, "Because of");
    let lines: Vec<&str> = children.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        "ALARM · surefire-burn-1h <https://eu-west-1.console.aws.amazon.com/cloudwatch/home\
         ?region=eu-west-1#alarmsV2:alarm/surefire-burn-1h>"
    );
    assert!(!event.muted);
    assert!(!has_field(&event, "Threshold"));
}

#[test]
fn a_suppressed_composite_alarm_says_so_and_is_muted() {
    for name in ["composite-alarm-suppressed", "composite-alarm-direct"] {
        let event = event(name);
        assert!(event.muted, "{name}");
        assert!(field(&event, "Suppressed by").contains("Actions suppressed by"));
        let title = &acceptable(&event).payload.embeds[0].title;
        assert!(title.starts_with("🔴 ALARM (suppressed) · "), "{title}");
    }
    assert!(
        field(&event("composite-alarm-direct"), "Because of").contains("surefire-burn-1h <https:")
    );
}

#[test]
fn an_alarm_is_the_same_from_eventbridge_and_from_a_direct_invocation() {
    for name in ["alarm-direct", "alarm-eventbridge"] {
        let event = event(name);
        assert_eq!(event.kind.name(), "metric-alarm", "{name}");
        assert_eq!(event.severity, Severity::Critical);
        assert_eq!(event.state, State::Firing);
        assert_eq!(event.title, "surefire-orders-errors");
        assert_eq!(
            field(&event, "Metric"),
            "AWS/Lambda / Errors · Sum over 60 s"
        );
        assert_eq!(field(&event, "Value"), "6");
        assert_eq!(field(&event, "Threshold"), "≥ 1");
        assert_eq!(
            field(&event, "Dimensions"),
            "FunctionName = surefire-orders"
        );
        assert_eq!(event.account.as_deref(), Some("123456789012"));
        assert!(link(&event, "Console").ends_with("alarm/surefire-orders-errors"));
        assert_eq!(
            event.fingerprint,
            super::sample::event("metric-alarm").fingerprint
        );
    }
}

#[test]
fn an_extended_statistic_without_dimensions_or_unit_is_shown() {
    let event = event("extended-statistic");
    assert_eq!(
        field(&event, "Metric"),
        "AWS/Lambda / Duration · p99 over 60 s"
    );
    assert!(!has_field(&event, "Dimensions"));
    assert_eq!(field(&event, "Value"), "8123");
}

#[test]
fn the_region_is_found_without_the_arn_of_the_alarm() {
    let event = event("alarm-without-arn");
    assert_eq!(event.region.as_deref(), Some("eu-west-1"));
    assert!(link(&event, "Console").starts_with("https://eu-west-1.console"));
}

#[test]
fn a_time_that_cannot_be_read_is_shown_as_text() {
    let invocation = altered("metric-alarm", |alarm| {
        alarm["StateChangeTime"] = "half past *ten*".into();
    });
    let event = event_of(&invocation);
    assert_eq!(
        event.occurred_at,
        Moment::Unreadable("half past *ten*".to_owned())
    );
    let message = acceptable(&event);
    let embed = &message.payload.embeds[0];
    let since = embed
        .fields
        .iter()
        .find(|field| field.name == "Since")
        .unwrap();
    assert_eq!(since.value, r"half past \*ten\*");
    assert_eq!(embed.timestamp, None);
}

#[test]
fn a_budget_shows_amounts_and_share_and_a_forecast_has_another_colour() {
    let actual = event("budget-actual");
    assert_eq!(actual.kind.name(), "budget");
    assert_eq!(field(&actual, "Budget"), "Surefire monthly");
    assert_eq!(field(&actual, "Actual"), "€1,234.56");
    assert_eq!(field(&actual, "Budgeted"), "€1,200.00");
    assert_eq!(field(&actual, "Share"), "103 %");
    assert_eq!(actual.account.as_deref(), Some("123456789012"));
    assert_eq!(acceptable(&actual).payload.embeds[0].color, 0x00E7_4C3C);

    let forecast = event("budget-forecast");
    assert_eq!(field(&forecast, "Forecast"), "$131.20");
    assert_eq!(field(&forecast, "Share"), "131 %");
    assert_eq!(acceptable(&forecast).payload.embeds[0].color, 0x00F3_9C12);

    let joined = event("budget-joined");
    assert_eq!(field(&joined, "Actual"), "$85.23");
    assert_eq!(field(&joined, "Share"), "85 %");
}

#[test]
fn a_cost_anomaly_without_a_cause_says_that_the_cause_is_unknown() {
    let event = event("cost-anomaly");
    assert_eq!(event.title, "Cost anomaly: Amazon DynamoDB +$1001.00");
    assert_eq!(field(&event, "Impact"), "$1001.00");
    assert_eq!(field(&event, "Cause"), "unknown");
    assert!(link(&event, "Anomaly").starts_with("https://console.aws.amazon.com/"));
    let known = super::sample::event("cost-anomaly-with-cause");
    assert!(field(&known, "Cause").starts_with("AWS Lambda · EU-Lambda-GB-Second · eu-west-1"));
}

#[test]
fn a_health_event_without_a_description_has_service_region_and_link() {
    let event = event("health-without-description");
    assert_eq!(event.kind.name(), "health");
    assert_eq!(field(&event, "Service"), "EC2");
    assert_eq!(event.region.as_deref(), Some("eu-west-1"));
    assert_eq!(event.severity, Severity::Warning);
    assert!(link(&event, "Health dashboard").contains("eventID=arn%3Aaws%3Ahealth"));
    assert_eq!(event.occurred_at, at("2026-07-25T05:00:00Z"));
    assert_eq!(event.title, "EC2: instance retirement scheduled");
    let described = super::sample::event("health");
    assert_eq!(described.severity, Severity::Error);
    assert_eq!(
        words(&described.reason),
        "We are investigating increased invocation errors."
    );
}

#[test]
fn the_severity_of_a_finding_follows_the_levels_of_guardduty() {
    let high = event("guardduty-high");
    assert_eq!(high.severity, Severity::Error);
    assert_eq!(field(&high, "Severity"), "high (8.9)");
    let critical = event("guardduty-critical");
    assert_eq!(critical.severity, Severity::Critical);
    assert_eq!(field(&critical, "Severity"), "critical (9)");
}

#[test]
fn a_failed_deployment_names_application_and_deployment() {
    for name in ["codedeploy", "codedeploy-trigger"] {
        let event = event(name);
        assert_eq!(event.severity, Severity::Error, "{name}");
        assert_eq!(
            field(&event, "Application"),
            "surefire-ServerlessDeploymentApplication"
        );
        assert!(link(&event, "Deployment").contains("/deployments/d-FINPB8MJ4?region=eu-west-1"));
        assert_eq!(event.occurred_at, at("2026-07-19T10:00:00Z"));
    }
    let trigger = event("codedeploy-trigger");
    assert_eq!(
        words(&trigger.reason),
        "One or more alarms have been activated."
    );
}

#[test]
fn a_stopped_task_shows_why_and_each_exit_code() {
    let event = event("ecs-task");
    assert_eq!(event.severity, Severity::Error);
    assert_eq!(words(&event.reason), "Essential container in task exited");
    assert_eq!(
        field(&event, "app"),
        "exit code 137: OutOfMemoryError: Container killed due to memory usage"
    );
    assert_eq!(field(&event, "proxy"), "exit code 0");
    let mut well = sample("ecs-task");
    well["detail"]["containers"][0] = json!({"name": "app", "exitCode": 0});
    assert_eq!(event_of(&well).severity, Severity::Info);
}

#[test]
fn a_stack_event_shows_stack_resource_status_and_reason() {
    let event = event("cloudformation");
    assert_eq!(event.kind.name(), "cloudformation");
    assert_eq!(event.severity, Severity::Error);
    assert_eq!(field(&event, "Stack"), "surefire");
    assert_eq!(field(&event, "Resource"), "OrdersTable");
    assert_eq!(field(&event, "Status"), "CREATE_FAILED");
    assert_eq!(
        words(&event.reason),
        "Table 'orders' already exists\nin the account"
    );
    assert!(link(&event, "Stack").contains("stackId=arn%3Aaws%3Acloudformation"));
}

#[test]
fn a_failed_invocation_shows_function_error_and_request_and_attaches_the_payload() {
    let destination = event("lambda-destination");
    assert_eq!(destination.kind.name(), "destination");
    assert_eq!(field(&destination, "Function"), "surefire-sweeper");
    assert_eq!(field(&destination, "Error"), "TableUnavailable");
    let dead = event("lambda-dead-letter");
    assert_eq!(dead.kind.name(), "dead-letter");
    for event in [destination, dead] {
        assert_eq!(words(&event.reason), "the table did not answer");
        assert_eq!(
            field(&event, "Request id"),
            "e4b46cbf-b738-4880-8a4f-2b5a5a0c1c5e"
        );
        let message = acceptable(&event);
        let file = String::from_utf8(message.files[0].bytes.clone()).unwrap();
        assert!(file.contains("01J0000000"), "{file}");
    }
}

#[test]
fn json_of_any_form_is_shown_as_it_is() {
    for (message, shown) in [
        ("null", "null"),
        ("12345678901234567890.50", "12345678901234567890.50"),
        ("true", "true"),
        ("\"a \\u00e9\"", "\"a \\u00e9\""),
        ("[1,2]", "[\n  1,\n  2\n]"),
    ] {
        let event = event_of_text(Some("s"), message);
        assert_eq!(event.kind.name(), "generic");
        assert_eq!(event.code.as_deref(), Some(shown));
        let embed = &acceptable(&event).payload.embeds[0];
        assert_eq!(embed.description, format!("```\n{shown}\n```"));
    }
}

#[test]
fn truncated_json_is_shown_as_text() {
    let truncated = r#"{"AlarmName": "a", "NewStateVa"#;
    let event = event_of_text(Some("s"), truncated);
    assert_eq!(event.kind.name(), "generic");
    assert_eq!(words(&event.reason), truncated);
}

#[test]
fn the_format_of_another_chat_is_shown_by_its_text() {
    let message = r#"{"text": "<!channel> hello", "attachments": [{"text": "x"}]}"#;
    let event = event_of_text(None, message);
    assert_eq!(event.kind.name(), "generic");
    assert_eq!(event.title, "<!channel> hello");
    assert_eq!(field(&event, "attachments.text"), "x");
}

#[test]
fn an_empty_message_says_so() {
    let event = event_of_text(Some(""), " \n");
    assert_eq!(event.title, "Message on alerts");
    assert_eq!(words(&event.reason), "(empty message)");
    let nothing = event_of(&json!({"Records": [{"eventSource": "aws:sqs"}]}));
    assert_eq!(words(&nothing.reason), "(empty message)");
}

#[test]
fn a_message_of_256_kb_is_cut_and_attached_whole() {
    let text = "word ".repeat(52_428);
    let event = event_of_text(Some("long"), &text);
    let message = acceptable(&event);
    assert!(message.payload.embeds[0].description.ends_with('…'));
    let file = String::from_utf8(message.files[0].bytes.clone()).unwrap();
    assert!(file.contains(&text));
    assert_eq!(message.files[0].name, "alert.txt");
    assert_eq!(message.payload.attachments.len(), 1);
}

#[test]
fn an_unknown_event_shows_its_subject_and_all_that_is_not_empty() {
    let event = event("eventbridge-unknown");
    assert_eq!(event.kind.name(), "eventbridge");
    assert_eq!(event.title, "Stocktake Finished: stocktakes");
    assert_eq!(event.source, "my.shop");
    assert_eq!(field(&event, "warehouse"), "north");
    assert_eq!(field(&event, "counted"), "1204");
    assert_eq!(field(&event, "differences.by"), "-2");
    assert_eq!(field(&event, "differences.sku"), "A-1");
    assert!(!has_field(&event, "note"));
    assert_eq!(field(&event, "Resources"), "arn:aws:s3:::stocktakes");
    assert!(link(&event, "Console").ends_with("/s3/buckets/stocktakes"));
}
