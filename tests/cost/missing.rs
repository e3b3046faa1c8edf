//! What an account does not have or may not see is a line of the report, and never an error.

use super::stage::{Report, Stage, refused, shop};
use billing::Scenario;

const TODAY: &str = "2026-11-26";

async fn reported(scenario: Scenario) -> Report {
    let stage = Stage::set(scenario).await;
    let report = stage.report().await;
    stage.end().await;
    report
}

#[tokio::test]
async fn an_account_without_any_data_yet_gets_a_report_that_says_so() {
    let mut scenario = shop(TODAY);
    scenario.costs.clear();
    scenario.forecast_a_day = None;
    let report = reported(scenario).await;
    assert_eq!(report.text("title"), "Costs: not known today");
    report.says(
        "Could not be asked",
        "Costs, Costs of this stack: no data yet; a new account has the first about a day after \
         Cost Explorer was opened",
    );
    report.says("Could not be asked", "Forecast: too little history");
    assert!(report.0.get("picture").is_none());
    // Everything else is there.
    assert!(
        report
            .fact("Cost Optimization Hub")
            .contains("Delete EbsVolume")
    );
}

#[tokio::test]
async fn without_a_forecast_the_costs_and_the_budget_remain() {
    let mut scenario = shop(TODAY);
    scenario.forecast_a_day = None;
    let report = reported(scenario).await;
    report.says("Could not be asked", "Forecast: too little history");
    assert!(report.fact("Forecast for November").is_empty());
    assert!(
        report.fact("Budget").ends_with("% spent"),
        "{}",
        report.fact("Budget")
    );
}

#[tokio::test]
async fn services_that_are_not_switched_on_are_named() {
    let mut scenario = shop(TODAY);
    scenario.compute_optimizer = None;
    scenario.cost_optimization_hub = None;
    scenario.trusted_advisor = None;
    scenario.budgets.clear();
    scenario.anomalies.clear();
    let report = reported(scenario).await;
    report.says(
        "Could not be asked",
        "Compute Optimizer, Cost Optimization Hub: not switched on",
    );
    report.says(
        "Could not be asked",
        "Trusted Advisor: not in your support plan",
    );
    assert_eq!(report.fact("Budget"), "none");
    assert_eq!(report.fact("Anomalies"), "none in the last 14 days");
}

#[tokio::test]
async fn an_account_that_left_compute_optimizer_between_two_calls_is_understood() {
    let mut scenario = shop(TODAY);
    scenario.faults = vec![refused(
        "compute-optimizer:GetLambdaFunctionRecommendations",
        "OptInRequiredException",
        "Account is not registered for recommendations",
    )];
    let report = reported(scenario).await;
    report.says("Could not be asked", "Compute Optimizer: not switched on");
}

#[tokio::test]
async fn a_tag_that_is_not_activated_is_explained() {
    let mut scenario = shop(TODAY);
    scenario.tags.clear();
    let report = reported(scenario).await;
    report.says(
        "Could not be asked",
        "Costs of this stack: nothing has the cost allocation tag aws:cloudformation:stack-name = \
         surefire; activate it in the billing console",
    );
    assert!(report.fact("Per 1,000 orders").is_empty());
}

#[tokio::test]
async fn an_account_in_which_cost_explorer_was_never_opened_is_told_what_to_do() {
    let mut scenario = shop(TODAY);
    for call in ["GetCostAndUsage", "GetCostForecast", "GetAnomalies"] {
        scenario.faults.push(refused(
            &format!("ce:{call}"),
            "AccessDeniedException",
            "User not enabled for cost explorer access",
        ));
    }
    let report = reported(scenario).await;
    report.says(
        "Could not be asked",
        "Costs, Costs of this stack, Forecast, Anomalies: Cost Explorer was never opened in this \
         account; open it once in the console",
    );
    report.says("This report", "4 paid calls, 0.04 USD");
}

#[tokio::test]
async fn a_member_account_that_may_not_see_costs_is_told_whom_to_ask() {
    let mut scenario = shop(TODAY);
    for call in ["GetCostAndUsage", "GetCostForecast", "GetAnomalies"] {
        scenario.faults.push(refused(
            &format!("ce:{call}"),
            "AccessDeniedException",
            "Linked account doesn't have access to cost and usage data",
        ));
    }
    scenario.faults.push(refused(
        "budgets:ViewBudget",
        "AccessDeniedException",
        "User: arn:aws:sts::123456789012:assumed-role/x is not authorized to perform: budgets:ViewBudget",
    ));
    let report = reported(scenario).await;
    let text = report.fact("Could not be asked");
    assert!(
        text.contains("the management account lets its members see their costs"),
        "{text}"
    );
    assert!(
        text.contains("Budgets: access denied (User: arn:aws:sts"),
        "{text}"
    );
}
