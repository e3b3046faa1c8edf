//! Finds out which operation a request is, and answers it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::answer::{Protocol, Refusal, respond};
use crate::billing::{Billing, Ruled};
use crate::{cbor, cost_explorer, savings, topic};

/// The routes of all services. One address serves all: a request says whose operation it is.
pub fn router(billing: Arc<Billing>) -> Router {
    Router::new().fallback(answer).with_state(billing)
}

/// An operation.
struct Operation {
    /// The permission that it needs.
    action: &'static str,
    protocol: Protocol,
    answer: fn(&Billing, &Value) -> Result<Value, Refusal>,
}

/// The operations by the names that requests give them.
const OPERATIONS: [(&str, Operation); 11] = [
    (
        "AWSInsightsIndexService.GetCostAndUsage",
        operation("ce:GetCostAndUsage", Protocol::Json, cost_explorer::costs),
    ),
    (
        "AWSInsightsIndexService.GetCostForecast",
        operation(
            "ce:GetCostForecast",
            Protocol::Json,
            cost_explorer::forecast,
        ),
    ),
    (
        "AWSInsightsIndexService.GetAnomalies",
        operation("ce:GetAnomalies", Protocol::Json, cost_explorer::anomalies),
    ),
    (
        "AWSBudgetServiceGateway.DescribeBudgets",
        operation("budgets:ViewBudget", Protocol::Json, savings::budgets),
    ),
    (
        "ComputeOptimizerService.GetEnrollmentStatus",
        operation(
            "compute-optimizer:GetEnrollmentStatus",
            Protocol::Cbor,
            savings::optimizer_status,
        ),
    ),
    (
        "ComputeOptimizerService.GetLambdaFunctionRecommendations",
        operation(
            "compute-optimizer:GetLambdaFunctionRecommendations",
            Protocol::Cbor,
            savings::functions,
        ),
    ),
    (
        "CostOptimizationHubService.ListEnrollmentStatuses",
        operation(
            "cost-optimization-hub:ListEnrollmentStatuses",
            Protocol::Json,
            savings::hub_status,
        ),
    ),
    (
        "CostOptimizationHubService.ListRecommendations",
        operation(
            "cost-optimization-hub:ListRecommendations",
            Protocol::Json,
            savings::hub,
        ),
    ),
    (
        "GET /v1/recommendations",
        operation(
            "trustedadvisor:ListRecommendations",
            Protocol::RestJson,
            savings::advisor,
        ),
    ),
    (
        "GraniteServiceVersion20100801.GetMetricData",
        operation("cloudwatch:GetMetricData", Protocol::Cbor, savings::orders),
    ),
    (
        "Publish",
        operation("sns:Publish", Protocol::Query, topic::publish),
    ),
];

const fn operation(
    action: &'static str,
    protocol: Protocol,
    answer: fn(&Billing, &Value) -> Result<Value, Refusal>,
) -> Operation {
    Operation {
        action,
        protocol,
        answer,
    }
}

async fn answer(
    State(billing): State<Arc<Billing>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (name, body) = request(&method, &uri, &headers, &body);
    let found = OPERATIONS.iter().find(|(known, _)| *known == name);
    let Some((_, operation)) = found else {
        let message = format!("{name:?} is not imitated on this machine");
        let refusal = Refusal::new("UnknownOperationException", message);
        return respond(Protocol::Json, Err(refusal));
    };
    let answer = match billing.note(operation.action, &body) {
        Ruled::Silent => std::future::pending().await,
        Ruled::Refused { code, message } => Err(Refusal::new(&code, message)),
        Ruled::Answered => (operation.answer)(&billing, &body),
    };
    respond(operation.protocol, answer)
}

/// The name of a request's operation, and its parameters.
fn request(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> (String, Value) {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    if let Some(target) = target {
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        return (target.to_owned(), body);
    }
    // RPC v2: `/service/NAME/operation/NAME`.
    let parts: Vec<&str> = uri.path().split('/').collect();
    if let ["", "service", service, "operation", operation] = parts.as_slice() {
        return (format!("{service}.{operation}"), cbor::read(body));
    }
    if method == Method::GET {
        let query = form(uri.query().unwrap_or_default());
        return (format!("GET {}", uri.path()), query);
    }
    let form = form(&String::from_utf8_lossy(body));
    let action = form.get("Action").and_then(Value::as_str);
    (action.unwrap_or_default().to_owned(), form)
}

/// The fields of `a=b&c=d`.
fn form(text: &str) -> Value {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let fields = text.split('&').filter_map(|field| field.split_once('='));
    let fields = fields.map(|(name, value)| (decoded(name), Value::from(decoded(value))));
    Value::Object(fields.collect::<Map<_, _>>())
}
