//! The rules of `cost.yaml`, and of what the API's stack does for it.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse as _;
use billing::{Billing, generate};
use http::HeaderMap;
use lambda_runtime::{Context, LambdaEvent};
use local::serve::{Options, start};
use serde_json::{Value, json};
use shared::world::World;
use template::{Place, SHIPPED_COST, Stack};
use tokio::net::TcpListener;

use super::transformed::program;
use super::{list, texts};

const TABLE: &str = "surefire-AlertsTable";
const QUEUE: &str = "arn:aws:sqs:ap-northeast-2:123456789012:surefire-AlertsQueue";
const MONITOR: &str =
    "arn:aws:ce::123456789012:anomalymonitor/7b0c4e6a-54d4-4d6f-9d0e-0d1f3b1c2a4e";

fn place() -> Place {
    Place {
        region: "us-east-1".to_owned(),
        stack: "surefire-costs".to_owned(),
        ..Place::default()
    }
}

/// The stack with the required parameters and these.
fn stack(parameters: &[(&str, &str)]) -> Stack {
    let required = [
        ("StackRegion", "ap-northeast-2"),
        ("AlertsTableName", TABLE),
        ("AlertsQueueArn", QUEUE),
    ];
    let all = required.iter().chain(parameters).copied();
    Stack::read_in(&place(), SHIPPED_COST, all).unwrap()
}

