//! Reports of unusual amounts and names.

use std::collections::BTreeMap;

use billing::Scenario;
use serde_json::{Value, json};

use super::stage::{Report, Stage, shop};

const TODAY: &str = "2026-11-26";

async fn reported(scenario: Scenario) -> Report {
    let stage = Stage::set(scenario).await;
    let report = stage.report().await;
    stage.end().await;
    report
}

/// A scenario in which each day costs the same.
fn level(services: &[(&str, f64)]) -> Scenario {
    let mut scenario = shop(TODAY);
    let day: BTreeMap<String, f64> = services
        .iter()
        .map(|(name, amount)| ((*name).to_owned(), *amount))
        .collect();
    for costs in scenario.costs.values_mut() {
        costs.clone_from(&day);
    }
    scenario
}

fn budget(scenario: &mut Scenario, amount: &str, unit: &str) {
    scenario.budgets[0]["BudgetLimit"] = json!({"Amount": amount, "Unit": unit});
}

#[tokio::test]
async fn an_account_that_costs_nothing_has_amounts_of_zero() {
    let mut scenario = level(&[("AWS Lambda", 0.0)]);
    scenario.forecast_a_day = Some(0.0);
    let report = reported(scenario).await;
    let title = "Costs: 0.00 USD in November, 0.00 of 140.00 USD forecast";
    assert_eq!(report.text("title"), title);
    assert_eq!(report.fact("Dearest services"), "");
    assert!(report.0.get("picture").is_some());
}

#[tokio::test]
async fn credits_are_negative_amounts() {
    let scenario = level(&[("AWS Lambda", 2.0), ("Credits", -3.0)]);
    let report = reported(scenario).await;
    assert!(
        report
            .fact("Month")
            .starts_with("1–25 November: -25.00 USD"),
        "{report:?}"
    );
    report.says("Dearest services", "AWS Lambda: 50.00 USD");
    assert!(report.0.get("picture").is_some());
}

#[tokio::test]
async fn another_currency_is_shown_and_not_compared_with_a_budget_in_usd() {
    let mut scenario = level(&[("AWS Lambda", 120.0)]);
    scenario.currency = "JPY".to_owned();
    let report = reported(scenario).await;
    assert!(
        report.fact("Month").starts_with("1–25 November: 3,000 JPY"),
        "{report:?}"
    );
    assert_eq!(report.fact("Budget"), "140.00 USD");
    assert_eq!(report.text("severity"), "info");
}

#[tokio::test]
async fn costs_for_1000_orders_need_orders() {
    let mut scenario = level(&[("AWS Lambda", 4.0)]);
    scenario.tags = BTreeMap::from([(
        "aws:cloudformation:stack-name".to_owned(),
        BTreeMap::from([("surefire".to_owned(), 0.5)]),
    )]);
    scenario.orders.clear();
    let report = reported(scenario.clone()).await;
    report.says("Per 1,000 orders", "no orders");
    scenario.orders.insert("2026-11-03".parse().unwrap(), 1.0);
    // Of another month.
    scenario
        .orders
        .insert("2026-10-31".parse().unwrap(), 5_000.0);
    let report = reported(scenario.clone()).await;
    report.says("Per 1,000 orders", "50,000.00 USD");
    report.says("Per 1,000 orders", "surefire cost 50.00 USD, 1 order");
    scenario
        .orders
        .insert("2026-11-25".parse().unwrap(), 19_999.0);
    let report = reported(scenario).await;
    report.says("Per 1,000 orders", "2.50 USD");
    report.says("Per 1,000 orders", "surefire cost 50.00 USD, 20,000 orders");
}

#[tokio::test]
async fn the_budget_decides_how_severe_the_report_is() {
    // 25 days of 4 USD, and 5 days of 5.31 USD from today on.
    let mut scenario = level(&[("AWS Lambda", 4.0)]);
    for (limit, severity, line) in [
        ("130.0", "info", "77 % spent, 97 % forecast"),
        ("110", "warning", "91 % spent, 115 % forecast"),
        ("90.00", "error", "111 % spent, 141 % forecast"),
    ] {
        budget(&mut scenario, limit, "USD");
        let report = reported(scenario.clone()).await;
        assert_eq!(report.text("severity"), severity);
        report.says("Budget", line);
    }
}

#[tokio::test]
async fn the_budget_of_the_whole_account_is_preferred_and_a_plan_is_read_for_its_month() {
    let mut scenario = level(&[("AWS Lambda", 4.0)]);
    let usual = scenario.budgets[0].clone();
    let mut filtered = usual.clone();
    filtered["BudgetName"] = json!("lambda");
    filtered["BudgetLimit"]["Amount"] = json!("5000");
    filtered["CostFilters"] = json!({"Service": ["AWS Lambda"]});
    let mut yearly = usual.clone();
    yearly["TimeUnit"] = json!("ANNUALLY");
    yearly["BudgetLimit"]["Amount"] = json!("9000");
    let mut planned = usual;
    planned["BudgetName"] = json!("planned");
    if let Value::Object(members) = &mut planned {
        members.remove("BudgetLimit");
    }
    // The first seconds of October and November 2026.
    planned["PlannedBudgetLimits"] = json!({
        "1790812800": {"Amount": "100", "Unit": "USD"},
        "1793491200": {"Amount": "200", "Unit": "USD"},
    });
    scenario.budgets = vec![filtered, yearly, planned];
    let report = reported(scenario).await;
    report.says("Budget", "200.00 USD");
    report.says("Budget", "50 % spent, 63 % forecast");
    report.says("Budget", "and 1 more");
}

