//! The path of an alert: publisher, topic, key, queue, function and dead-letter queue.
//!
//! If one of these steps is wrong, alerts are lost without any error. Nobody notices until something
//! else breaks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use template::Stack;

use super::{keeps, list, names, stack, texts, with};

/// The services that publish to the topic, and whether they name their account.
///
/// EventBridge does not name it, so a policy with a condition on the source account refuses its events
/// (Amazon SNS Developer Guide, "Managing Amazon SNS encryption keys and costs"). The policies that AWS
/// documents for AWS Backup and for the developer tools' notifications have no such condition.
const PUBLISHERS: [(&str, bool); 7] = [
    ("events.rds.amazonaws.com", true),
    ("backup.amazonaws.com", false),
    ("codestar-notifications.amazonaws.com", false),
    ("cloudwatch.amazonaws.com", true),
    ("budgets.amazonaws.com", true),
    ("costalerts.amazonaws.com", true),
    ("events.amazonaws.com", false),
];

/// The actions that a policy allows each service, and whether they are bound to an account.
fn grants(policy: &Value) -> BTreeMap<String, (BTreeSet<String>, bool)> {
    let mut grants: BTreeMap<String, (BTreeSet<String>, bool)> = BTreeMap::new();
    for statement in list(&policy["Statement"]) {
        if statement["Effect"] != json!("Allow") {
            continue;
        }
        let account = statement.pointer("/Condition/StringEquals/aws:SourceAccount");
        for service in texts(&statement["Principal"]["Service"]) {
            let (actions, bound) = grants.entry(service.to_owned()).or_default();
            actions.extend(texts(&statement["Action"]).into_iter().map(str::to_owned));
            *bound = statement.get("Condition").is_some();
            assert_eq!(account.is_some(), *bound, "an unknown condition");
        }
    }
    grants
}

/// Alarms on the forwarder's own trouble are sent to this topic. Only CloudWatch publishes to it, and it has
/// no key: an e-mail is not encrypted, and the key is one of the things that may be broken.
const EMAIL_TOPIC: &str = "AlertEmailTopic";

fn publishers(topic: &str) -> &'static [(&'static str, bool)] {
    if topic == EMAIL_TOPIC {
        &[("cloudwatch.amazonaws.com", true)]
    } else {
        &PUBLISHERS
    }
}

fn admitted(
    faults: &mut Vec<String>,
    what: &str,
    policy: &Value,
    publishers: &[(&str, bool)],
    wanted: &[&str],
) {
    let grants = grants(policy);
    for &(publisher, names_account) in publishers {
        match grants.get(publisher) {
            None => faults.push(format!("{what} does not admit {publisher}")),
            Some((actions, bound)) => {
                for action in wanted.iter().filter(|action| !actions.contains(**action)) {
                    faults.push(format!("{what} does not allow {publisher} {action}"));
                }
                if *bound != names_account {
                    let has = if *bound { "has a" } else { "has no" };
                    faults.push(format!(
                        "{what} {has} condition on the account of {publisher}"
                    ));
                }
            }
        }
    }
}

fn topics(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let mut faults = Vec::new();
    for (logical, topic) in stack.of_kind("AWS::SNS::Topic") {
        let arn = json!(topic.reference);
        let of_topic = |(_, policy): &(&str, &template::Resource)| {
            list(&policy.properties["Topics"]).contains(&&arn)
        };
        match stack.of_kind("AWS::SNS::TopicPolicy").find(of_topic) {
            None => faults.push(format!("{logical} has no policy")),
            Some((name, policy)) => {
                admitted(
                    &mut faults,
                    name,
                    &policy.properties["PolicyDocument"],
                    publishers(logical),
                    &["sns:Publish"],
                );
            }
        }
        if logical == EMAIL_TOPIC {
            if topic.properties.get("KmsMasterKeyId").is_some() {
                faults.push(format!("{logical} depends on a key"));
            }
            continue;
        }
        let mut keys = stack.of_kind("AWS::KMS::Key");
        let key = topic.properties.get("KmsMasterKeyId");
        match keys
            .find(|(_, it)| key.is_some() && key == it.reference.clone().map(Value::from).as_ref())
        {
            None => faults.push(format!(
                "{logical} is not encrypted with a key of the stack"
            )),
            Some((name, key)) => {
                let wanted = ["kms:Decrypt", "kms:GenerateDataKey*"];
                let policy = &key.properties["KeyPolicy"];
                admitted(&mut faults, name, policy, publishers(logical), &wanted);
            }
        }
    }
    faults
}

#[test]
fn the_topic_and_its_key_admit_every_publisher() {
    keeps(topics);
    assert_eq!(
        stack(&super::text())
            .unwrap()
            .of_kind("AWS::SNS::Topic")
            .count(),
        2
    );
}

