//! The template has what the forwarder relies on: its queue, its time-out, its secret.

use std::collections::BTreeSet;
use std::time::Duration;

use alert_forwarder::{WebhookError, WebhookUrl};
use local::serve::Options;
use template::{Kind, SecretValue, Template};

use super::aws::Alarm;
use super::no_loss;
use super::reminders;
use super::stage::{Stage, alarm};

fn template() -> Template {
    Options::in_memory().read_template().unwrap()
}

/// The lines of a resource in the template.
fn resource(name: &str) -> String {
    let text = Options::in_memory().template;
    let (_, after) = text.split_once(&format!("\n  {name}:\n")).unwrap();
    let inside = |line: &&str| line.is_empty() || line.starts_with("   ");
    after
        .lines()
        .take_while(inside)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The number after a name in the lines of a resource.
#[track_caller]
fn number(lines: &str, name: &str) -> u64 {
    let (_, after) = lines.split_once(&format!("{name}: ")).unwrap();
    let digits = after.split(|character: char| !character.is_ascii_digit());
    digits.into_iter().next().unwrap().parse().unwrap()
}

/// The template's initial text of the webhook secret.
fn placeholder() -> String {
    let template = template();
    let (_, forwarder) = template.function(Kind::AlertForwarder).unwrap();
    let id = &forwarder.environment["WEBHOOK_SECRET_ID"];
    let secret = template.secrets.iter().find(|secret| secret.arn == *id);
    match &secret.unwrap().value {
        SecretValue::Text(text) => text.clone(),
        SecretValue::Generated(_) => panic!("a webhook URL cannot be generated"),
    }
}

#[test]
fn the_placeholder_of_the_template_is_recognised() {
    let refused = WebhookUrl::parse(&placeholder()).unwrap_err();
    assert_eq!(refused, WebhookError::Placeholder);
}

#[tokio::test]
async fn with_the_placeholder_of_the_template_alerts_are_handed_back_until_there_is_a_webhook() {
    let stage = Stage::usual().await;
    let webhook = std::mem::replace(&mut *stage.aws.secret.lock().unwrap(), placeholder());
    assert_eq!(stage.handed_back(&[alarm("a")]).await, ["a"]);
    assert!(stage.logged("still a placeholder: put your channel's webhook URL into the secret"));
    assert!(
        stage.logged("\"secret\":\"webhook\""),
        "the log must name the secret"
    );
    // Nothing was called: neither the stand-in nor the URL in the placeholder.
    assert!(stage.posts().is_empty());
    assert_eq!(stage.metric("RouteCircuitOpen"), 0);
    assert!(!stage.logged("Discord failed"));

    *stage.aws.secret.lock().unwrap() = webhook;
    stage.clock.advance(Duration::from_mins(1));
    assert!(stage.handed_back(&[alarm("a")]).await.is_empty());
    assert_eq!(stage.discord.messages().len(), 1);
}

#[tokio::test]
async fn the_function_asks_cloudwatch_for_exactly_what_its_role_allows() {
    let episode = reminders::due(Alarm::Firing).await;
    let asked = episode.stage.aws.actions.lock().unwrap().clone();
    let role = resource("AlertForwarderRole");
    let words = role.split(|character: char| !(character.is_alphanumeric() || character == ':'));
    let allowed: BTreeSet<String> = words
        .filter(|word| word.starts_with("cloudwatch:") && !word.ends_with(':'))
        .map(str::to_owned)
        .collect();
    assert_eq!(asked, allowed);
}

#[test]
fn the_queue_has_the_limits_that_the_forwarder_relies_on() {
    let template = template();
    let (_, forwarder) = template.function(Kind::AlertForwarder).unwrap();
    assert_eq!(forwarder.timeout, Duration::from_secs(20));

    let queue = resource("AlertsQueue");
    let visibility = Duration::from_secs(number(&queue, "VisibilityTimeout"));
    assert_eq!(visibility, 6 * forwarder.timeout);
    assert_eq!(visibility, no_loss::VISIBILITY);
    let receives = number(&queue, "maxReceiveCount");
    assert_eq!(receives, u64::from(no_loss::RECEIVES_MAX));
    for name in ["AlertsQueue", "AlertsDeadLetterQueue"] {
        let days = number(&resource(name), "MessageRetentionPeriod") / (24 * 60 * 60);
        assert_eq!(days, 14, "{name}");
    }

    let function = resource("AlertForwarderFunction");
    let batch = usize::try_from(number(&function, "BatchSize")).unwrap();
    assert_eq!(batch, no_loss::BATCH_MAX);
    assert!(function.contains("FunctionResponseTypes: [ReportBatchItemFailures]"));
    for variable in ["QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "TABLE_NAME"] {
        assert!(forwarder.environment.contains_key(variable), "{variable}");
    }
}
