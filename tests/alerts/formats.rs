//! The known formats of AWS services and of other tools: what each says in its title, and where it leads.

use alert_forwarder::{Severity, State};

use super::parsing::at;
use super::sample::{event, field, has_field, link, words};

#[track_caller]
fn check(name: &str, kind: &str, severity: Severity, title: &str) {
    let event = event(name);
    assert_eq!(event.kind.name(), kind, "{name}");
    assert_eq!(event.severity, severity, "{name}");
    assert_eq!(event.title, title, "{name}");
}

#[test]
fn builds_jobs_and_executions_name_what_ended_and_how() {
    let (info, error) = (Severity::Info, Severity::Error);
    check(
        "codebuild",
        "codebuild",
        info,
        "Build shop-build: SUCCEEDED",
    );
    assert_eq!(event("codebuild").state, State::Resolved);
    assert!(link(&event("codebuild"), "Log").contains("#logEvent:group=b"));
    check(
        "codebuild-failed",
        "codebuild",
        error,
        "Build shop-build: FAILED",
    );
    assert!(words(&event("codebuild-failed").reason).starts_with("BUILD: COMMAND_EXECUTION"));
    check(
        "batch-job",
        "batch-job",
        error,
        "Job nightly-export: FAILED",
    );
    assert_eq!(field(&event("batch-job"), "Exit code"), "1");
    assert!(link(&event("batch-job"), "Log").ends_with("/log-events/export$252Fdefault$252F1"));
    check(
        "batch-queue",
        "batch-queue",
        error,
        "Queue nightly is blocked",
    );
    check(
        "step-functions",
        "step-functions",
        error,
        "State machine refunds: FAILED",
    );
    let execution = event("step-functions");
    assert_eq!(field(&execution, "Stopped"), "2026-07-19T10:00:00Z");
    assert!(!has_field(&execution, "input"));
}

#[test]
fn services_and_deployments_of_ecs_name_the_service() {
    check(
        "ecs-deployment",
        "ecs-deployment",
        Severity::Error,
        "prod/web: deployment failed",
    );
    assert!(link(&event("ecs-deployment"), "Service").contains("/clusters/prod/services/web"));
    check(
        "ecs-service-action",
        "ecs-deployment",
        Severity::Warning,
        "prod/web: task start impaired",
    );
}

#[test]
fn a_notification_rule_says_stage_action_and_why() {
    check(
        "codestar",
        "codestar",
        Severity::Error,
        "Pipeline shop: FAILED",
    );
    let event = event("codestar");
    assert_eq!(field(&event, "Failed stage"), "Production");
    assert_eq!(
        words(&event.reason),
        "Deploy: Stack is in ROLLBACK_COMPLETE"
    );
}

#[test]
fn an_approval_leads_to_its_review_and_never_shows_its_token() {
    check(
        "pipeline-approval",
        "pipeline-approval",
        Severity::Info,
        "Approval needed: shop · Production · Approve",
    );
    let event = event("pipeline-approval");
    assert_eq!(event.links[0].label, "Review");
    assert!(link(&event, "Review").contains("/Approve/approve/1"));
    assert_eq!(field(&event, "Expires"), "2026-07-26T10:00:00Z");
    assert!(!format!("{event:?}").contains("11112222-3333"));
}

#[test]
fn root_and_refused_calls_stand_out() {
    check(
        "cloudtrail-root-sign-in",
        "cloudtrail",
        Severity::Critical,
        "root signed in without MFA from 203.0.113.7",
    );
    check(
        "cloudtrail-call",
        "cloudtrail",
        Severity::Warning,
        "deploy called CreateAccessKey (refused) from 203.0.113.9",
    );
}

#[test]
fn findings_name_the_weakness_and_the_resource() {
    check(
        "inspector",
        "inspector",
        Severity::Critical,
        "CVE-2026-0001 - openssl in shop",
    );
    check(
        "inspector-classic",
        "inspector",
        Severity::Warning,
        "Inspector Classic: finding reported",
    );
    check(
        "access-analyzer",
        "access-analyzer",
        Severity::Error,
        "shop-exports is public",
    );
    check(
        "config-compliance",
        "config-compliance",
        Severity::Warning,
        "shop-exports is non compliant: s3-bucket-public-read-prohibited",
    );
    check(
        "trusted-advisor",
        "trusted-advisor",
        Severity::Warning,
        "Service Limits: Lambda",
    );
    assert_eq!(field(&event("trusted-advisor"), "Current Usage"), "870");
    check(
        "acm",
        "acm",
        Severity::Error,
        "Certificate api.shop.example expires in 5 days",
    );
}

