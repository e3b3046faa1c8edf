//! Answers as AWS Budgets, Compute Optimizer, the Cost Optimization Hub, Trusted Advisor and CloudWatch.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::billing::Billing;

/// `DescribeBudgets`.
pub(crate) fn budgets(billing: &Billing, body: &Value) -> Result<Value, Refusal> {
    let account = body.get("AccountId").and_then(Value::as_str);
    if account != Some(&billing.scenario.account) {
        let message = "Account is not authorized to see the budgets of another account.";
        return Err(Refusal::new("AccessDeniedException", message));
    }
    Ok(json!({"Budgets": billing.scenario.budgets}))
}

/// `GetEnrollmentStatus`.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the table of operations has one form"
)]
pub(crate) fn optimizer_status(billing: &Billing, _: &Value) -> Result<Value, Refusal> {
    let status = match &billing.scenario.compute_optimizer {
        Some(_) => "Active",
        None => "Inactive",
    };
    Ok(json!({"status": status, "memberAccountsEnrolled": false}))
}

/// `GetLambdaFunctionRecommendations`.
pub(crate) fn functions(billing: &Billing, _: &Value) -> Result<Value, Refusal> {
    let Some(found) = &billing.scenario.compute_optimizer else {
        let message = "Account is not registered for recommendations";
        return Err(Refusal::new("OptInRequiredException", message));
    };
    Ok(json!({"lambdaFunctionRecommendations": found}))
}

/// `ListEnrollmentStatuses`.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the table of operations has one form"
)]
pub(crate) fn hub_status(billing: &Billing, _: &Value) -> Result<Value, Refusal> {
    let scenario = &billing.scenario;
    let items = match &scenario.cost_optimization_hub {
        Some(_) => json!([{"accountId": scenario.account, "status": "Active"}]),
        None => json!([]),
    };
    Ok(json!({"items": items}))
}

/// `ListRecommendations` of the hub.
pub(crate) fn hub(billing: &Billing, _: &Value) -> Result<Value, Refusal> {
    let Some(items) = &billing.scenario.cost_optimization_hub else {
        let message = "AWS account is not enrolled for recommendations";
        return Err(Refusal::new("AccessDeniedException", message));
    };
    Ok(json!({"items": items}))
}

/// `ListRecommendations` of Trusted Advisor.
pub(crate) fn advisor(billing: &Billing, query: &Value) -> Result<Value, Refusal> {
    if query.get("pillar").and_then(Value::as_str) != Some("cost_optimizing") {
        return Err(Refusal::new(
            "ValidationException",
            "only the pillar cost_optimizing",
        ));
    }
    let Some(found) = &billing.scenario.trusted_advisor else {
        let message = "Access denied: this operation requires a Business Support plan";
        return Err(Refusal::new("AccessDeniedException", message));
    };
    Ok(json!({"recommendationSummaries": found}))
}

/// `GetMetricData` of the orders: a value for each day on which there were some.
pub(crate) fn orders(billing: &Billing, body: &Value) -> Result<Value, Refusal> {
    let time = |name: &str| body.get(name).and_then(Value::as_f64);
    let (Some(start), Some(end)) = (time("StartTime"), time("EndTime")) else {
        return Err(Refusal::new(
            "ValidationError",
            "StartTime and EndTime are required",
        ));
    };
    let scenario = &billing.scenario;
    let metric = body.pointer("/MetricDataQueries/0/MetricStat/Metric");
    let wanted = json!({
        "Namespace": scenario.stack,
        "MetricName": "OrderPlaced",
        "Dimensions": [{"Name": "service", "Value": "orders"}],
    });
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for (day, count) in scenario.orders.iter().filter(|_| metric == Some(&wanted)) {
        let at = day.to_zoned(TimeZone::UTC).map(|at| at.timestamp());
        let second = seconds(at.unwrap_or(Timestamp::MIN));
        if start <= second && second < end {
            times.push(second);
            values.push(*count);
        }
    }
    let id = body.pointer("/MetricDataQueries/0/Id");
    let result = json!({
        "Id": id, "Label": "OrderPlaced", "Timestamps": times, "Values": values,
        "StatusCode": "Complete",
    });
    Ok(json!({"MetricDataResults": [result]}))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of this era are exact in a double"
)]
fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}
