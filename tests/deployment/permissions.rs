//! Each role may do what its work needs, on its own resources, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use template::{Resource, Stack};

use super::transformed::transform;
use super::{keeps, list, names, stack, texts, with};

/// What a role's policy allows: pairs of an action and a resource.
pub(super) type Grants = BTreeSet<(String, String)>;

fn grants(policy: &Value) -> Grants {
    let mut grants = Grants::new();
    for statement in list(&policy["Statement"]) {
        assert_eq!(statement["Effect"], "Allow");
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                grants.insert((action.to_owned(), resource.to_owned()));
            }
        }
    }
    grants
}

pub(super) fn arn(service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:ap-northeast-2:123456789012:{rest}")
}

/// The permissions that each function and each other role needs. [`super::watched`] checks that the
/// functions use exactly these actions on tables.
pub(super) fn needed() -> BTreeMap<&'static str, Vec<(&'static str, String)>> {
    let mut needed = needed_beside_logs();
    needed.extend(needed_by_the_auditor());
    needed.extend(needed_for_releases());
    for (logical, permissions) in &mut needed {
        if let Some(name) = logical.strip_suffix("Function") {
            let group = arn("logs", &format!("log-group:surefire-{name}Logs:*"));
            permissions.extend([
                ("logs:CreateLogStream", group.clone()),
                ("logs:PutLogEvents", group),
                ("xray:PutTelemetryRecords", "*".to_owned()),
                ("xray:PutTraceSegments", "*".to_owned()),
            ]);
        }
    }
    needed
}

/// What the alert forwarder needs.
fn needed_for_alerts() -> Vec<(&'static str, String)> {
    let alerts = arn("dynamodb", "table/surefire-AlertsTable");
    let secret = arn("secretsmanager", "secret:surefire-WebhookSecret-local0");
    let queue = |name: &str| arn("sqs", &format!("surefire-{name}"));
    let group = |name: &str| arn("logs", &format!("log-group:surefire-{name}Logs:*"));
    let mut needed: Vec<(&'static str, String)> = [
        "AlertForwarder",
        "Authorizer",
        "Cors",
        "Orders",
        "OrdersSweeper",
    ]
    .map(|name| ("logs:FilterLogEvents", group(name)))
    .into();
    let vended = |name: &str| arn("logs", &format!("log-group:/aws/vendedlogs/{name}:*"));
    needed.extend([
        ("logs:FilterLogEvents", vended("apigateway/surefire")),
        ("logs:FilterLogEvents", vended("pipes/surefire-orders")),
        (
            "cloudformation:DescribeStacks",
            arn("cloudformation", "stack/surefire/local"),
        ),
        ("dynamodb:DeleteItem", alerts.clone()),
        ("dynamodb:GetItem", alerts.clone()),
        ("dynamodb:PutItem", alerts.clone()),
        ("dynamodb:UpdateItem", alerts),
        ("secretsmanager:GetSecretValue", secret),
        ("sqs:ChangeMessageVisibility", queue("AlertsQueue")),
        ("sqs:DeleteMessage", queue("AlertsQueue")),
        ("sqs:GetQueueAttributes", queue("AlertsQueue")),
        ("sqs:ReceiveMessage", queue("AlertsQueue")),
        ("sqs:SendMessage", queue("AlertsDeadLetterQueue")),
        ("sqs:SendMessage", queue("AlertsQueue")),
        ("cloudwatch:DescribeAlarms", arn("cloudwatch", "alarm:*")),
        ("cloudwatch:GetMetricWidgetImage", "*".to_owned()),
        ("cloudwatch:ListAlarmMuteRules", "*".to_owned()),
    ]);
    needed
}

