//! The functions: their build, environment, time-out and log group.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::json;
use template::{FunctionSpec, Kind, Resource, Template};

use super::{keeps, names, stack, template, with};

/// The time-out of each kind of function, in seconds.
const SECONDS: [(Kind, u64); 8] = [
    (Kind::Orders, 10),
    (Kind::Cors, 3),
    (Kind::Authorizer, 5),
    (Kind::AlertForwarder, 20),
    // A run ends before the next one begins, a minute later.
    (Kind::OrdersSweeper, 50),
    (Kind::CostReport, 60),
    // The longest that Lambda allows: an audit reads the whole table.
    (Kind::OrdersAuditor, 900),
    // CodeDeploy waits for it. Ten invocations, each with a cold start at worst, and the report.
    (Kind::ReleaseCheck, 90),
];

/// Reads an environment with the code of the function.
fn configure(kind: Kind, var: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    match kind {
        Kind::Orders => orders::Config::from_env(var)
            .map(drop)
            .map_err(|it| text(&it)),
        Kind::Cors => ::cors::Config::from_env(var)
            .map(drop)
            .map_err(|it| text(&it)),
        Kind::Authorizer => authorizer::Config::from_env(var)
            .map(drop)
            .map_err(|it| text(&it)),
        Kind::AlertForwarder => alert_forwarder::Config::from_env(var)
            .map(drop)
            .map_err(|it| text(&it)),
        Kind::OrdersSweeper => orders::sweeper::config(var)
            .map(drop)
            .map_err(|it| text(&it)),
        Kind::CostReport => cost_report::Config::from_env(var)
            .map(drop)
            .map_err(|it| text(&it)),
        Kind::OrdersAuditor => orders::auditor::config(var)
            .map(drop)
            .map_err(|it| text(&it)),
        Kind::ReleaseCheck => release_check::Config::from_env(var)
            .map(drop)
            .map_err(|it| text(&it)),
    }
}

/// Checks that a function's own code reads each of its variables, and finds all that it needs.
fn of_environment(spec: &FunctionSpec) -> Vec<String> {
    // Every `main` passes its environment to `shared::telemetry::init`, which reads this one.
    // No code reads `RELEASE`: its new value makes the new version of a function.
    let known = ["METRICS_NAMESPACE", "RELEASE"].map(str::to_owned);
    let asked = RefCell::new(BTreeSet::from(known));
    let var = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        let of_lambda = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let given = of_lambda.contains(&name).then(|| "x".to_owned());
        given.or_else(|| spec.environment.get(name).cloned())
    };
    let mut faults: Vec<_> = configure(spec.kind, &var).err().into_iter().collect();
    let asked = asked.into_inner();
    let unread = spec
        .environment
        .keys()
        .filter(|name| !asked.contains(*name));
    if faults.is_empty() {
        faults.extend(unread.map(|name| format!("its code never reads {name}")));
    }
    faults
}

fn environment(text: &str) -> Vec<String> {
    // Some variables are read only if there is a Redis.
    let redis = "arn:aws:secretsmanager:eu-west-1:1:secret:redis-abcdef";
    let mut faults = BTreeSet::new();
    for parameters in [vec![], vec![("RedisSecretArn", redis)]] {
        let template = match Template::read(text, parameters.iter().copied()) {
            Ok(template) => template,
            Err(error) => return vec![error.to_string()],
        };
        for (logical, spec) in &template.functions {
            let found = of_environment(spec).into_iter().filter(|fault| {
                !parameters.is_empty() || !fault.contains("never reads REDIS_WAIT_MILLISECONDS")
            });
            faults.extend(found.map(|fault| format!("{logical}: {fault}")));
        }
    }
    faults.into_iter().collect()
}

#[test]
fn every_function_reads_all_of_its_environment() {
    keeps(environment);
}

