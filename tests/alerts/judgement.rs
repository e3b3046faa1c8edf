//! How bad an event is, by what its service says.

use alert_forwarder::{Severity, State};

use super::sample::{event, event_of_text, field, has_field, link};

#[track_caller]
fn check(name: &str, severity: Severity, title: &str) {
    let event = event(name);
    assert_eq!(event.severity, severity, "{name}");
    assert_eq!(event.title, title);
}

#[test]
fn the_event_of_a_database_is_judged_by_its_id() {
    check(
        "rds-storage-consumed",
        Severity::Critical,
        "shop: The allocated storage for the DB instance has been consumed",
    );
    check(
        "rds-storage-low",
        Severity::Warning,
        "shop: The free storage capacity for DB Instance: shop is low at 8% of the provisioned storage",
    );
    check(
        "rds-shutdown",
        Severity::Error,
        "shop: DB instance shutdown",
    );
    check(
        "rds-restarted",
        Severity::Info,
        "shop: DB instance restarted",
    );
    assert_eq!(event("rds-replication-error").severity, Severity::Error);
    assert!(link(&event("rds-shutdown"), "Database").contains("id=shop"));
}

#[test]
fn a_task_that_was_stopped_on_purpose_is_information() {
    check(
        "ecs-task-scale-in",
        Severity::Info,
        "prod/web: task stopped by the service",
    );
    check(
        "ecs-task-user-stop",
        Severity::Info,
        "prod/web: task stopped by a user",
    );
}

#[test]
fn a_task_that_failed_is_an_error_that_says_why() {
    check(
        "ecs-task",
        Severity::Error,
        "shop/basket: task ran out of memory",
    );
    check(
        "ecs-task-image-pull",
        Severity::Error,
        "prod/web: image cannot be pulled",
    );
}

#[test]
fn json_is_judged_by_its_own_severity_and_empty_members_are_left_out() {
    let event = event("generic-severity");
    assert_eq!(event.severity, Severity::Critical);
    assert_eq!(event.title, "orders: pool exhausted");
    assert_eq!(field(&event, "at"), "2026-07-19T10:00:00Z");
    assert_eq!(field(&event, "service"), "orders");
    assert!(!has_field(&event, "owner"));
    assert!(!has_field(&event, "extra"));
}

#[test]
fn an_event_of_an_unknown_kind_is_judged_by_its_state() {
    let event = event("eventbridge-failed");
    assert_eq!(event.severity, Severity::Error);
    assert_eq!(event.title, "Glue Job State Change: nightly-prices");
    assert_eq!(field(&event, "startedOn"), "2026-07-19T10:00:00Z");
    assert_eq!(field(&event, "worker.type"), "G.1X");
    let resolved = event_of_text(Some("s"), r#"{"status": "SUCCEEDED"}"#);
    assert_eq!(resolved.state, State::Resolved);
}

#[test]
fn a_complete_scan_that_found_something_is_not_green() {
    check(
        "eventbridge-scan",
        Severity::Critical,
        "ECR Image Scan: shop",
    );
    assert_eq!(event("eventbridge-scan").state, State::Notice);
}

#[test]
fn of_many_values_twelve_are_fields_and_all_are_attached() {
    let members: Vec<String> = (10..30)
        .map(|index| format!("\"m{index}\": {index}"))
        .collect();
    let event = event_of_text(Some("s"), &format!("{{{}}}", members.join(",")));
    assert_eq!(event.fields.len(), 12);
    assert!(event.attach_raw);
}

#[test]
fn a_text_or_json_of_any_form_can_say_its_severity_and_its_runbook() {
    let text = "Disk is full\n**Severity**: critical\nRunbook: https://wiki.example/disk";
    let json = r#"{"message": "Disk is full", "level": "critical", "runbook": "https://wiki.example/disk"}"#;
    for message in [text, json] {
        let event = event_of_text(None, message);
        assert_eq!(event.title, "Disk is full");
        assert_eq!(event.severity, Severity::Critical);
        assert_eq!(link(&event, "Runbook"), "https://wiki.example/disk");
    }
}

#[test]
fn a_text_without_a_subject_has_its_first_line_as_the_title() {
    let event = event_of_text(None, "Disk is full\non host a");
    assert_eq!(event.title, "Disk is full");
    assert_eq!(super::sample::words(&event.reason), "on host a");
    let list = event_of_text(None, "[1]");
    assert_eq!(list.title, "Message on alerts");
}

#[test]
fn a_budget_a_finding_and_a_backup_say_the_most_important_in_the_title() {
    assert_eq!(
        event("budget-actual").title,
        "Budget Surefire monthly: €1,234.56 spent (103 %)"
    );
    let finding = event("guardduty-bucket");
    assert_eq!(field(&finding, "Bucket"), "shop-exports");
    assert_eq!(
        field(&finding, "Remote address"),
        "198.51.100.7 (Netherlands)"
    );
    let backup = event("backup");
    assert_eq!(backup.title, "backup job of orders: FAILED");
    assert!(link(&backup, "Job").contains("#/jobs/backup/details/1b2345b2"));
    let anomaly = event("cost-anomaly-eventbridge");
    assert_eq!(anomaly.account.as_deref(), Some("123456789012"));
    assert_eq!(anomaly.region.as_deref(), Some("eu-west-1"));
    assert!(link(&anomaly, "Anomaly").contains("anomalies/5ab56ddc"));
}