/// The auditor only reads.
fn needed_by_the_auditor() -> [(&'static str, Vec<(&'static str, String)>); 2] {
    let orders = arn("dynamodb", "table/surefire-OrdersTable");
    [
        (
            "OrdersAuditorFunction",
            vec![
                ("dynamodb:BatchGetItem", orders.clone()),
                ("dynamodb:Scan", orders),
            ],
        ),
        // SAM makes the role of its schedule.
        (
            "OrdersAuditorFunctionRegularlyRole",
            vec![(
                "lambda:InvokeFunction",
                arn("lambda", "function:surefire-OrdersAuditorFunction:live"),
            )],
        ),
    ]
}

/// The check of a release invokes versions, and CodeDeploy moves the aliases.
fn needed_for_releases() -> [(&'static str, Vec<(&'static str, String)>); 2] {
    let function = |name: &str| arn("lambda", &format!("function:surefire-{name}Function"));
    let of_api = ["Authorizer", "Cors", "Orders"].map(function);
    let versions = of_api.each_ref().map(|function| format!("{function}:*"));
    let mut check: Vec<_> = versions
        .iter()
        .map(|versions| ("lambda:InvokeFunction", versions.clone()))
        .collect();
    check.push((
        "codedeploy:PutLifecycleEventHookExecutionStatus",
        arn("codedeploy", "deploymentgroup:*"),
    ));
    let mut shift = vec![
        ("cloudwatch:DescribeAlarms", arn("cloudwatch", "alarm:*")),
        ("lambda:InvokeFunction", function("ReleaseCheck")),
    ];
    for action in [
        "lambda:GetAlias",
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:UpdateAlias",
    ] {
        let of_all = of_api.iter().chain(&versions);
        shift.extend(of_all.map(|arn| (action, arn.clone())));
    }
    [("ReleaseCheckFunction", check), ("TrafficShiftRole", shift)]
}

fn needed_beside_logs() -> BTreeMap<&'static str, Vec<(&'static str, String)>> {
    let orders = arn("dynamodb", "table/surefire-OrdersTable");
    let index = |name: &str| format!("{orders}/index/{name}");
    let secret = |name: &str| arn("secretsmanager", &format!("secret:surefire-{name}-local0"));
    let queue = |name: &str| arn("sqs", &format!("surefire-{name}"));
    let stream = format!("{orders}/stream/local");
    BTreeMap::from([
        (
            "OrdersFunction",
            vec![
                ("dynamodb:BatchGetItem", orders.clone()),
                ("dynamodb:GetItem", orders.clone()),
                ("dynamodb:PutItem", orders.clone()),
                ("dynamodb:UpdateItem", orders.clone()),
                ("dynamodb:Query", index("by_owner")),
                ("dynamodb:Query", index("by_day")),
            ],
        ),
        (
            "OrdersSweeperFunction",
            vec![
                ("dynamodb:BatchGetItem", orders.clone()),
                ("dynamodb:UpdateItem", orders.clone()),
                ("dynamodb:Query", index("by_expiry")),
            ],
        ),
        ("CorsFunction", vec![]),
        (
            "AuthorizerFunction",
            vec![("secretsmanager:GetSecretValue", secret("SigningSecret"))],
        ),
        ("AlertForwarderFunction", needed_for_alerts()),
        // The schedule of the daily test has this role.
        (
            "AlertDeliveryTestRole",
            vec![(
                "cloudwatch:SetAlarmState",
                arn("cloudwatch", "alarm:surefire-delivery-test"),
            )],
        ),
        // SAM makes this role.
        (
            "OrdersSweeperFunctionEveryMinuteRole",
            vec![(
                "lambda:InvokeFunction",
                arn("lambda", "function:surefire-OrdersSweeperFunction:live"),
            )],
        ),
        (
            "OrderEventsPipeRole",
            vec![
                ("dynamodb:DescribeStream", stream.clone()),
                ("dynamodb:GetRecords", stream.clone()),
                ("dynamodb:GetShardIterator", stream.clone()),
                ("dynamodb:ListStreams", stream),
                (
                    "events:PutEvents",
                    arn("events", "event-bus/surefire-orders"),
                ),
                ("sqs:SendMessage", queue("OrderEventsDeadLetterQueue")),
            ],
        ),
    ])
}

