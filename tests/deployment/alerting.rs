//! Owns the way of an alert: publisher, topic, key, queue, function, and where it ends if it cannot go on.
//!
//! Every step here fails without a word when it is wrong, and is missed first when something else breaks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use template::Stack;

use super::{keeps, list, names, stack, texts, with};

/// Who publishes to the topic, and whether it names its account when it does.
///
/// EventBridge does not: a policy with a condition on the source's account turns its events away
/// (Amazon SNS Developer Guide, "Managing Amazon SNS encryption keys and costs").
const PUBLISHERS: [(&str, bool); 4] = [
    ("cloudwatch.amazonaws.com", true),
    ("budgets.amazonaws.com", true),
    ("costalerts.amazonaws.com", true),
    ("events.amazonaws.com", false),
];

/// What each service may do by a policy's statements, and whether only for an account.
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

fn admitted(faults: &mut Vec<String>, what: &str, policy: &Value, wanted: &[&str]) {
    let grants = grants(policy);
    for (publisher, names_account) in PUBLISHERS {
        match grants.get(publisher) {
            None => faults.push(format!("{what} does not let {publisher} in")),
            Some((actions, bound)) => {
                for action in wanted.iter().filter(|action| !actions.contains(**action)) {
                    faults.push(format!("{what} does not let {publisher} {action}"));
                }
                if *bound != names_account {
                    faults.push(format!("{what} asks {publisher} for an account: {bound}"));
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
                    &["sns:Publish"],
                );
            }
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
                admitted(&mut faults, name, &key.properties["KeyPolicy"], &wanted);
            }
        }
    }
    faults
}

#[test]
fn every_publisher_is_let_in_by_the_topic_and_by_its_key() {
    keeps(topics);
    assert_eq!(
        stack(&super::text())
            .unwrap()
            .of_kind("AWS::SNS::Topic")
            .count(),
        1
    );
}

#[test]
fn a_publisher_that_is_kept_out_is_named() {
    let services = "[cloudwatch.amazonaws.com, budgets.amazonaws.com, costalerts.amazonaws.com]";
    let fewer = "[cloudwatch.amazonaws.com, budgets.amazonaws.com]";
    let broken = with("AlertsTopicPolicy", services, fewer);
    names(
        topics,
        &broken,
        "AlertsTopicPolicy does not let costalerts.amazonaws.com in",
    );
    let broken = with("AlertsKey", services, fewer);
    names(
        topics,
        &broken,
        "AlertsKey does not let costalerts.amazonaws.com in",
    );
    let events = "            Principal: {Service: events.amazonaws.com}\n";
    let bound = format!(
        "{events}            Condition: {{StringEquals: {{aws:SourceAccount: !Ref AWS::AccountId}}}}\n"
    );
    let broken = with("AlertsKey", events, &bound);
    names(
        topics,
        &broken,
        "AlertsKey asks events.amazonaws.com for an account",
    );
    let broken = with("AlertsTopicPolicy", events, &bound);
    names(
        topics,
        &broken,
        "AlertsTopicPolicy asks events.amazonaws.com for an account",
    );
    let broken = with("AlertsTopic", "      KmsMasterKeyId: !Ref AlertsKey\n", "");
    names(topics, &broken, "AlertsTopic is not encrypted");
}

