//! What the function asks, how often, and what it does when a service does not answer.

use std::time::Duration;

use billing::Fault;
use cost_report::{Error, Timeouts};
use serde_json::{Value, json};

use super::stage::{Stage, refused, shop};

const TODAY: &str = "2026-11-26";

#[tokio::test]
async fn a_report_pays_for_four_calls_and_a_repeat_for_none() {
    let mut stage = Stage::set(shop(TODAY)).await;
    let event = json!({"scheduled": "2026-11-26T00:30:00Z"});
    let answer = stage.invoke(event.clone()).await.unwrap();
    assert_eq!(
        (&answer["sent"], &answer["paid_calls"]),
        (&json!(true), &json!(4))
    );
    assert_eq!(stage.billing.paid_calls(), 4);
    let calls = stage.billing.seen().len();

    // Lambda repeats an invocation in any instance.
    stage.replace_instance();
    let answer = stage.invoke(event).await.unwrap();
    assert_eq!(
        (&answer["sent"], &answer["paid_calls"]),
        (&json!(false), &json!(0))
    );
    assert_eq!(
        stage.billing.seen().len(),
        calls,
        "nothing at all is called"
    );
    assert_eq!(stage.billing.take_published().len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn costs_are_asked_by_day_and_service_and_by_the_month_and_tag() {
    let stage = Stage::set(shop(TODAY)).await;
    stage.report().await;
    let costs = stage.calls("ce:GetCostAndUsage");
    let with = |granularity: &str| -> &Value {
        let of = |call: &&billing::Seen| call.body["Granularity"] == granularity;
        &costs.iter().find(of).unwrap().body
    };
    let daily = with("DAILY");
    assert_eq!(
        daily["TimePeriod"],
        json!({"Start": "2026-09-25", "End": "2026-11-26"})
    );
    assert_eq!(daily["Metrics"], json!(["UnblendedCost"]));
    assert_eq!(
        daily["GroupBy"],
        json!([{"Type": "DIMENSION", "Key": "SERVICE"}])
    );
    let monthly = with("MONTHLY");
    assert_eq!(
        monthly["TimePeriod"],
        json!({"Start": "2026-11-01", "End": "2026-11-26"})
    );
    let tag = json!([{"Type": "TAG", "Key": "aws:cloudformation:stack-name"}]);
    assert_eq!(monthly["GroupBy"], tag);
    let forecast = &stage.calls("ce:GetCostForecast")[0].body;
    assert_eq!(
        forecast["TimePeriod"],
        json!({"Start": "2026-11-26", "End": "2026-12-01"})
    );
    assert_eq!(forecast["Metric"], "UNBLENDED_COST");
    let anomalies = &stage.calls("ce:GetAnomalies")[0].body;
    let fortnight = json!({"StartDate": "2026-11-12", "EndDate": "2026-11-26"});
    assert_eq!(anomalies["DateInterval"], fortnight);
    assert_eq!(
        stage.calls("budgets:ViewBudget")[0].body["AccountId"],
        "123456789012"
    );
    let orders = &stage.calls("cloudwatch:GetMetricData")[0].body;
    let metric = &orders["MetricDataQueries"][0]["MetricStat"];
    assert_eq!(metric["Metric"]["Namespace"], "surefire");
    assert_eq!(metric["Stat"], "Sum");
    stage.end().await;
}

#[tokio::test]
async fn a_second_page_is_followed_and_paid_for() {
    let mut scenario = shop(TODAY);
    // 62 days of 12 services, and the months.
    scenario.groups_a_page = 400;
    let paged = Stage::set(scenario).await;
    let whole = Stage::set(shop(TODAY)).await;
    let (paged_report, whole_report) = (paged.report().await, whole.report().await);
    assert_eq!(paged.billing.paid_calls(), 5);
    assert_eq!(paged_report.fact("Month"), whole_report.fact("Month"));
    assert_eq!(
        paged_report.fact("Dearest services"),
        whole_report.fact("Dearest services")
    );
    paged_report.says("This report", "5 paid calls, 0.05 USD");
    paged.end().await;
    whole.end().await;
}

#[tokio::test]
async fn no_more_than_eight_calls_are_paid_for() {
    let mut scenario = shop(TODAY);
    scenario.groups_a_page = 10;
    let stage = Stage::set(scenario).await;
    let report = stage.report().await;
    assert_eq!(stage.billing.paid_calls(), 8);
    assert!(
        report.text("summary").contains("Some services are missing"),
        "{report:?}"
    );
    report.says("This report", "8 paid calls, 0.08 USD");
    stage.end().await;
}

#[tokio::test]
async fn a_throttled_call_is_made_again_after_a_pause_and_counts_again() {
    let mut scenario = shop(TODAY);
    scenario.faults = vec![Fault {
        times: Some(1),
        ..refused("ce:GetAnomalies", "LimitExceededException", "Rate exceeded")
    }];
    let stage = Stage::set(scenario).await;
    let report = stage.report().await;
    assert!(
        report.fact("Anomalies").contains("CloudWatch"),
        "{report:?}"
    );
    assert_eq!(stage.billing.paid_calls(), 5);
    assert!(Duration::ZERO < stage.slept());
    assert_eq!(
        report.fact("Could not be asked"),
        "Trusted Advisor: not in your support plan"
    );
    stage.end().await;
}

#[tokio::test]
async fn a_service_that_throttles_for_ever_becomes_a_line() {
    let mut scenario = shop(TODAY);
    scenario.faults = vec![
        refused(
            "compute-optimizer:GetEnrollmentStatus",
            "ThrottlingException",
            "Rate exceeded",
        ),
        refused(
            "cloudwatch:GetMetricData",
            "InternalServerException",
            "sorry",
        ),
    ];
    let stage = Stage::set(scenario).await;
    let report = stage.report().await;
    report.says(
        "Could not be asked",
        "Compute Optimizer: too many requests, also when asked again",
    );
    report.says(
        "Could not be asked",
        "Orders: InternalServerException: sorry",
    );
    assert_eq!(
        stage.calls("compute-optimizer:GetEnrollmentStatus").len(),
        3
    );
    stage.end().await;
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_and_the_report_is_sent_without_it() {
    let mut scenario = shop(TODAY);
    for action in ["ce:GetCostForecast", "trustedadvisor:ListRecommendations"] {
        scenario.faults.push(Fault {
            action: action.to_owned(),
            ..Fault::default()
        });
    }
    let timeouts = Timeouts {
        call: Duration::from_secs(1),
        ..Timeouts::default()
    };
    let stage = Stage::set_with(scenario, None, timeouts).await;
    let report = stage.report().await;
    let silent = report.fact("Could not be asked");
    assert!(silent.starts_with("Forecast, "), "{silent}");
    assert!(
        silent.ends_with("Trusted Advisor: no answer in time"),
        "{silent}"
    );
    assert!(report.fact("Month").contains("1–25 November"), "{report:?}");
    // A call without an answer may have cost money, so it is not made again.
    assert_eq!(stage.calls("ce:GetCostForecast").len(), 1);
    stage.end().await;
}

#[tokio::test]
async fn asking_ends_early_enough_for_the_report_to_be_sent() {
    let mut scenario = shop(TODAY);
    scenario.faults.push(Fault {
        action: "ce:GetCostAndUsage".to_owned(),
        ..Fault::default()
    });
    // The call itself may take longer than the invocation has.
    let timeouts = Timeouts {
        call: Duration::from_mins(10),
        reserve: Duration::from_millis(59_500),
    };
    let stage = Stage::set_with(scenario, None, timeouts).await;
    let report = stage.report().await;
    let silent = report.fact("Could not be asked");
    assert!(silent.starts_with("Costs, Costs of this stack"), "{silent}");
    assert_eq!(report.text("title"), "Costs: not known today");
    stage.end().await;
}

#[tokio::test]
async fn nothing_is_paid_for_without_the_table() {
    let stage = Stage::set_with(shop(TODAY), Some("http://127.0.0.1:9"), Timeouts::default()).await;
    let error = stage.invoke(json!({})).await.unwrap_err();
    assert!(matches!(error, Error::Table), "{error}");
    assert_eq!(stage.billing.seen(), []);
    stage.end().await;
}

#[tokio::test]
async fn two_invocations_at_once_pay_once() {
    let stage = Stage::set(shop(TODAY)).await;
    let (one, other) = tokio::join!(
        stage.invoke(json!({"scheduled": "a"})),
        stage.invoke(json!({"scheduled": "a"})),
    );
    let failed = [&one, &other].into_iter().filter(|it| it.is_err()).count();
    let busy = [one, other].into_iter().filter_map(Result::err);
    assert!(busy.into_iter().all(|error| matches!(error, Error::Busy)));
    assert!(failed <= 1);
    assert_eq!(stage.billing.paid_calls(), 4);
    assert_eq!(stage.billing.take_published().len(), 1);
    stage.end().await;
}