#[test]
fn a_publisher_that_is_not_admitted_is_named() {
    let services = ", costalerts.amazonaws.com";
    let fewer = "";
    let broken = with("AlertsTopicPolicy", services, fewer);
    names(
        topics,
        &broken,
        "AlertsTopicPolicy does not admit costalerts.amazonaws.com",
    );
    let broken = with("AlertsKey", services, fewer);
    names(
        topics,
        &broken,
        "AlertsKey does not admit costalerts.amazonaws.com",
    );
    for entry in ["AlertsTopicPolicy", "AlertsKey"] {
        for publisher in [
            "events.rds.amazonaws.com",
            "backup.amazonaws.com",
            "codestar-notifications.amazonaws.com",
        ] {
            let broken = with(entry, &format!(", {publisher}"), "");
            let fault = format!("{entry} does not admit {publisher}");
            names(topics, &broken, &fault);
        }
    }
    let events = "            Principal: {Service: [events.amazonaws.com, backup.amazonaws.com, codestar-notifications.amazonaws.com]}\n";
    let bound = format!(
        "{events}            Condition: {{StringEquals: {{aws:SourceAccount: !Ref AWS::AccountId}}}}\n"
    );
    let broken = with("AlertsKey", events, &bound);
    names(
        topics,
        &broken,
        "AlertsKey has a condition on the account of events.amazonaws.com",
    );
    let broken = with("AlertsTopicPolicy", events, &bound);
    names(
        topics,
        &broken,
        "AlertsTopicPolicy has a condition on the account of events.amazonaws.com",
    );
    let broken = with("AlertsTopic", "      KmsMasterKeyId: !Ref AlertsKey\n", "");
    names(topics, &broken, "AlertsTopic is not encrypted");
    let condition = "    Condition: WithAlerts\n";
    let keyed = format!("{condition}    Properties: {{KmsMasterKeyId: !Ref AlertsKey}}\n");
    let broken = with("AlertEmailTopic", condition, &keyed);
    names(topics, &broken, "AlertEmailTopic depends on a key");
    let publisher = "cloudwatch.amazonaws.com";
    let broken = with("AlertEmailTopicPolicy", publisher, "events.amazonaws.com");
    names(
        topics,
        &broken,
        "AlertEmailTopicPolicy does not admit cloudwatch.amazonaws.com",
    );
}

/// The faults of the checks that did not hold.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn want(&mut self, holds: bool, fault: &str) {
        if !holds {
            self.0.push(fault.to_owned());
        }
    }
}