#[test]
fn a_variable_that_is_missing_misspelt_or_unread_is_named() {
    let broken = with(
        "OrdersFunction",
        "          TABLE_NAME: !Ref OrdersTable\n",
        "",
    );
    names(
        environment,
        &broken,
        "OrdersFunction: TABLE_NAME is not set",
    );
    let broken = with("CorsFunction", "ALLOWED_ORIGINS:", "ALLOWED_ORIGIN:");
    names(
        environment,
        &broken,
        "CorsFunction: ALLOWED_ORIGINS is not set",
    );
    let broken = with(
        "AlertForwarderFunction",
        "QUEUE_URL: !Ref AlertsQueue\n",
        "QUEUE: !Ref AlertsQueue\n",
    );
    names(
        environment,
        &broken,
        "AlertForwarderFunction: its code never reads QUEUE",
    );
    let broken = with(
        "AuthorizerFunction",
        "\"algorithms\": [\"HS256\", \"HS384\", \"HS512\"]",
        "\"algorithms\": [\"none\"]",
    );
    names(environment, &broken, "AuthorizerFunction: ISSUERS");
}

/// The binaries of the crate in a directory: that of `src/main.rs` and those in `src/bin`.
fn binaries(code_uri: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let directory = root.join(code_uri);
    let mut names = BTreeSet::new();
    if let Ok(manifest) = std::fs::read_to_string(directory.join("Cargo.toml"))
        && directory.join("src/main.rs").exists()
    {
        let name = manifest
            .lines()
            .find_map(|line| line.strip_prefix("name = "));
        names.extend(name.map(|name| name.trim_matches('"').to_owned()));
    }
    for entry in std::fs::read_dir(directory.join("src/bin"))
        .into_iter()
        .flatten()
    {
        let path = entry.unwrap().path();
        names.extend(
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned()),
        );
    }
    names
}

fn of_function(
    logical: &str,
    kind: Kind,
    function: &Resource,
    logs: &BTreeMap<&str, &Resource>,
) -> Vec<String> {
    let property = |path: &str| {
        function
            .properties
            .pointer(path)
            .cloned()
            .unwrap_or_default()
    };
    let mut faults = Vec::new();
    let code = property("/CodeUri");
    let code = code.as_str().unwrap_or_default();
    if function.attributes["Metadata"]["BuildMethod"] != json!("rust-cargolambda")
        || !binaries(code).contains(kind.binary())
    {
        faults.push(format!(
            "{logical}: {code:?} does not build a {}",
            kind.binary()
        ));
    }
    let seconds = SECONDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map(|(_, seconds)| *seconds);
    for (path, wanted) in [
        ("/Runtime", json!("provided.al2023")),
        ("/Handler", json!("bootstrap")),
        ("/Architectures/0", json!("arm64")),
        ("/Tracing", json!("Active")),
        ("/AutoPublishAlias", json!("live")),
        ("/LoggingConfig/LogFormat", json!("JSON")),
        // The metrics of two stacks must not mix.
        (
            "/Environment/Variables/METRICS_NAMESPACE",
            json!("surefire"),
        ),
        ("/Timeout", json!(seconds)),
    ] {
        if property(path) != wanted {
            faults.push(format!(
                "{logical}: {path} is {} and not {wanted}",
                property(path)
            ));
        }
    }
    let group = property("/LoggingConfig/LogGroup");
    let group = logs.get(group.as_str().unwrap_or_default());
    if group.is_none_or(|group| group.properties["RetentionInDays"].is_null()) {
        faults.push(format!("{logical} has no log group with a retention"));
    }
    faults
}

