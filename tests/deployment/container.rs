//! The stack of the container: it may do what the functions behind the API may, gives the program the
//! variables that they read, and stands beside the main stack without a clash.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use template::{Kind, Place, Stack, Template, refusals};

use super::permissions::{arn, needed};
use super::{list, texts};
use crate::support::host::BEHIND_THE_API;

const TEXT: &str = include_str!("../../container.yaml");

/// What the main stack's outputs give the container's parameters.
const GIVEN: [(&str, &str); 5] = [
    (
        "Image",
        "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/surefire@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    ),
    (
        "RepositoryArn",
        "arn:aws:ecr:ap-northeast-2:123456789012:repository/surefire",
    ),
    ("OrdersTableName", "surefire-OrdersTable"),
    (
        "SigningSecretArn",
        "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:surefire-SigningSecret-local0",
    ),
    (
        "AlertsTopicArn",
        "arn:aws:sns:ap-northeast-2:123456789012:surefire-AlertsTopic",
    ),
];

fn stack(text: &str, more: &[(&str, &str)]) -> Result<Stack, String> {
    let place = Place {
        stack: "surefire-container".to_owned(),
        ..Place::default()
    };
    let given = GIVEN.iter().chain(more).copied();
    Stack::read_in(&place, text, given).map_err(|error| error.to_string())
}

const REDIS: &str = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:redis-abcdef";

/// A VPC with a Redis.
const WITH_REDIS: &[(&str, &str)] = &[
    ("VpcId", "vpc-11111111"),
    ("SubnetIds", "subnet-1,subnet-2"),
    ("VpcCidr", "10.0.0.0/16"),
    ("RedisSecretArn", REDIS),
    ("RedisPort", "6380"),
];

/// Each set of parameters that makes other resources.
const VARIANTS: [&[(&str, &str)]; 5] = [
    &[],
    &[
        ("Front", "alb"),
        (
            "CertificateArn",
            "arn:aws:acm:ap-northeast-2:123456789012:certificate/0",
        ),
    ],
    &[
        ("VpcId", "vpc-11111111"),
        ("SubnetIds", "subnet-1,subnet-2"),
        ("AssignPublicIp", "DISABLED"),
    ],
    WITH_REDIS,
    &[
        ("LocalIssuer", "false"),
        ("AdditionalIssuers", "{\"name\": \"login\"}"),
        ("Architecture", "x86_64"),
    ],
];

#[test]
fn no_resource_refers_to_one_that_is_not_deployed() {
    for parameters in VARIANTS {
        let read = stack(TEXT, parameters);
        assert!(read.is_ok(), "{parameters:?}: {}", read.unwrap_err());
    }
    let broken = TEXT.replace(
        "IntegrationUri: !Ref ApiListener",
        "IntegrationUri: !Ref TlsListener",
    );
    assert!(stack(&broken, &[]).is_err());
}

/// What the statements of a role allow.
fn grants(stack: &Stack, role: &str) -> BTreeSet<(String, String)> {
    let policies = list(&stack.resources[role].properties["Policies"]);
    let statements = policies
        .into_iter()
        .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    let mut grants = BTreeSet::new();
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow");
        for action in texts(&statement["Action"]) {
            for resource in texts(&statement["Resource"]) {
                grants.insert((action.to_owned(), resource.to_owned()));
            }
        }
    }
    grants
}

/// The faults of the task's role: it may do what the functions behind the API were observed to do.
fn role_faults(text: &str) -> Vec<String> {
    let stack = stack(text, &[]).unwrap();
    let mut expected = BTreeSet::new();
    for function in ["OrdersFunction", "CorsFunction", "AuthorizerFunction"] {
        let own = needed().remove(function).unwrap();
        // The log is written by Fargate, and the program sends no traces.
        let own = own
            .into_iter()
            .filter(|(action, _)| !action.starts_with("logs:") && !action.starts_with("xray:"));
        expected.extend(own.map(|(action, resource)| (action.to_owned(), resource)));
    }
    let allowed = grants(&stack, "TaskRole");
    let missing = expected
        .difference(&allowed)
        .map(|it| format!("missing {it:?}"));
    let needless = allowed
        .difference(&expected)
        .map(|it| format!("needless {it:?}"));
    missing.chain(needless).collect()
}

#[test]
fn the_task_may_do_what_the_functions_behind_the_api_may() {
    assert_eq!(role_faults(TEXT), [""; 0]);
    let less = TEXT.replace("dynamodb:GetItem, dynamodb:PutItem", "dynamodb:PutItem");
    assert!(role_faults(&less)[0].starts_with("missing (\"dynamodb:GetItem\""));
    let more = TEXT.replace(
        "Action: dynamodb:Query",
        "Action: [dynamodb:Query, dynamodb:Scan]",
    );
    assert!(role_faults(&more)[0].starts_with("needless (\"dynamodb:Scan\""));
}