fn queue_arn(logical: &str) -> String {
    format!("arn:aws:sqs:ap-northeast-2:123456789012:surefire-{logical}")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// What is wrong between the topic and the queue.
fn sending(stack: &Stack, faults: &mut Faults) {
    let resource = |logical: &str| &stack.resources[logical];
    let queue = resource("AlertsQueue");
    let topic = &resource("AlertsTopic");
    let wanted = json!({
        "TopicArn": topic.reference, "Protocol": "sqs", "Endpoint": queue_arn("AlertsQueue"),
    });
    let mut subscriptions = stack.of_kind("AWS::SNS::Subscription");
    faults.want(
        subscriptions.any(|(_, it)| it.properties == wanted),
        "the topic does not send to the queue",
    );
    faults.want(
        topic.properties.get("Subscription").is_none(),
        "a subscription outlives its topic",
    );
    let policy = &resource("AlertsQueuePolicy").properties;
    let statement = &policy["PolicyDocument"]["Statement"][0];
    faults.want(
        list(&policy["Queues"]) == [&json!(queue.reference)]
            && statement["Principal"]["Service"] == json!("sns.amazonaws.com")
            && statement["Action"] == json!("sqs:SendMessage")
            && statement["Resource"] == json!(queue_arn("AlertsQueue"))
            && statement.pointer("/Condition/ArnEquals/aws:SourceArn")
                == Some(&json!(resource("AlertsTopic").reference)),
        "the queue does not admit the topic alone",
    );
}

/// What is wrong between the queue and the forwarder.
fn receiving(stack: &Stack, faults: &mut Faults) {
    let resource = |logical: &str| &stack.resources[logical];
    let (queue, dead) = (resource("AlertsQueue"), resource("AlertsDeadLetterQueue"));
    let function = &resource("AlertForwarderFunction").properties;
    let event = &function["Events"]["Alerts"];
    faults.want(
        event["Type"] == json!("SQS")
            && event["Properties"]["Queue"] == json!(queue_arn("AlertsQueue")),
        "the forwarder does not receive from the queue",
    );
    faults.want(
        texts(&event["Properties"]["FunctionResponseTypes"]) == ["ReportBatchItemFailures"],
        "one failed alert returns its whole batch to the queue",
    );
    faults.want(
        (1..=5).contains(&number(&event["Properties"]["BatchSize"])),
        "a batch is too large",
    );
    faults.want(
        (2..=10).contains(&number(
            &event["Properties"]["ScalingConfig"]["MaximumConcurrency"],
        )),
        "an alert storm takes the concurrency that orders need",
    );
    let variables = &function["Environment"]["Variables"];
    faults.want(
        variables["QUEUE_URL"] == json!(queue.reference)
            && variables["DEAD_LETTER_QUEUE_URL"] == json!(dead.reference),
        "the forwarder has the URLs of other queues",
    );
    let visible = number(&queue.properties["VisibilityTimeout"]);
    faults.want(
        6 * number(&function["Timeout"]) <= visible,
        "an alert is received again while it is being sent",
    );
    faults.want(
        visible <= 120,
        "an alert waits more than two minutes after a crash",
    );
}

/// Ways in which the queues could lose an alert.
fn keeping(stack: &Stack, faults: &mut Faults) {
    let redrive = &stack.resources["AlertsQueue"].properties["RedrivePolicy"];
    faults.want(
        redrive["deadLetterTargetArn"] == json!(queue_arn("AlertsDeadLetterQueue")),
        "an alert that cannot be sent does not reach the dead-letter queue",
    );
    faults.want(
        100 <= number(&redrive["maxReceiveCount"]),
        "an outage of Discord moves alerts to the dead-letter queue",
    );
    for (logical, queue) in stack.of_kind("AWS::SQS::Queue") {
        let kept = number(&queue.properties["MessageRetentionPeriod"]);
        faults.want(
            kept == 14 * 24 * 3_600,
            &format!("{logical} does not keep messages for 14 days"),
        );
        let encrypted = queue.properties["SqsManagedSseEnabled"] == json!(true);
        faults.want(encrypted, &format!("{logical} is not encrypted"));
    }
}

fn queues(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let mut faults = Faults::default();
    sending(&stack, &mut faults);
    receiving(&stack, &mut faults);
    keeping(&stack, &mut faults);
    faults.0
}

#[test]
fn an_alert_reaches_the_forwarder_and_is_kept_during_an_outage_of_discord() {
    keeps(queues);
}

/// Changes of one entry, each with a part of the fault that the rule then names.
const BREAKS: &[(&str, &str, &str, &str)] = &[
    (
        "AlertsTopic",
        "      KmsMasterKeyId: !Ref AlertsKey\n",
        "      KmsMasterKeyId: !Ref AlertsKey\n      Subscription: [{Protocol: sqs, Endpoint: !GetAtt AlertsQueue.Arn}]\n",
        "a subscription outlives",
    ),
    (
        "AlertsSubscription",
        "!GetAtt AlertsQueue.Arn",
        "!GetAtt AlertsDeadLetterQueue.Arn",
        "does not send",
    ),
    (
        "AlertsQueuePolicy",
        "Action: sqs:SendMessage\n            Resource",
        "Action: sqs:ReceiveMessage\n            Resource",
        "admit the topic",
    ),
    (
        "AlertsQueuePolicy",
        "!Ref AlertsTopic",
        "\"*\"",
        "the topic alone",
    ),
    (
        "AlertForwarderFunction",
        "Queue: !GetAtt AlertsQueue.Arn",
        "Queue: !GetAtt AlertsDeadLetterQueue.Arn",
        "does not receive",
    ),
    (
        "AlertForwarderFunction",
        "            FunctionResponseTypes: [ReportBatchItemFailures]\n",
        "",
        "its whole batch",
    ),
    (
        "AlertForwarderFunction",
        "BatchSize: 5",
        "BatchSize: 50",
        "too large",
    ),
    (
        "AlertForwarderFunction",
        "            ScalingConfig: {MaximumConcurrency: 2}\n",
        "",
        "an alert storm takes the concurrency",
    ),
    (
        "AlertForwarderFunction",
        "DEAD_LETTER_QUEUE_URL: !Ref AlertsDeadLetterQueue",
        "DEAD_LETTER_QUEUE_URL: !Ref AlertsQueue",
        "URLs of other queues",
    ),
    (
        "AlertForwarderFunction",
        "Timeout: 20",
        "Timeout: 60",
        "received again while",
    ),
    (
        "AlertsQueue",
        "VisibilityTimeout: 120",
        "VisibilityTimeout: 1200",
        "more than two minutes",
    ),
    (
        "AlertsQueue",
        "!GetAtt AlertsDeadLetterQueue.Arn",
        "!GetAtt AlertsQueue.Arn",
        "does not reach the dead-letter queue",
    ),
    (
        "AlertsQueue",
        "maxReceiveCount: 100",
        "maxReceiveCount: 3",
        "an outage",
    ),
    (
        "AlertsDeadLetterQueue",
        "MessageRetentionPeriod: 1209600",
        "MessageRetentionPeriod: 345600",
        "AlertsDeadLetterQueue does not keep",
    ),
    (
        "AlertsQueue",
        "SqsManagedSseEnabled: true",
        "SqsManagedSseEnabled: false",
        "AlertsQueue is not encrypted",
    ),
];

#[test]
fn each_break_in_the_path_of_an_alert_is_named() {
    for (entry, from, to, expected) in BREAKS {
        names(queues, &with(entry, from, to), expected);
    }
}
