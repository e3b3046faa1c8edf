//! Owns what a bare deployment needs: defaults, parts that stand alone, names that clash with none.

use std::collections::BTreeSet;

use template::Stack;

use super::{keeps, names, stack, text, with};

/// The answers that change what exists.
const CHOICES: [(&str, &[&str]); 5] = [
    ("Components", &["all", "authorizer", "alert-forwarder"]),
    ("EnableEdge", &["true", "false"]),
    (
        "RedisSecretArn",
        &["", "arn:aws:secretsmanager:eu-west-1:1:secret:redis-abcdef"],
    ),
    ("CreateVpcEndpoints", &["true", "false"]),
    (
        "AdditionalIssuers",
        &[
            "",
            r#"{"name": "login", "iss": "https://login.example", "audiences": ["a"], "algorithms": ["RS256"], "keys": {"discovery": true}}"#,
        ],
    ),
];

/// Every combination of those answers.
fn combinations() -> Vec<Vec<(&'static str, &'static str)>> {
    CHOICES.iter().fold(vec![vec![]], |before, (name, values)| {
        let each = |chosen: Vec<_>| {
            let with = move |value: &&'static str| [&chosen[..], &[(*name, *value)]].concat();
            values.iter().map(with).collect::<Vec<_>>()
        };
        before.into_iter().flat_map(each).collect()
    })
}

/// Whatever is chosen, nothing refers to what does not exist then.
fn dangling(text: &str) -> Vec<String> {
    let of = |chosen: Vec<(&str, &str)>| {
        let error = Stack::read(text, chosen.iter().copied()).err()?;
        Some(format!("with {chosen:?}: {error}"))
    };
    combinations().into_iter().filter_map(of).collect()
}

#[test]
fn nothing_refers_to_what_is_not_deployed_whatever_is_chosen() {
    assert_eq!(combinations().len(), 3 * 2 * 2 * 2 * 2);
    keeps(dangling);
}

#[test]
fn a_reference_to_what_is_not_deployed_is_named() {
    let broken = with("AlertsTopicPolicy", "    Condition: WithAlerts\n", "");
    names(dangling, &broken, "`AlertsTopic` does not exist");
    let broken = with("EdgeUrl", "    Condition: WithEdge\n", "");
    names(dangling, &broken, "`Edge` does not exist");
    let broken = with(
        "OrdersTable",
        "Condition: WithOrders",
        "Condition: WithEdge",
    );
    names(dangling, &broken, "`OrdersTable` does not exist");
}

#[test]
fn a_bare_deployment_is_asked_nothing() {
    let without_defaults = |text: &str| stack(text).err().unwrap_or_default();
    keeps(without_defaults);
    let broken = with("LogRetentionDays", "    Default: 30\n", "");
    names(
        without_defaults,
        &broken,
        "`LogRetentionDays` has no default",
    );
}

/// The logical ids that exist with one choice.
fn resources(choice: (&str, &str)) -> BTreeSet<String> {
    let stack = Stack::read(&text(), [choice]).unwrap();
    stack.resources.into_keys().collect()
}

#[test]
fn the_authorizer_and_the_forwarder_are_deployed_alone_with_what_they_need_and_no_more() {
    let all = resources(("Components", "all"));
    let authorizer = resources(("Components", "authorizer"));
    let expected = ["AuthorizerFunction", "AuthorizerLogs", "SigningSecret"];
    assert_eq!(authorizer, expected.map(str::to_owned).into());
    let alerts = resources(("Components", "alert-forwarder"));
    let foreign = |id: &&String| !id.starts_with("Alert") && *id != "WebhookSecret";
    assert_eq!(alerts.iter().find(foreign), None);
    assert!(alerts.contains("AlertForwarderFunction"), "{alerts:?}");
    assert!(authorizer.is_subset(&all) && alerts.is_subset(&all));
}

#[test]
fn without_a_redis_nothing_is_in_a_network_of_ones_own() {
    let stack = Stack::read(&text(), []).unwrap();
    for (logical, resource) in &stack.resources {
        assert!(!resource.kind.starts_with("AWS::EC2::"), "{logical}");
        assert_eq!(resource.properties.get("VpcConfig"), None, "{logical}");
    }
    let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:redis-abcdef";
    let stack = Stack::read(&text(), [("RedisSecretArn", arn)]).unwrap();
    assert_eq!(stack.of_kind("AWS::EC2::VPCEndpoint").count(), 2);
    let inside = |(_, function): &(&str, &template::Resource)| {
        function.properties.get("VpcConfig").is_some()
    };
    let functions: Vec<_> = stack
        .of_kind("AWS::Serverless::Function")
        .filter(inside)
        .map(|(logical, _)| logical)
        .collect();
    assert_eq!(functions, ["OrdersFunction"]);
}

/// Properties that name a resource in an account.
const NAMES: [&str; 9] = [
    "BucketName",
    "FunctionName",
    "LogGroupName",
    "Name",
    "QueueName",
    "RoleName",
    "SecretName",
    "TableName",
    "TopicName",
];

/// A name without the stack's in it is taken by the first stack, and what a new account has not.
fn in_the_way(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let mut faults = Vec::new();
    for (logical, resource) in &stack.resources {
        for name in NAMES {
            let given = resource.properties.get(name).and_then(|it| it.as_str());
            if let Some(given) = given.filter(|given| !given.contains("surefire")) {
                faults.push(format!(
                    "{logical}: a second stack cannot have the name {given}"
                ));
            }
        }
        // A new account may have ten executions at once, and none to reserve.
        for scarce in [
            "ReservedConcurrentExecutions",
            "ProvisionedConcurrencyConfig",
        ] {
            if resource.properties.get(scarce).is_some() {
                faults.push(format!("{logical}: a new account has no {scarce}"));
            }
        }
    }
    faults
}

#[test]
fn two_stacks_fit_in_one_account_and_one_in_a_new_account() {
    keeps(in_the_way);
}

#[test]
fn a_name_that_is_taken_and_a_capacity_that_is_not_there_are_named() {
    let broken = with(
        "OrdersTable",
        "      BillingMode: PAY_PER_REQUEST\n",
        "      BillingMode: PAY_PER_REQUEST\n      TableName: orders\n",
    );
    names(in_the_way, &broken, "cannot have the name orders");
    let broken = with(
        "OrderEvents",
        "!Sub \"${AWS::StackName}-orders\"",
        "order-events",
    );
    names(in_the_way, &broken, "cannot have the name order-events");
    let broken = with(
        "OrdersFunction",
        "      Timeout: 10\n",
        "      Timeout: 10\n      ReservedConcurrentExecutions: 5\n",
    );
    names(in_the_way, &broken, "no ReservedConcurrentExecutions");
}