/// Functions on a schedule whose runs can be repeated after the next run has started.
fn repeated(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let once = json!({"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60});
    let mut faults = Vec::new();
    for (logical, function) in stack.of_kind("AWS::Serverless::Function") {
        let events = function.properties["Events"].as_object();
        for (name, event) in events.into_iter().flatten() {
            if event["Type"] != json!("ScheduleV2") {
                continue;
            }
            if function.properties["EventInvokeConfig"] != once {
                faults.push(format!("{logical}: Lambda repeats a run for hours"));
            }
            if event["Properties"]["RetryPolicy"] != once {
                faults.push(format!(
                    "{logical}: the schedule {name} repeats a run for hours"
                ));
            }
        }
    }
    faults
}

#[test]
fn a_scheduled_run_is_not_repeated_after_the_next_one_has_started() {
    keeps(repeated);
}

#[test]
fn a_scheduled_run_that_is_repeated_for_hours_is_named() {
    let config = "EventInvokeConfig: {MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60}";
    let without_age = "EventInvokeConfig: {MaximumRetryAttempts: 0}";
    let broken = with("OrdersSweeperFunction", config, without_age);
    names(repeated, &broken, "Lambda repeats a run for hours");
    let policy =
        "            RetryPolicy: {MaximumRetryAttempts: 0, MaximumEventAgeInSeconds: 60}\n";
    let broken = with("OrdersSweeperFunction", policy, "");
    names(repeated, &broken, "EveryMinute repeats a run for hours");
}

/// What is wrong with how functions are built, run and logged.
fn form(text: &str) -> Vec<String> {
    let (stack, template) = match (stack(text), template(text)) {
        (Ok(stack), Ok(template)) => (stack, template),
        (Err(faults), _) | (_, Err(faults)) => return faults,
    };
    let groups = stack.of_kind("AWS::Logs::LogGroup");
    let logs: BTreeMap<&str, &Resource> = groups
        .filter_map(|(_, group)| Some((group.reference.as_deref()?, group)))
        .collect();
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for (logical, function) in stack.of_kind("AWS::Serverless::Function") {
        let kind = template.functions[logical].kind;
        faults.extend(of_function(logical, kind, function, &logs));
        if !used.insert(function.properties["LoggingConfig"]["LogGroup"].to_string()) {
            faults.push(format!("{logical} writes to another function's log"));
        }
    }
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_of_the_api()) {
        if template.function(kind).is_none() {
            faults.push(format!("no function runs {}", kind.binary()));
        }
    }
    faults
}

#[test]
fn every_function_is_built_run_and_logged_as_it_should_be() {
    keeps(form);
}

#[test]
fn a_function_with_a_wrong_build_time_out_or_log_is_named() {
    let broken = with(
        "CorsFunction",
        "CodeUri: functions/cors",
        "CodeUri: functions/orders",
    );
    names(
        form,
        &broken,
        "CorsFunction: \"functions/orders\" does not build a cors",
    );
    let broken = with("OrdersFunction", "      Timeout: 10\n", "");
    names(form, &broken, "OrdersFunction: /Timeout is null and not 10");
    let broken = with(
        "OrdersFunction",
        "LogGroup: !Ref OrdersLogs",
        "LogGroup: !Ref CorsLogs",
    );
    names(form, &broken, "writes to another function's log");
    let broken = with("CorsFunction", "LogFormat: JSON", "LogFormat: Text");
    names(form, &broken, "CorsFunction: /LoggingConfig/LogFormat");
    let broken = with(
        "AuthorizerLogs",
        "      RetentionInDays: !Ref LogRetentionDays\n",
        "      KmsKeyId: x\n",
    );
    names(
        form,
        &broken,
        "AuthorizerFunction has no log group with a retention",
    );
    let broken = with("Function", "!Ref AWS::StackName", "Surefire");
    names(
        form,
        &broken,
        "CorsFunction: /Environment/Variables/METRICS_NAMESPACE is \"Surefire\"",
    );
    let broken = with("Function", "    Tracing: !Ref Tracing\n", "");
    names(form, &broken, "/Tracing is null");
    let broken = with(
        "Function",
        "    AutoPublishAlias: live\n",
        "    AutoPublishAlias: prod\n",
    );
    names(form, &broken, "/AutoPublishAlias is \"prod\"");
}
