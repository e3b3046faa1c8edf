//! The rules of a release: it is tested before it gets traffic, gets it by and by, and goes back by itself.

use std::collections::BTreeSet;

use serde_json::json;
use template::{Place, Stack};
use watch::{Metric, Pace, State, Store, Watch};

use super::transformed::transform;
use super::{keeps, list, names, texts, with};

/// The functions behind the API. Only their traffic can be shifted.
const OF_THE_API: [(&str, &str); 3] = [
    ("AuthorizerFunction", "authorizer"),
    ("CorsFunction", "cors"),
    ("OrdersFunction", "orders"),
];

const CANARY: (&str, &str) = ("TrafficShift", "Canary10Percent5Minutes");

/// The alarm on the new versions alone.
const OWN_ALARM: &str = "surefire-release-errors";

/// What is wrong with how new versions get their traffic.
fn shifted(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (shift, canary) in [("AllAtOnce", false), (CANARY.1, true)] {
        let stack = match Stack::read(text, [(CANARY.0, shift)]) {
            Ok(stack) => stack,
            Err(error) => return vec![error.to_string()],
        };
        for (logical, function) in stack.of_kind("AWS::Serverless::Function") {
            let preference = &function.properties["DeploymentPreference"];
            let mut want = |holds: bool, what: &str| {
                if !holds {
                    faults.push(format!("{logical} with {shift}: {what}"));
                }
            };
            want(
                !function.properties["Environment"]["Variables"]["RELEASE"].is_null(),
                "without RELEASE, a package with the same code makes no version, and fails",
            );
            let of_api = OF_THE_API.iter().any(|(of_api, _)| *of_api == logical);
            if !of_api {
                want(preference.is_null(), "it has no share of the API's traffic");
                continue;
            }
            let wanted = format!("CodeDeployDefault.Lambda{shift}");
            want(preference["Type"] == json!(wanted), "another Type");
            want(
                preference["PassthroughCondition"] == json!(true),
                "its group is made where it is not deployed",
            );
            want(
                texts(&preference["Role"])
                    .iter()
                    .any(|role| role.ends_with("-TrafficShiftRole")),
                "SAM's role may move every alias of the account",
            );
            let alarms: BTreeSet<&str> = texts(&preference["Alarms"]).into_iter().collect();
            want(
                canary || alarms.is_empty(),
                "an alarm that is red stops the release that mends it",
            );
            want(
                !canary || alarms.contains(OWN_ALARM) && 1 < alarms.len(),
                "it does not go back by itself",
            );
        }
        let hook = &stack.resources["OrdersFunction"].properties["DeploymentPreference"]["Hooks"];
        if hook["PreTraffic"] != json!("surefire-ReleaseCheckFunction") {
            faults.push(format!("with {shift}: a new version gets traffic untested"));
        }
    }
    faults
}

#[test]
fn a_release_gets_its_traffic_as_the_parameter_says_and_goes_back_by_itself() {
    keeps(shifted);
}

#[test]
fn a_release_that_is_not_tested_or_does_not_go_back_is_named() {
    let hook = "        Hooks: {PreTraffic: !Ref ReleaseCheckFunction}\n";
    let broken = with("OrdersFunction", hook, "");
    names(shifted, &broken, "a new version gets traffic untested");
    let kind = "!Sub \"CodeDeployDefault.Lambda${TrafficShift}\"";
    let broken = with("CorsFunction", kind, "CodeDeployDefault.LambdaAllAtOnce");
    let fault = "CorsFunction with Canary10Percent5Minutes: another Type";
    names(shifted, &broken, fault);
    let role = "        Role: !GetAtt TrafficShiftRole.Arn\n";
    let broken = with("AuthorizerFunction", role, "");
    names(
        shifted,
        &broken,
        "AuthorizerFunction with AllAtOnce: SAM's role",
    );
    let passed = "        PassthroughCondition: true\n";
    let broken = with("OrdersFunction", passed, "");
    names(shifted, &broken, "OrdersFunction with AllAtOnce: its group");
    let own = "          - [!Ref ReleaseErrorsAlarm, !Ref InternalErrorsAlarm, !Ref ApiServerErrorsAlarm]\n";
    let others = "          - [!Ref InternalErrorsAlarm, !Ref ApiServerErrorsAlarm]\n";
    let broken = with("OrdersFunction", own, others);
    names(shifted, &broken, "it does not go back by itself");
    let none = "          - [!Ref AWS::NoValue]\n";
    let always = "          - [!Ref InternalErrorsAlarm]\n";
    let broken = with("OrdersFunction", none, always);
    let fault = "OrdersFunction with AllAtOnce: an alarm that is red";
    names(shifted, &broken, fault);
    let release = "        RELEASE: !Ref Release\n";
    names(shifted, &with("Function", release, ""), "without RELEASE");
}