/// Properties of the queue, of what fills it and of what empties it.
fn queue_faults(stack: &Stack) -> Vec<String> {
    let resource = |logical: &str| &stack.resources[logical];
    let (queue, dead) = (resource("AlertsQueue"), resource("AlertsDeadLetterQueue"));
    let function = &resource("AlertForwarderFunction").properties;
    let arn = |logical: &str| format!("arn:aws:sqs:ap-northeast-2:123456789012:surefire-{logical}");
    let mut faults = Vec::new();
    let mut want = |holds: bool, fault: &str| {
        if !holds {
            faults.push(fault.to_owned());
        }
    };
    let number = |value: &Value| value.as_u64().unwrap_or_default();

    let subscribed = list(&resource("AlertsTopic").properties["Subscription"]);
    let wanted = json!({"Protocol": "sqs", "Endpoint": arn("AlertsQueue")});
    want(
        subscribed.contains(&&wanted),
        "the topic does not fill the queue",
    );
    let policy = &resource("AlertsQueuePolicy").properties;
    let statement = &policy["PolicyDocument"]["Statement"][0];
    want(
        list(&policy["Queues"]) == [&json!(queue.reference)]
            && statement["Principal"]["Service"] == json!("sns.amazonaws.com")
            && statement["Action"] == json!("sqs:SendMessage")
            && statement["Resource"] == json!(arn("AlertsQueue"))
            && statement.pointer("/Condition/ArnEquals/aws:SourceArn")
                == Some(&json!(resource("AlertsTopic").reference)),
        "the queue does not let the topic in, and only it",
    );

    let event = &function["Events"]["Alerts"];
    want(
        event["Type"] == json!("SQS") && event["Properties"]["Queue"] == json!(arn("AlertsQueue")),
        "the forwarder does not empty the queue",
    );
    want(
        texts(&event["Properties"]["FunctionResponseTypes"]) == ["ReportBatchItemFailures"],
        "one bad alert sends its whole batch back",
    );
    want(
        (1..=5).contains(&number(&event["Properties"]["BatchSize"])),
        "a batch is too long",
    );
    let told = &function["Environment"]["Variables"];
    want(
        told["QUEUE_URL"] == json!(queue.reference)
            && told["DEAD_LETTER_QUEUE_URL"] == json!(dead.reference),
        "the forwarder is told of other queues",
    );

    let visible = number(&queue.properties["VisibilityTimeout"]);
    want(
        6 * number(&function["Timeout"]) <= visible,
        "an alert is seen again while it is being sent",
    );
    want(
        visible <= 120,
        "a crash delays an alert by more than two minutes",
    );
    let redrive = &queue.properties["RedrivePolicy"];
    want(
        redrive["deadLetterTargetArn"] == json!(arn("AlertsDeadLetterQueue")),
        "an alert that cannot be sent is dropped",
    );
    want(
        100 <= number(&redrive["maxReceiveCount"]),
        "an outage of Discord fills the dead-letter queue",
    );
    for (logical, queue) in stack.of_kind("AWS::SQS::Queue") {
        let kept = number(&queue.properties["MessageRetentionPeriod"]);
        want(
            kept == 14 * 24 * 3_600,
            &format!("{logical} does not keep messages for 14 days"),
        );
        let encrypted = queue.properties["SqsManagedSseEnabled"] == json!(true);
        want(encrypted, &format!("{logical} is not encrypted"));
    }
    faults
}

fn queues(text: &str) -> Vec<String> {
    stack(text).map_or_else(|faults| faults, |stack| queue_faults(&stack))
}

#[test]
fn an_alert_finds_its_way_and_is_kept_while_discord_is_away() {
    keeps(queues);
}

/// A change of one entry, and what the rule then says.
const BREAKS: &[(&str, &str, &str, &str)] = &[
    (
        "AlertsTopic",
        "!GetAtt AlertsQueue.Arn",
        "!GetAtt AlertsDeadLetterQueue.Arn",
        "does not fill",
    ),
    (
        "AlertsQueuePolicy",
        "sqs:SendMessage",
        "sqs:ReceiveMessage",
        "let the topic in",
    ),
    (
        "AlertsQueuePolicy",
        "!Ref AlertsTopic",
        "\"*\"",
        "and only it",
    ),
    (
        "AlertForwarderFunction",
        "Queue: !GetAtt AlertsQueue.Arn",
        "Queue: !GetAtt AlertsDeadLetterQueue.Arn",
        "does not empty",
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
        "too long",
    ),
    (
        "AlertForwarderFunction",
        "DEAD_LETTER_QUEUE_URL: !Ref AlertsDeadLetterQueue",
        "DEAD_LETTER_QUEUE_URL: !Ref AlertsQueue",
        "told of other queues",
    ),
    (
        "AlertForwarderFunction",
        "Timeout: 20",
        "Timeout: 60",
        "seen again while",
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
        "is dropped",
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
fn each_break_in_the_way_of_an_alert_is_named() {
    for (entry, from, to, expected) in BREAKS {
        names(queues, &with(entry, from, to), expected);
    }
}