fn lint(text: &str, region: &str) -> String {
    let directory = std::env::temp_dir().join(format!("cost-{}-{region}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("cost.yaml");
    std::fs::write(&file, text).unwrap();
    let found = Command::new(program("cfn-lint"))
        .args(["--regions", region, "--"])
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    String::from_utf8(found.stdout).unwrap()
}

#[test]
fn slow_the_template_has_no_faults_in_the_region_that_it_is_for() {
    assert_eq!(lint(SHIPPED_COST, "us-east-1"), "");
    // The reason for a template of its own.
    let elsewhere = lint(SHIPPED_COST, "eu-south-2");
    assert!(elsewhere.contains("AWS::Budgets::Budget"), "{elsewhere}");
}

#[test]
fn every_combination_of_parameters_refers_only_to_what_is_deployed() {
    let reports = ["off", "weekly", "daily"];
    for report in reports {
        for budget in ["0", "120"] {
            for (monitor, create) in [("", "false"), (MONITOR, "false"), ("", "true")] {
                let mut parameters = vec![
                    ("CostReport", report),
                    ("MonthlyBudget", budget),
                    ("CreateAnomalyMonitor", create),
                ];
                if !monitor.is_empty() {
                    parameters.push(("AnomalyMonitorArn", monitor));
                }
                let stack = stack(&parameters);
                let has = |kind: &str| stack.of_kind(kind).count();
                assert_eq!(
                    has("AWS::Serverless::Function"),
                    usize::from(report != "off")
                );
                assert_eq!(has("AWS::Budgets::Budget"), usize::from(budget != "0"));
                assert_eq!(
                    has("AWS::CE::AnomalyMonitor"),
                    usize::from(create == "true")
                );
                let subscribed = create == "true" || !monitor.is_empty();
                assert_eq!(has("AWS::CE::AnomalySubscription"), usize::from(subscribed));
            }
        }
    }
}

#[test]
fn combinations_that_cannot_be_meant_are_refused() {
    let refusals = |parameters: &[(&str, &str)]| -> Vec<String> {
        let required = [
            ("StackRegion", "eu-west-1"),
            ("AlertsTableName", TABLE),
            ("AlertsQueueArn", QUEUE),
        ];
        let all = required.iter().chain(parameters).copied();
        template::refusals(SHIPPED_COST, all).unwrap()
    };
    assert_eq!(refusals(&[]), [""; 0]);
    let both = [
        ("CreateAnomalyMonitor", "true"),
        ("AnomalyMonitorArn", MONITOR),
    ];
    assert!(refusals(&both)[0].contains("AnomalyMonitorArn must keep its default"));
    let nothing = refusals(&[("CostReport", "off")]);
    assert!(
        nothing[0].contains("Nothing would ever be sent"),
        "{nothing:?}"
    );
    assert_eq!(
        refusals(&[("CostReport", "off"), ("MonthlyBudget", "50")]),
        [""; 0]
    );
}

#[test]
fn the_schedule_has_a_time_zone_and_names_the_report() {
    let schedule = |parameters: &[(&str, &str)]| -> Value {
        let stack = stack(parameters);
        let function = &stack.resources["CostReportFunction"];
        function.properties["Events"]["Schedule"]["Properties"].clone()
    };
    let weekly = schedule(&[("CostReportTimeZone", "Europe/Berlin")]);
    assert_eq!(weekly["ScheduleExpression"], "cron(0 9 ? * MON *)");
    assert_eq!(weekly["ScheduleExpressionTimezone"], "Europe/Berlin");
    let input: Value = serde_json::from_str(weekly["Input"].as_str().unwrap()).unwrap();
    assert_eq!(
        input,
        json!({"scheduled": "<aws.scheduler.scheduled-time>"})
    );
    let daily = schedule(&[("CostReport", "daily"), ("CostReportAt", "30 8")]);
    assert_eq!(daily["ScheduleExpression"], "cron(30 8 * * ? *)");
}

#[test]
fn whoever_publishes_may_use_the_topic_and_its_key() {
    let stack = stack(&[]);
    let publishers = [
        "budgets.amazonaws.com",
        "cloudwatch.amazonaws.com",
        "costalerts.amazonaws.com",
    ];
    let policies = [
        (
            &stack.resources["CostTopicPolicy"].properties["PolicyDocument"],
            "sns:Publish",
        ),
        (
            &stack.resources["CostKey"].properties["KeyPolicy"],
            "kms:Decrypt",
        ),
        (
            &stack.resources["CostKey"].properties["KeyPolicy"],
            "kms:GenerateDataKey*",
        ),
    ];
    for (policy, action) in policies {
        for publisher in publishers {
            let admits = |statement: &&Value| {
                texts(&statement["Principal"]["Service"]).contains(&publisher)
                    && texts(&statement["Action"]).contains(&action)
                    && statement["Condition"]["StringEquals"]["aws:SourceAccount"] == "123456789012"
            };
            let found = list(&policy["Statement"]).into_iter().any(|it| admits(&it));
            assert!(found, "{publisher} may not {action}");
        }
    }
}

#[test]
fn the_budget_and_the_anomalies_are_sent_to_the_topic() {
    let stack = stack(&[
        ("MonthlyBudget", "120"),
        ("AnomalyMonitorArn", MONITOR),
        ("AnomalyImpact", "25"),
    ]);
    let topic = json!(stack.resources["CostTopic"].reference);
    let budget = &stack.resources["Budget"].properties;
    assert_eq!(budget["Budget"]["BudgetLimit"]["Unit"], "USD");
    // A changed subscriber replaces the budget, which a fixed name would make fail.
    assert!(budget["Budget"].get("BudgetName").is_none());
    let mut warned = BTreeSet::new();
    for warning in list(&budget["NotificationsWithSubscribers"]) {
        assert_eq!(warning["Subscribers"][0]["Address"], topic);
        let of = &warning["Notification"];
        warned.insert((
            of["NotificationType"].to_string(),
            of["Threshold"].to_string(),
        ));
    }
    let expected = [
        ("\"ACTUAL\"", "100"),
        ("\"ACTUAL\"", "80"),
        ("\"FORECASTED\"", "100"),
    ];
    let expected = expected.map(|(kind, share)| (kind.to_owned(), share.to_owned()));
    assert_eq!(warned, BTreeSet::from(expected));
    let anomalies = &stack.resources["AnomalySubscription"].properties;
    assert_eq!(anomalies["Subscribers"][0]["Address"], topic);
    assert_eq!(anomalies["MonitorArnList"], json!([MONITOR]));
    let threshold: Value =
        serde_json::from_str(anomalies["ThresholdExpression"].as_str().unwrap()).unwrap();
    assert_eq!(threshold["Dimensions"]["Values"], json!(["25"]));
}

#[test]
fn the_queue_of_alerts_admits_the_topic_only_if_it_is_named() {
    let topic = stack(&[]).resources["CostTopic"].reference.clone().unwrap();
    let statements = |parameters: &[(&str, &str)]| -> Vec<Value> {
        let stack = Stack::read(&super::text(), parameters.iter().copied()).unwrap();
        let policy = &stack.resources["AlertsQueuePolicy"].properties["PolicyDocument"];
        list(&policy["Statement"]).into_iter().cloned().collect()
    };
    assert_eq!(statements(&[]).len(), 1);
    let named = statements(&[
        ("CostTopicArn", &topic),
        ("CostTopicService", "sns.af-south-1.amazonaws.com"),
    ]);
    assert_eq!(named.len(), 2);
    assert_eq!(
        named[1]["Principal"]["Service"],
        "sns.af-south-1.amazonaws.com"
    );
    assert_eq!(
        named[1]["Condition"]["ArnEquals"]["aws:SourceArn"],
        json!(topic)
    );
    assert_eq!(named[1]["Action"], "sqs:SendMessage");
}

/// A proxy to the database that records the permissions which requests need.
#[derive(Clone)]
struct Watched {
    seen: Arc<Mutex<BTreeSet<String>>>,
    url: String,
    http: reqwest::Client,
}

async fn pass(
    State(watched): State<Watched>,
    headers: HeaderMap,
    body: Bytes,
) -> impl axum::response::IntoResponse {
    let target = headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap();
    let read: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(read["TableName"], TABLE);
    watched
        .seen
        .lock()
        .unwrap()
        .insert(format!("dynamodb:{operation}"));
    let mut request = watched.http.post(&watched.url).body(body);
    for name in [
        "x-amz-target",
        "content-type",
        "authorization",
        "x-amz-date",
    ] {
        request = request.header(name, headers[name].clone());
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap()).into_response()
}

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// What the role allows beside logs and traces.
fn allowed() -> BTreeSet<String> {
    let stack = stack(&[]);
    let policies = &stack.resources["CostReportRole"].properties["Policies"];
    let mut actions = BTreeSet::new();
    for policy in list(policies) {
        for statement in list(&policy["PolicyDocument"]["Statement"]) {
            if !["Logs", "Traces"].contains(&statement["Sid"].as_str().unwrap()) {
                actions.extend(texts(&statement["Action"]).into_iter().map(str::to_owned));
            }
        }
    }
    actions
}

/// Makes the function do everything that it can do: a report that is refused, the same again, and once
/// more after it was sent.
#[tokio::test]
async fn the_role_allows_exactly_what_the_function_was_seen_to_do() {
    let mut scenario = generate(3, "2026-11-26".parse().unwrap());
    scenario.trusted_advisor = Some(Vec::new());
    scenario.faults = vec![billing::Fault {
        action: "sns:Publish".to_owned(),
        code: Some("InternalError".to_owned()),
        times: Some(1),
        ..billing::Fault::default()
    }];
    let now = scenario.now;
    let billing = Billing::new(scenario);
    let costs = listen(billing::router(Arc::clone(&billing))).await;
    let running = start(Options::in_memory()).await.unwrap();
    let watched = Watched {
        seen: Arc::default(),
        url: running.dynamodb_url.clone(),
        http: reqwest::Client::new(),
    };
    let table = listen(Router::new().fallback(pass).with_state(watched.clone())).await;
    // The environment of the template: a variable that it forgets is missing here too.
    let stack = stack(&[]);
    let variables = &stack.resources["CostReportFunction"].properties["Environment"]["Variables"];
    let config = cost_report::Config::from_env(|name| match name {
        "AWS_REGION" => Some("us-east-1".to_owned()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("test".to_owned()),
        "AWS_ENDPOINT_URL" => Some(costs.clone()),
        "AWS_ENDPOINT_URL_DYNAMODB" => Some(table.clone()),
        name => variables[name].as_str().map(str::to_owned),
    });
    let app = cost_report::App::new(&config.unwrap(), World::real().with_clock(move || now));
    let invoke = async || {
        let mut context = Context::default();
        context.invoked_function_arn =
            "arn:aws:lambda:us-east-1:123456789012:function:x".to_owned();
        context.deadline = u64::try_from(now.as_millisecond()).unwrap() + 60_000;
        cost_report::handle(&app, LambdaEvent::new(json!({}), context)).await
    };
    assert!(invoke().await.is_err());
    assert_eq!(invoke().await.unwrap()["sent"], true);
    assert_eq!(invoke().await.unwrap()["sent"], false);

    let mut seen: BTreeSet<String> = watched.seen.lock().unwrap().clone();
    seen.extend(billing.seen().into_iter().map(|call| call.action));
    // Services do these on the function's behalf: Compute Optimizer reads the list of functions, and SNS
    // uses the topic's key.
    let on_behalf = [
        "kms:Decrypt",
        "kms:GenerateDataKey*",
        "lambda:ListFunctions",
        "lambda:ListProvisionedConcurrencyConfigs",
    ];
    seen.extend(on_behalf.map(str::to_owned));
    assert_eq!(allowed(), seen);
    running.stop().await;
}

#[test]
fn the_role_reaches_only_the_reports_own_items_and_its_own_topic() {
    let stack = stack(&[]);
    let policy = &stack.resources["CostReportRole"].properties["Policies"][0]["PolicyDocument"];
    let statement = |sid: &str| -> &Value {
        let statements = list(&policy["Statement"]);
        statements.into_iter().find(|it| it["Sid"] == sid).unwrap()
    };
    let table = format!("arn:aws:dynamodb:ap-northeast-2:123456789012:table/{TABLE}");
    assert_eq!(statement("Answers")["Resource"], json!(table));
    let keys = &statement("Answers")["Condition"]["ForAllValues:StringLike"];
    assert_eq!(keys["dynamodb:LeadingKeys"], json!(["cost-report#*"]));
    let topic = &stack.resources["CostTopic"];
    assert_eq!(statement("Topic")["Resource"], json!(topic.reference));
    // The API's stack can name the topic before it exists.
    assert_eq!(topic.properties["TopicName"], "surefire-costs");
}
