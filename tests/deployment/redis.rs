//! Redis' parameters are refused unless they are complete.

use super::{names, text, with};

const SECRET: (&str, &str) = (
    "RedisSecretArn",
    "arn:aws:secretsmanager:eu-west-1:1:secret:redis-abcdef",
);
const VPC: (&str, &str) = ("RedisVpcId", "vpc-1");
const SUBNETS: (&str, &str) = ("RedisSubnetIds", "subnet-1,subnet-2");
const GROUP: (&str, &str) = ("RedisSecurityGroupId", "sg-1");
const TABLES: (&str, &str) = ("RedisRouteTableIds", "rtb-1");
const OWN_ENDPOINTS: (&str, &str) = ("CreateVpcEndpoints", "false");

/// Checks which parameter CloudFormation asks for, or that it accepts these.
#[track_caller]
fn check(parameters: &[(&str, &str)], expected: Option<&str>) {
    let refusals = template::refusals(&text(), parameters.iter().copied()).unwrap();
    match expected {
        None => assert_eq!(refusals, [""; 0]),
        Some(asked) => {
            let named = refusals.iter().any(|refusal| refusal.contains(asked));
            assert!(named, "{asked:?} is not among the refusals: {refusals:?}");
        }
    }
}

#[test]
fn complete_parameters_of_redis_and_none_at_all_are_accepted() {
    check(&[], None);
    check(&[SECRET, VPC, SUBNETS, GROUP, TABLES], None);
    check(&[SECRET, VPC, SUBNETS, GROUP, OWN_ENDPOINTS], None);
}

#[test]
fn a_missing_parameter_of_redis_is_named() {
    check(&[SECRET], Some("RedisVpcId must"));
    check(&[SECRET, VPC, GROUP, TABLES], Some("RedisSubnetIds must"));
    let placeholder = ("RedisSubnetIds", "subnet-1, subnet-00000000");
    let given = [SECRET, VPC, placeholder, GROUP, TABLES];
    check(&given, Some("RedisSubnetIds must"));
    let given = [SECRET, VPC, SUBNETS, TABLES];
    check(&given, Some("RedisSecurityGroupId must"));
    let given = [SECRET, VPC, SUBNETS, GROUP];
    check(&given, Some("RedisRouteTableIds must"));
    for without_secret in [VPC, SUBNETS, GROUP, TABLES] {
        check(&[without_secret], Some("RedisSecretArn must"));
    }
}

/// The half-set parameters that a template accepts.
fn accepted(text: &str) -> Vec<String> {
    let halves = [&[SECRET][..], &[VPC], &[SECRET, VPC, SUBNETS, GROUP]];
    let accepts = |half: &&&[(&str, &str)]| {
        let refusals = template::refusals(text, half.iter().copied());
        refusals.unwrap().is_empty()
    };
    let accepted = halves.iter().filter(accepts);
    accepted
        .map(|half| format!("accepts {half:?} alone"))
        .collect()
}

#[test]
fn a_template_that_accepts_half_of_the_parameters_is_named() {
    let rule = "    RuleCondition: !Equals [!Ref RedisSecretArn, \"\"]\n";
    let never = "    RuleCondition: !Equals [\"a\", \"b\"]\n";
    let broken = with("NoVpcWithoutRedis", rule, never);
    names(
        accepted,
        &broken,
        "accepts [(\"RedisVpcId\", \"vpc-1\")] alone",
    );
    assert_eq!(accepted(&text()), [""; 0]);
}
