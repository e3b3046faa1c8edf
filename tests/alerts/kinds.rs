//! Kinds of messages without a case of their own, and that there is a sample of each.

use std::collections::BTreeSet;

use alert_forwarder::event::{Kind, Severity};

use super::parsing::at;
use super::sample::{acceptable, event, field, names};

const ALL: [Kind; 18] = [
    Kind::MetricAlarm,
    Kind::CompositeAlarm,
    Kind::Budget,
    Kind::CostAnomaly,
    Kind::Health,
    Kind::GuardDuty,
    Kind::SecurityHub,
    Kind::CodeDeploy,
    Kind::CodePipeline,
    Kind::EcsTask,
    Kind::Rds,
    Kind::AutoScaling,
    Kind::CloudFormation,
    Kind::Destination,
    Kind::DeadLetter,
    Kind::Backup,
    Kind::EventBridge,
    Kind::Generic,
];

#[test]
fn there_is_a_sample_of_each_kind() {
    let kinds: BTreeSet<&str> = names().iter().map(|name| event(name).kind.name()).collect();
    let known: BTreeSet<&str> = ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(kinds, known);
}

#[test]
fn the_other_kinds_are_understood_from_either_way() {
    let check = |name: &str, kind: Kind, severity: Severity, title: &str| {
        let event = event(name);
        assert_eq!((event.kind, event.severity), (kind, severity), "{name}");
        assert_eq!(event.title, title);
        assert_eq!(event.region.as_deref(), Some("eu-west-1"));
    };
    let (error, warning) = (Severity::Error, Severity::Warning);
    check("rds-eventbridge", Kind::Rds, warning, "shop");
    check("rds-subscription", Kind::Rds, error, "shop");
    check(
        "auto-scaling",
        Kind::AutoScaling,
        error,
        "web: autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
    );
    check(
        "auto-scaling-eventbridge",
        Kind::AutoScaling,
        error,
        "web: EC2 Instance Launch Unsuccessful",
    );
    check("backup", Kind::Backup, error, "backup job: FAILED");
    check(
        "codepipeline",
        Kind::CodePipeline,
        error,
        "Pipeline surefire: FAILED",
    );
    check(
        "security-hub",
        Kind::SecurityHub,
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
fn an_alarm_that_ended_is_green_and_one_without_data_is_grey() {
    let color = |name| acceptable(&event(name)).payload.embeds[0].color;
    assert_eq!(color("metric-alarm-ok"), 0x002E_CC71);
    assert_eq!(color("metric-alarm-no-data"), 0x0095_A5A6);
}