#[tokio::test]
async fn an_account_in_its_first_week_is_compared_with_the_days_that_it_has() {
    let mut scenario = shop(TODAY);
    let first = "2026-11-20".parse().unwrap();
    for (day, services) in &mut scenario.costs {
        if *day < first {
            services.clear();
        }
    }
    let report = reported(scenario).await;
    let summary = report.text("summary");
    assert!(
        summary.contains(" the mean of the 4 days before ("),
        "{summary}"
    );
    assert!(
        summary.ends_with("The first costs are of 20 November."),
        "{summary}"
    );
    assert!(!report.fact("Month").contains("October"), "{report:?}");
}

#[tokio::test]
async fn findings_are_those_of_the_newest_version_of_the_stacks_functions() {
    let report = reported(shop(TODAY)).await;
    assert_eq!(
        report.fact("Functions"),
        "surefire-CorsFunction-9aBcD2eFgH1i: 256 MB → 160 MB, saves 0.85 USD a month \
         (MemoryOverprovisioned)"
    );
}

#[tokio::test]
async fn the_checks_of_trusted_advisor_are_shown_with_the_largest_saving_first() {
    let check = |name: &str, status: &str, saving: Option<f64>| {
        let aggregates = json!({"costOptimizing": {
            "estimatedMonthlySavings": saving.unwrap_or_default(), "estimatedPercentMonthlySavings": 12.5,
        }});
        let mut check = json!({
            "id": "55fa4d2e-bbb7-491a-833b-5773e9589578", "type": "standard", "status": status,
            "pillars": ["cost_optimizing"], "source": "ta_check", "awsServices": ["ebs"], "name": name,
            "arn": "arn:aws:trustedadvisor::123456789012:recommendation/55fa4d2e",
            "resourcesAggregates": {"okCount": 1, "warningCount": 2, "errorCount": 0},
            "lastUpdatedAt": "2026-11-25T20:01:02.345Z",
        });
        if saving.is_some() {
            check["pillarSpecificAggregates"] = aggregates;
        }
        check
    };
    let mut scenario = shop(TODAY);
    scenario.trusted_advisor = Some(vec![
        check("Lambda Functions with High Error Rates", "warning", None),
        check("Underutilized Amazon EBS Volumes", "warning", Some(3.5)),
        check("Idle Load Balancers", "ok", Some(90.0)),
        check("Low Utilization Amazon EC2 Instances", "error", Some(21.0)),
    ]);
    let report = reported(scenario).await;
    assert_eq!(
        report.fact("Trusted Advisor"),
        "Low Utilization Amazon EC2 Instances: 21.00 USD a month\n\
         Underutilized Amazon EBS Volumes: 3.50 USD a month\n\
         Lambda Functions with High Error Rates"
    );
    assert_eq!(report.fact("Could not be asked"), "");
}

#[tokio::test]
async fn anomalies_without_a_cause_or_an_end_are_shown() {
    let mut scenario = shop(TODAY);
    scenario.anomalies = vec![
        json!({
            "AnomalyId": "a", "AnomalyStartDate": "2026-11-24", "MonitorArn": "m",
            "AnomalyScore": {"MaxScore": 0.5, "CurrentScore": 0.5}, "Impact": {"MaxImpact": 40.0},
        }),
        json!({
            "AnomalyId": "b", "AnomalyStartDate": "2026-10-01", "AnomalyEndDate": "2026-10-03",
            "MonitorArn": "m", "AnomalyScore": {"MaxScore": 0.5, "CurrentScore": 0.5},
            "Impact": {"MaxImpact": 99.0},
        }),
    ];
    let report = reported(scenario).await;
    assert_eq!(
        report.fact("Anomalies"),
        "unknown service: +40.00 USD, since 2026-11-24 (cause unknown)"
    );
}

#[tokio::test]
async fn long_names_and_markup_do_no_harm() {
    let name = format!("**{}** @everyone <&\"'>", "x".repeat(200));
    let mut scenario = level(&[(&name, 3.0), ("AWS Lambda", 1.0)]);
    scenario.cost_optimization_hub = Some(vec![json!({
        "actionType": "Delete", "resourceId": "`rm` [x](https://evil.example) \u{202e}",
        "currentResourceType": "||EbsVolume||", "estimatedMonthlySavings": 1.0, "currencyCode": "USD",
    })]);
    let stage = Stage::set(scenario).await;
    let report = stage.report().await;
    let line = report.fact("Dearest services").lines().next().unwrap();
    assert!(line.chars().count() < 90, "{line}");
    assert!(report.0.get("picture").is_some());
    let messages = stage.deliver(&report).await;
    let text = messages[0].embeds[0].to_string();
    assert!(!text.contains("**xxx"), "{text}");
    assert!(!text.contains("[x](https://evil"), "{text}");
    assert!(!text.contains('\u{202e}'), "{text}");
    stage.end().await;
}
