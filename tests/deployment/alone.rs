//! A deployment needs no parameters, its parts can be deployed alone, and its names never clash.

use std::collections::BTreeSet;

use template::Stack;

use super::{keeps, names, stack, text, with};

/// The parameters whose values decide which resources exist, with their values.
const CHOICES: [(&str, &[&str]); 11] = [
    ("Components", &["all", "authorizer", "alert-forwarder"]),
    ("Monitoring", &["core", "full"]),
    ("AlertEmail", &["", "oncall@shop.example"]),
    ("EnableEdge", &["true", "false"]),
    ("TrafficShift", &["AllAtOnce", "Canary10Percent5Minutes"]),
    ("EnableOrderEvents", &["true", "false"]),
    (
        "RedisSecretArn",
        &["", "arn:aws:secretsmanager:eu-west-1:1:secret:redis-abcdef"],
    ),
    ("CreateVpcEndpoints", &["true", "false"]),
    (
        "CostTopicArn",
        &["", "arn:aws:sns:us-east-1:123456789012:surefire-costs"],
    ),
    ("LocalIssuer", &["true", "false"]),
    (
        "AdditionalIssuers",
        &[
            "",
            r#"{"name": "login", "iss": "https://login.example", "audiences": ["a"], "algorithms": ["RS256"], "keys": {"discovery": true}}"#,
        ],
    ),
];

/// Every combination of those values.
fn combinations() -> Vec<Vec<(&'static str, &'static str)>> {
    CHOICES.iter().fold(vec![vec![]], |before, (name, values)| {
        let each = |chosen: Vec<_>| {
            let with = move |value: &&'static str| [&chosen[..], &[(*name, *value)]].concat();
            values.iter().map(with).collect::<Vec<_>>()
        };
        before.into_iter().flat_map(each).collect()
    })
}

/// References to resources that do not exist, in any combination of the parameters.
fn dangling(text: &str) -> Vec<String> {
    let of = |chosen: Vec<(&str, &str)>| {
        let error = Stack::read(text, chosen.iter().copied()).err()?;
        Some(format!("with {chosen:?}: {error}"))
    };
    // The first one is enough: the same reference dangles in many.
    combinations()
        .into_iter()
        .find_map(of)
        .into_iter()
        .collect()
}

#[test]
fn slow_every_combination_of_parameters_refers_only_to_what_is_deployed() {
    assert_eq!(
        combinations().len(),
        3 * 2 * 2 * 2 * 2 * 2 * 2 * 2 * 2 * 2 * 2
    );
    keeps(dangling);
}

#[test]
fn slow_a_reference_to_what_is_not_deployed_is_named() {
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
fn every_parameter_has_a_default() {
    let without_defaults = |text: &str| stack(text).err().unwrap_or_default();
    keeps(without_defaults);
    let broken = with("LogRetentionDays", "    Default: 30\n", "");
    names(
        without_defaults,
        &broken,
        "`LogRetentionDays` has no default",
    );
}

/// The logical ids of the resources that exist with one parameter set.
fn resources(choice: (&str, &str)) -> BTreeSet<String> {
    let stack = Stack::read(&text(), [choice]).unwrap();
    stack.resources.into_keys().collect()
}

#[test]
fn the_authorizer_or_the_forwarder_alone_deploys_only_what_it_needs() {
    let all = resources(("Components", "all"));
    let authorizer = resources(("Components", "authorizer"));
    let expected = [
        "AuthorizerFunction",
        "AuthorizerLogs",
        "AuthorizerRole",
        "SigningSecret",
        "TrafficShiftRole",
    ];
    assert_eq!(authorizer, expected.map(str::to_owned).into());
    let alerts = resources(("Components", "alert-forwarder"));
    let foreign = |id: &&String| !id.starts_with("Alert") && *id != "WebhookSecret";
    assert_eq!(alerts.iter().find(foreign), None);
    assert!(alerts.contains("AlertForwarderFunction"), "{alerts:?}");
    assert!(authorizer.is_subset(&all) && alerts.is_subset(&all));
}

#[test]
fn without_redis_nothing_is_in_a_vpc() {
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

/// The properties that set the name of a resource.
pub(super) const NAMES: [&str; 11] = [
    "AlarmName",
    "BucketName",
    "DashboardName",
    "FunctionName",
    "LogGroupName",
    "Name",
    "QueueName",
    "RoleName",
    "SecretName",
    "TableName",
    "TopicName",
];

/// Names that a second stack in the account cannot have, and capacity that a new account lacks.
///
/// A name must contain the stack's name. Otherwise the first stack takes it.
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
        // A new account may run only ten executions at once, and can reserve none of them.
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

/// Logs that AWS delivers and whose group needs an entry in the account's policy. That policy has
/// room for few groups.
fn delivered(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let paths = [
        "/AccessLogSettings/DestinationArn",
        "/LogConfiguration/CloudwatchLogsLogDestination/LogGroupArn",
    ];
    let mut faults = Vec::new();
    for (logical, resource) in &stack.resources {
        for path in paths {
            let arn = resource.properties.pointer(path);
            let arn = arn.and_then(|arn| arn.as_str());
            let group = arn.and_then(|arn| arn.strip_suffix(":*")?.split_once(":log-group:"));
            let Some((_, group)) = group else { continue };
            if !group.starts_with("/aws/vendedlogs/") {
                faults.push(format!(
                    "{logical}: its log counts against the account's policy"
                ));
            }
        }
    }
    faults
}

#[test]
fn delivered_logs_need_no_entry_in_the_accounts_policy() {
    keeps(delivered);
}

#[test]
fn a_log_that_counts_against_the_accounts_policy_is_named() {
    let broken = with("ApiLogs", "/aws/vendedlogs/apigateway/", "/apigateway/");
    names(delivered, &broken, "HttpApi: its log counts");
    let broken = with("OrderEventsPipeLogs", "/aws/vendedlogs/pipes/", "/pipes/");
    names(delivered, &broken, "OrderEventsPipe: its log counts");
}

#[test]
fn two_stacks_fit_in_one_account_and_one_stack_fits_in_a_new_account() {
    keeps(in_the_way);
}

#[test]
fn a_fixed_name_and_reserved_capacity_are_named() {
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