/// The functions, as SAM reads them and as it makes them.
fn functions(stack: &Stack) -> impl Iterator<Item = (&str, &Resource)> {
    let written = stack.of_kind("AWS::Serverless::Function");
    written.chain(stack.of_kind("AWS::Lambda::Function"))
}

/// What each role may do, by the logical id of the function that has the role, or else of the role.
fn roles(stack: &Stack) -> BTreeMap<&str, Grants> {
    let mut roles = BTreeMap::new();
    for (logical, role) in stack.of_kind("AWS::IAM::Role") {
        let name = role.reference.as_deref().unwrap_or_default();
        let role_arn = json!(arn("iam", &format!("role/{name}")));
        let function = functions(stack).find(|(_, it)| it.properties["Role"] == role_arn);
        let mut allowed = Grants::new();
        for policy in list(&role.properties["Policies"]) {
            allowed.extend(grants(&policy["PolicyDocument"]));
        }
        for (_, policy) in stack.of_kind("AWS::IAM::RolePolicy") {
            if policy.properties["RoleName"] == json!(name) {
                allowed.extend(grants(&policy.properties["PolicyDocument"]));
            }
        }
        roles.insert(function.map_or(logical, |(function, _)| function), allowed);
    }
    roles
}

/// Permissions that a role lacks, and those that it does not need.
fn least(text: &str) -> Vec<String> {
    match stack(text) {
        Ok(stack) => least_of(&stack),
        Err(faults) => faults,
    }
}

/// As [`least`], for the roles that CloudFormation creates: SAM can add roles and policies.
fn least_when_transformed(text: &str) -> Vec<String> {
    least(&transform(text))
}

fn least_of(stack: &Stack) -> Vec<String> {
    let mut faults = Vec::new();
    let (needed, roles) = (needed(), roles(stack));
    for (logical, _) in functions(stack) {
        if !roles.contains_key(logical) {
            faults.push(format!("{logical} has no role of its own"));
        }
    }
    for (logical, has) in roles {
        let Some(needs) = needed.get(logical) else {
            faults.push(format!(
                "{logical} is not in the list of needed permissions"
            ));
            continue;
        };
        let needs: Grants = needs
            .iter()
            .map(|(action, resource)| ((*action).to_owned(), resource.clone()))
            .collect();
        faults.extend(
            has.difference(&needs)
                .map(|(action, on)| format!("{logical} may {action} on {on}")),
        );
        faults.extend(
            needs
                .difference(&has)
                .map(|(action, on)| format!("{logical} may not {action} on {on}")),
        );
    }
    for (logical, role) in stack.of_kind("AWS::IAM::Role") {
        let trusted = &role.properties["AssumeRolePolicyDocument"]["Statement"][0];
        let pipes = texts(&trusted["Principal"]["Service"]).contains(&"pipes.amazonaws.com");
        let account = trusted.pointer("/Condition/StringEquals/aws:SourceAccount");
        if pipes && account.is_none() {
            faults.push(format!("{logical} trusts other accounts' pipes"));
        }
        if role.properties.get("ManagedPolicyArns").is_some() {
            faults.push(format!("{logical} has policies that are not written here"));
        }
    }
    faults
}

#[test]
fn every_role_may_do_only_what_it_needs() {
    keeps(least);
}

#[test]
fn slow_every_role_of_the_transformed_template_may_do_only_what_it_needs() {
    keeps(least_when_transformed);
}

#[test]
fn slow_a_function_whose_role_sam_makes_is_named() {
    let role = "      Role: !GetAtt AlertForwarderRole.Arn\n";
    let broken = with("AlertForwarderFunction", role, "");
    names(
        least,
        &broken,
        "AlertForwarderFunction has no role of its own",
    );
    let managed = "AlertForwarderFunctionRole has policies that are not written here";
    names(least_when_transformed, &broken, managed);
}