#[test]
fn instances_and_environments_name_their_state() {
    check(
        "ec2-instance",
        "ec2-instance",
        Severity::Warning,
        "Instance i-0123456789abcdef0: terminated",
    );
    check(
        "ec2-spot-interruption",
        "ec2-instance",
        Severity::Warning,
        "i-0123456789abcdef0: EC2 will terminate this spot instance in two minutes",
    );
    check(
        "elastic-beanstalk",
        "elastic-beanstalk",
        Severity::Error,
        "shop-prod: Environment health has transitioned from Ok to Severe",
    );
    assert_eq!(event("elastic-beanstalk-ok").state, State::Resolved);
    check(
        "dms",
        "dms",
        Severity::Error,
        "DMS replication task ORDERSCOPY: Replication task has failed",
    );
    let subscribed = event("dms-subscription");
    assert_eq!(subscribed.kind.name(), "dms");
    assert_eq!(subscribed.severity, Severity::Warning);
    assert_eq!(subscribed.occurred_at, at("2026-07-19T09:59:30.123Z"));
}

#[test]
fn mail_that_came_back_says_whose_and_why() {
    check(
        "ses-bounce",
        "ses",
        Severity::Warning,
        "Bounce: customer@mail.example",
    );
    assert_eq!(
        words(&event("ses-bounce").reason),
        "smtp; 550 5.1.1 user unknown"
    );
    check(
        "ses-complaint",
        "ses",
        Severity::Warning,
        "Complaint: customer@mail.example",
    );
}

#[test]
fn a_notification_for_another_chat_shows_its_text_and_next_steps() {
    check("chatbot", "chatbot", Severity::Warning, "Export is late");
    let event = event("chatbot");
    assert_eq!(words(&event.reason), "The nightly export has not finished.");
    assert_eq!(field(&event, "Next steps"), "• Look at the job's log");
}

#[test]
fn log_lines_are_decoded() {
    let event = event("logs-subscription");
    assert_eq!(event.kind.name(), "logs-subscription");
    assert!(event.severity >= Severity::Warning);
    let lines = event.code.as_deref().unwrap();
    assert!(!lines.is_empty());
    assert!(!field(&event, "Log group").is_empty());
    assert!(!field(&event, "Log stream").is_empty());
}

#[test]
fn a_question_about_a_subscription_has_the_link_that_answers_it() {
    check(
        "subscription",
        "subscription",
        Severity::Info,
        "A topic asks to confirm its subscription: surefire-alerts",
    );
    let confirm = link(&event("subscription"), "Confirm");
    assert!(confirm.starts_with("https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"));
}

#[test]
fn switching_on_notifications_of_a_bucket_is_silent() {
    check(
        "s3-test",
        "s3-test",
        Severity::Info,
        "Bucket shop-exports: notifications are switched on",
    );
    assert!(event("s3-test").silent);
}

#[test]
fn alerts_of_prometheus_and_grafana_say_what_fires_where() {
    check(
        "alertmanager",
        "alertmanager",
        Severity::Critical,
        "QueueIsLong (2 alerts)",
    );
    let group = event("alertmanager");
    assert_eq!(group.state, State::Firing);
    assert_eq!(
        field(&group, "The queue on a:9100 has 5,000 messages"),
        "firing since 2026-07-19T09:55:00Z"
    );
    assert_eq!(link(&group, "Runbook"), "https://wiki.example/queue");
    assert_eq!(words(&group.reason), "Orders are handled late.");
    check("grafana", "grafana", Severity::Warning, "Checkout is slow");
    assert_eq!(field(&event("grafana"), "Value of B"), "3.2");
    assert!(link(&event("grafana"), "Panel").contains("viewPanel=1"));
}
