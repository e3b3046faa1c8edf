//! Each kind of alert has a sample, and some kinds are understood from two sources.

use std::collections::BTreeSet;

use alert_forwarder::{Kind, Severity, kinds};

use super::parsing::at;
use super::sample::{acceptable, event, field, names};

#[test]
fn each_kind_of_alert_has_a_sample() {
    let seen: BTreeSet<&str> = names().iter().map(|name| event(name).kind.name()).collect();
    let listed: BTreeSet<&str> = kinds().map(Kind::name).collect();
    for kind in &listed {
        assert!(
            seen.contains(kind),
            "the kind {kind} has no sample in events/alerts/: add an event that its parser understands, \
             and that no parser above it in the list in parse.rs understands"
        );
    }
    let unlisted: Vec<_> = seen.difference(&listed).collect();
    assert!(
        unlisted.is_empty(),
        "{unlisted:?} are not in the list in parse.rs"
    );
}

#[test]
fn kinds_with_two_sources_are_understood_from_both() {
    let check = |name: &str, kind: &str, severity: Severity, title: &str| {
        let event = event(name);
        assert_eq!(
            (event.kind.name(), event.severity),
            (kind, severity),
            "{name}"
        );
        assert_eq!(event.title, title);
        assert_eq!(event.region.as_deref(), Some("eu-west-1"));
    };
    let (error, warning) = (Severity::Error, Severity::Warning);
    check(
        "rds-eventbridge",
        "rds",
        warning,
        "shop: A Multi-AZ failover has completed",
    );
    check(
        "rds-subscription",
        "rds",
        Severity::Critical,
        "shop: The allocated storage for the DB instance has been exhausted: storage-full, out of space",
    );
    check(
        "auto-scaling",
        "auto-scaling",
        error,
        "web: EC2 instance launch error",
    );
    check(
        "auto-scaling-eventbridge",
        "auto-scaling",
        error,
        "web: EC2 Instance Launch Unsuccessful",
    );
    check("backup", "backup", error, "backup job of orders: FAILED");
    check(
        "codepipeline",
        "codepipeline",
        error,
        "Pipeline surefire: FAILED",
    );
    check(
        "security-hub",
        "security-hub",
        Severity::Critical,
        "S3.2 S3 general purpose buckets should block public read access",
    );
    assert_eq!(
        event("rds-subscription").occurred_at,
        at("2026-07-19T09:59:30Z")
    );
    assert_eq!(
        field(&event("security-hub"), "Also MEDIUM"),
        "Lambda.3 Lambda functions should be in a VPC"
    );
}

#[test]
fn a_resolved_alarm_is_green_and_one_without_data_is_grey() {
    let color = |name| acceptable(&event(name)).payload.embeds[0].color;
    assert_eq!(color("metric-alarm-ok"), 0x002E_CC71);
    assert_eq!(color("metric-alarm-no-data"), 0x0095_A5A6);
}