#[test]
fn the_orders_function_may_read_the_secret_of_redis_only_if_there_is_a_redis() {
    let secret = "arn:aws:secretsmanager:eu-west-1:1:secret:redis-abcdef";
    let without = Stack::read(&super::text(), []).unwrap();
    let with_redis = Stack::read(&super::text(), [("RedisSecretArn", secret)]).unwrap();
    let (before, after) = (roles(&without), roles(&with_redis));
    let more = after["OrdersFunction"].difference(&before["OrdersFunction"]);
    // A function in a VPC also manages its network interfaces, whose names are not known before.
    let (network, more): (Vec<_>, Vec<_>) =
        more.partition(|(action, _)| action.starts_with("ec2:"));
    let expected = (
        "secretsmanager:GetSecretValue".to_owned(),
        secret.to_owned(),
    );
    assert_eq!(more, [&expected]);
    assert_eq!(network.len(), 6);
    let others = |roles: &BTreeMap<&str, Grants>| {
        let mut roles: BTreeMap<String, Grants> = roles
            .iter()
            .map(|(name, it)| ((*name).to_owned(), it.clone()))
            .collect();
        roles.remove("OrdersFunction");
        roles
    };
    assert_eq!(others(&before), others(&after));
}

#[test]
fn a_role_with_too_many_or_too_few_permissions_is_named() {
    let broken = with(
        "OrdersRole",
        "Action: dynamodb:Query",
        "Action: [dynamodb:Query, dynamodb:Scan]",
    );
    names(least, &broken, "OrdersFunction may dynamodb:Scan on");
    let broken = with("OrdersRole", "dynamodb:PutItem, ", "");
    names(least, &broken, "OrdersFunction may not dynamodb:PutItem on");
    let broken = with(
        "AuthorizerRole",
        "Resource: !Ref SigningSecret",
        "Resource: !Ref WebhookSecret",
    );
    names(
        least,
        &broken,
        "AuthorizerFunction may secretsmanager:GetSecretValue",
    );
    let broken = with(
        "OrderEventsPipePolicy",
        "Action: events:PutEvents",
        "Action: events:*",
    );
    names(least, &broken, "OrderEventsPipeRole may events:* on");
    let condition = "            Condition:\n              StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}\n";
    let broken = with("OrderEventsPipeRole", condition, "");
    names(least, &broken, "OrderEventsPipeRole trusts other accounts");
}

/// Lines of a policy that use `*` without a reason: as a whole action or resource, or for all actions
/// of a service.
fn wildcards(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut faults = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some((_, value)) = code.trim_start_matches("- ").split_once(": ") else {
            continue;
        };
        let says = (code.contains("Action:") || code.contains("Resource:"))
            && (value.contains("\"*\"") || value.contains(":*"));
        if !says {
            continue;
        }
        // A statement begins with its Sid. The reason is a comment right above that.
        let sid = lines[..=at]
            .iter()
            .rposition(|line| line.contains("- Sid:"));
        let reason = sid.and_then(|sid| lines[..sid].last());
        if !reason.is_some_and(|line| line.trim_start().starts_with("# ")) {
            faults.push(format!(
                "line {}: {code} has no reason above its statement",
                at + 1
            ));
        }
    }
    faults
}

#[test]
fn every_wildcard_in_a_policy_has_a_reason() {
    keeps(wildcards);
    // The rule reads the key's policy, in which "*" is the key itself.
    let bare = super::text().replace("          # ", "          ");
    assert!(!wildcards(&bare).is_empty());
}

#[test]
fn a_wildcard_without_a_reason_is_named() {
    let broken = with(
        "OrdersRole",
        "Resource: !GetAtt OrdersTable.Arn",
        "Resource: \"*\"",
    );
    names(wildcards, &broken, "Resource: \"*\" has no reason");
    let broken = with(
        "CorsRole",
        "              - Sid: Logs\n",
        "              - Sid: All\n                Effect: Allow\n                Action: dynamodb:*\n              - Sid: Logs\n",
    );
    names(wildcards, &broken, "Action: dynamodb:* has no reason");
}