#[test]
fn fargate_may_only_read_this_image_and_write_this_log() {
    let allowed = grants(&stack(TEXT, &[]).unwrap(), "ExecutionRole");
    let repository = arn("ecr", "repository/surefire");
    for (action, resource) in allowed {
        let own = match action.split_once(':').unwrap().0 {
            "logs" => resource.contains("surefire-container-TaskLogs"),
            "ecr" => resource == repository || action == "ecr:GetAuthorizationToken",
            _ => false,
        };
        assert!(own, "{action} on {resource}");
    }
}

fn container(stack: &Stack) -> &Value {
    &stack.resources["Task"].properties["ContainerDefinitions"][0]
}

/// The variables that the task's definition gives the program.
fn environment(stack: &Stack) -> BTreeMap<String, String> {
    let variables = list(&container(stack)["Environment"]);
    let pair = |variable: &Value| {
        let text = |name: &str| variable[name].as_str().unwrap().to_owned();
        (text("Name"), text("Value"))
    };
    variables.into_iter().map(pair).collect()
}

#[test]
fn the_program_gets_the_variables_that_the_functions_read() {
    // The program takes the client's address from the proxies, and the scopes from the template.
    const NOT_HERE: [&str; 1] = ["BEHIND_EDGE"];
    let given = environment(&stack(TEXT, &[]).unwrap());
    let main = Template::read(template::SHIPPED, []).unwrap();
    for kind in BEHIND_THE_API {
        let (_, spec) = main.function(kind).unwrap();
        for (name, value) in &spec.environment {
            if NOT_HERE.contains(&name.as_str()) {
                continue;
            }
            let own = given
                .get(name)
                .unwrap_or_else(|| panic!("{name} is missing"));
            // The stack's own name is the namespace, so that two stacks' metrics are not added up.
            if !["METRICS_NAMESPACE", "ROUTE_SCOPES"].contains(&name.as_str()) {
                assert_eq!(own, value, "{name}");
            }
        }
    }
    assert_eq!(given["ROUTE_SCOPES"], "");
    assert_eq!(given["METRICS_NAMESPACE"], "surefire-container");
    assert_eq!(
        main.function(Kind::Orders).unwrap().1.environment["METRICS_NAMESPACE"],
        "surefire"
    );
}

#[test]
fn with_a_redis_the_program_gets_its_secret_and_a_way_to_it_and_nothing_more() {
    let (without, with) = (stack(TEXT, &[]).unwrap(), stack(TEXT, WITH_REDIS).unwrap());
    assert_eq!(environment(&without)["REDIS_SECRET_ARN"], "");
    assert_eq!(environment(&with)["REDIS_SECRET_ARN"], REDIS);
    let (before, after) = (grants(&without, "TaskRole"), grants(&with, "TaskRole"));
    let more: Vec<_> = after.difference(&before).collect();
    let secret = ("secretsmanager:GetSecretValue".to_owned(), REDIS.to_owned());
    assert_eq!(more, [&secret]);
    let leaving = |stack: &Stack| {
        let rules = list(&stack.resources["TaskGroup"].properties["SecurityGroupEgress"]);
        let port = |rule: &&Value| (rule["FromPort"].to_string(), rule["CidrIp"].to_string());
        rules.iter().map(port).collect::<BTreeSet<_>>()
    };
    let more = &leaving(&with) - &leaving(&without);
    let to_redis = more
        .iter()
        .all(|(port, network)| port.contains("6380") && network == "\"10.0.0.0/16\"");
    assert!(more.len() == 1 && to_redis, "{more:?}");
    // The functions' own code reads it.
    let var = |name: &str| match name {
        "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
        name => environment(&with).get(name).cloned(),
    };
    let read = format!("{:?}", orders::Config::from_env(var).unwrap());
    assert!(read.contains(REDIS), "{read}");
}

/// What is wrong with the smallest and the largest task: whether the program starts in it.
fn memory_faults(text: &str) -> Vec<String> {
    let sizes = ["512", "1024", "2048", "4096"];
    let faults = sizes.map(|memory| {
        let stack = stack(text, &[("Memory", memory)]).unwrap();
        let given = environment(&stack);
        if given.get("MEMORY_MIB").map(String::as_str) != Some(memory) {
            return Some(format!(
                "the program does not know that it has {memory} MiB"
            ));
        }
        let settings = host::Settings::from_env(|name| given.get(name).cloned());
        settings.err().map(|error| error.to_string())
    });
    faults.into_iter().flatten().collect()
}

#[test]
fn requests_with_the_largest_bodies_fit_into_the_memory_of_the_task() {
    assert_eq!(memory_faults(TEXT), [""; 0]);
    let unknown = TEXT.replace(
        "{Name: MEMORY_MIB, Value: !Ref Memory}",
        "{Name: X, Value: x}",
    );
    assert!(memory_faults(&unknown)[0].contains("does not know that it has 512"));
    let many = TEXT.replace(
        "{Name: MEMORY_MIB, Value: !Ref Memory}",
        "{Name: MEMORY_MIB, Value: !Ref Memory}\n            - {Name: REQUESTS_MAX, Value: \"500\"}",
    );
    let faults = memory_faults(&many);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].starts_with("REQUESTS_MAX is too high"),
        "{faults:?}"
    );
}