/// Functions whose new version the check does not invoke, or whose errors the alarm does not count.
fn untested(text: &str) -> Vec<String> {
    let stack = match Stack::read(text, [CANARY]) {
        Ok(stack) => stack,
        Err(error) => return vec![error.to_string()],
    };
    let check = &stack.resources["ReleaseCheckFunction"].properties["Environment"]["Variables"];
    let alarm = &stack.resources["ReleaseErrorsAlarm"].properties["Metrics"];
    let counted: BTreeSet<String> = list(alarm)
        .into_iter()
        .map(|metric| metric["MetricStat"]["Metric"]["Dimensions"].to_string())
        .collect();
    let mut faults = Vec::new();
    for (logical, binary) in OF_THE_API {
        let name = format!("surefire-{logical}");
        let arn = Place::default().arn("lambda", &format!("function:{name}:1"));
        let variable = format!("{}_VERSION", binary.to_uppercase());
        if check[&variable] != json!(arn) {
            faults.push(format!(
                "{variable} is {} and not the new version",
                check[&variable]
            ));
        }
        let of_version = json!([
            {"Name": "FunctionName", "Value": name},
            {"Name": "Resource", "Value": format!("{name}:live")},
            {"Name": "ExecutedVersion", "Value": "1"},
        ]);
        if !counted.contains(&of_version.to_string()) {
            faults.push(format!(
                "the new version's errors of {logical} are not counted"
            ));
        }
    }
    faults
}

#[test]
fn every_new_version_behind_the_api_is_invoked_before_its_traffic_and_watched_meanwhile() {
    keeps(untested);
}

#[test]
fn a_new_version_that_is_not_invoked_or_not_watched_is_named() {
    // The alias still points to the version before.
    let broken = with(
        "ReleaseCheckFunction",
        "!Ref OrdersFunction.Version",
        "!Ref OrdersFunction.Alias",
    );
    names(untested, &broken, "ORDERS_VERSION is");
    let dimension =
        "                - {Name: ExecutedVersion, Value: !GetAtt CorsFunction.Version.Version}\n";
    let broken = with("ReleaseErrorsAlarm", dimension, "");
    names(untested, &broken, "errors of CorsFunction are not counted");
}

#[test]
fn an_error_of_the_new_version_is_an_alarm_within_a_minute_and_one_of_the_old_is_not() {
    let place = Place::default();
    let stack = Stack::read_in(&place, template::SHIPPED, [CANARY]).unwrap();
    let pace = Pace::REAL;
    for (version, expected) in [("1", State::Alarm), ("0", State::Ok)] {
        let mut watch = Watch::new(&stack, &place, pace, pace.begin(0)).unwrap();
        let mut store = Store::default();
        let function = "surefire-AuthorizerFunction";
        let alias = format!("{function}:live");
        let dimensions = [
            ("FunctionName", function),
            ("Resource", &alias),
            ("ExecutedVersion", version),
        ];
        let errors = Metric::new("AWS/Lambda", "Errors", &dimensions);
        for minute in 0..4 {
            store.record(&errors, minute, 1.0);
            watch.evaluate(&store, pace.begin(minute + 1));
        }
        assert_eq!(watch.state(OWN_ALARM), Some(expected), "version {version}");
    }
}

/// What is wrong with what SAM makes of it.
fn made(text: &str) -> Vec<String> {
    let stack = match Stack::read(&transform(text), []) {
        Ok(stack) => stack,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = Vec::new();
    let mut want = |holds: bool, what: String| {
        if !holds {
            faults.push(what);
        }
    };
    for (logical, alias) in stack.of_kind("AWS::Lambda::Alias") {
        let update = &alias.attributes["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"];
        let function = logical.trim_end_matches("Aliaslive");
        let of_api = OF_THE_API.iter().any(|(of_api, _)| *of_api == function);
        want(
            of_api != update.is_null(),
            format!("{logical} is moved in another way"),
        );
        let hooked = !update["BeforeAllowTrafficHook"].is_null();
        want(
            hooked == (function == "OrdersFunction"),
            format!("{logical} has another hook"),
        );
    }
    want(
        !stack.resources.contains_key("CodeDeployServiceRole"),
        "SAM makes a role of its own".to_owned(),
    );
    for (logical, group) in stack.of_kind("AWS::CodeDeploy::DeploymentGroup") {
        let config = &group.properties["DeploymentConfigName"];
        want(
            *config == json!("CodeDeployDefault.LambdaAllAtOnce"),
            format!("{logical} has the unknown configuration {config}"),
        );
    }
    faults
}

#[test]
fn slow_sam_makes_the_deployment_groups_and_hooks_that_the_template_asks_for() {
    keeps(made);
    let role = "        Role: !GetAtt TrafficShiftRole.Arn\n";
    let broken = with("CorsFunction", role, "");
    names(made, &broken, "SAM makes a role of its own");
    // A configuration of another name would be found out by the first deployment only.
    let kind = "!Sub \"CodeDeployDefault.Lambda${TrafficShift}\"";
    let broken = with("OrdersFunction", kind, "Lambda");
    names(
        made,
        &broken,
        "OrdersFunctionDeploymentGroup has the unknown",
    );
}

#[test]
fn slow_the_authorizer_alone_has_a_group_of_its_own_and_no_check() {
    let text = transform(&super::text());
    let stack = Stack::read(&text, [("Components", "authorizer")]).unwrap();
    let groups: Vec<&str> = stack
        .of_kind("AWS::CodeDeploy::DeploymentGroup")
        .map(|(logical, _)| logical)
        .collect();
    assert_eq!(groups, ["AuthorizerFunctionDeploymentGroup"]);
    let stack = Stack::read(&text, [("Components", "alert-forwarder")]).unwrap();
    let of_codedeploy = |(_, resource): &(&String, &template::Resource)| {
        resource.kind.starts_with("AWS::CodeDeploy::")
    };
    assert_eq!(stack.resources.iter().filter(of_codedeploy).count(), 0);
}