#[test]
fn the_task_runs_as_nobody_with_a_root_that_it_cannot_write() {
    let stack = stack(TEXT, &[]).unwrap();
    let container = container(&stack);
    assert_eq!(container["User"], "65532:65532");
    assert_eq!(container["ReadonlyRootFilesystem"], true);
    assert_eq!(
        container["LinuxParameters"]["Capabilities"]["Drop"][0],
        "ALL"
    );
    assert!(container["Image"].as_str().unwrap().contains("@sha256:"));
}

#[test]
fn the_processor_of_the_task_is_that_of_the_image() {
    for (parameter, expected) in [("arm64", "ARM64"), ("x86_64", "X86_64")] {
        let stack = stack(TEXT, &[("Architecture", parameter)]).unwrap();
        let task = &stack.resources["Task"].properties;
        assert_eq!(task["RuntimePlatform"]["CpuArchitecture"], expected);
        assert_eq!(environment(&stack)["ARCHITECTURE"], parameter);
    }
}

#[test]
fn the_time_to_stop_fits_the_draining_and_the_last_requests() {
    let stack = stack(TEXT, &[]).unwrap();
    // 20 seconds of draining by default, and the 32 that the last requests may take.
    assert!(20 + 32 < container(&stack)["StopTimeout"].as_i64().unwrap());
}

#[test]
fn only_the_link_or_the_balancer_is_admitted() {
    let groups = |parameters: &[(&str, &str)], name: &str| {
        let stack = stack(TEXT, parameters).unwrap();
        let ingress = list(&stack.resources[name].properties["SecurityGroupIngress"]);
        let public = ingress.iter().filter(|rule| rule["CidrIp"] == "0.0.0.0/0");
        public
            .map(|rule| rule["FromPort"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    for parameters in VARIANTS {
        assert_eq!(groups(parameters, "TaskGroup"), [0; 0]);
    }
    assert_eq!(groups(VARIANTS[0], "BalancerGroup"), [0; 0]);
    assert_eq!(groups(VARIANTS[1], "BalancerGroup"), [443]);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let check = |more: &[(&str, &str)], expected: &str| {
        let given = GIVEN.iter().chain(more).copied();
        let refused = refusals(TEXT, given).unwrap();
        assert!(
            refused.iter().any(|it| it.contains(expected)),
            "{expected}: {refused:?}"
        );
    };
    check(&[("Front", "alb")], "CertificateArn must name");
    check(
        &[(
            "CertificateArn",
            "arn:aws:acm:eu-west-1:123456789012:certificate/0",
        )],
        "Front must be alb",
    );
    check(&[("VpcId", "vpc-11111111")], "SubnetIds must list");
    check(&[("SubnetIds", "subnet-1,subnet-2")], "VpcId must name");
    check(&[("AssignPublicIp", "DISABLED")], "public subnets only");
    check(
        &[("RedisSecretArn", REDIS)],
        "VpcId must name the VPC of that Redis",
    );
    check(&[("LocalIssuer", "false")], "AdditionalIssuers must name");
    for parameters in VARIANTS {
        let given = GIVEN.iter().chain(parameters).copied();
        assert_eq!(refusals(TEXT, given).unwrap(), [""; 0], "{parameters:?}");
    }
}

#[test]
fn two_stacks_do_not_clash() {
    // A name that a template gives must contain the stack's name, or the second stack fails.
    for text in [TEXT, template::SHIPPED] {
        for (logical, resource) in &stack(text, &[])
            .unwrap_or_else(|_| Stack::read(text, []).unwrap())
            .resources
        {
            for (name, value) in resource.properties.as_object().into_iter().flatten() {
                let is_name = [
                    "AlarmName",
                    "LogGroupName",
                    "TableName",
                    "TopicName",
                    "QueueName",
                    "RoleName",
                ];
                if is_name.contains(&name.as_str()) {
                    let value = value.as_str().unwrap();
                    assert!(value.contains("surefire"), "{logical}: {name} is {value}");
                }
            }
        }
    }
}

#[test]
fn each_alarm_links_to_its_section() {
    let page = include_str!("../../docs/container.md");
    let stack = stack(TEXT, &[]).unwrap();
    let mut count = 0;
    for (logical, alarm) in stack.of_kind("AWS::CloudWatch::Alarm") {
        let text = alarm.properties["AlarmDescription"].as_str().unwrap();
        let (_, section) = text.split_once("container.md#").expect(logical);
        assert!(page.contains(&format!("\n### {section}\n")), "{section}");
        assert!(text.contains("severity: "), "{logical}");
        for actions in ["AlarmActions", "OKActions"] {
            assert_eq!(alarm.properties[actions][0], GIVEN[4].1, "{logical}");
        }
        count += 1;
    }
    assert_eq!(count, 3);
}
