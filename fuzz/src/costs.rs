//! The target of what the services answer about costs: every answer becomes a report.

use std::cell::LazyCell;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};

use arbitrary::Unstructured;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use billing::{Billing, generate};
use cost_report::{App, Config, preview};
use http::header::CONTENT_LENGTH;
use lambda_runtime::Context;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::document::changed;
use crate::stage::{NOW, block_on, world};

const NAMES: [&str; 24] = [
    "ResultsByTime",
    "TimePeriod",
    "Start",
    "End",
    "Groups",
    "Keys",
    "Metrics",
    "UnblendedCost",
    "Amount",
    "Unit",
    "Estimated",
    "Total",
    "NextPageToken",
    "Anomalies",
    "Impact",
    "Budgets",
    "BudgetLimit",
    "USD",
    "items",
    "lambdaFunctionRecommendations",
    "value",
    "currency",
    "nextToken",
    "recommendationSummaries",
];

const ANSWER_BYTES_MAX: usize = 10_000_000;

type Bytes = Arc<Mutex<Vec<u8>>>;

/// The function, and services that change their answers by the bytes.
struct Stage {
    app: App,
    bytes: Bytes,
}

thread_local! {
    static STAGE: LazyCell<Stage> = LazyCell::new(|| block_on(Stage::new()));
}

impl Stage {
    async fn new() -> Self {
        let bytes = Bytes::default();
        let scenario = generate(7, "2026-11-22".parse().unwrap());
        let router = billing::router(Billing::new(scenario));
        let router = router.layer(from_fn_with_state(Arc::clone(&bytes), answered));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = Config::from_env(|name| {
            let value = match name {
                "STACK_NAME" => "surefire",
                "STACK_REGION" => "ap-northeast-2",
                "TABLE_NAME" => "alerts",
                "TOPIC_ARN" => "arn:aws:sns:us-east-1:123456789012:surefire-costs",
                "AWS_REGION" => "us-east-1",
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
                "AWS_ENDPOINT_URL" => &url,
                _ => return None,
            };
            Some(value.to_owned())
        });
        Self {
            app: App::new(&config.unwrap(), world()),
            bytes,
        }
    }
}

/// Changes the answer of a service. Each action begins elsewhere in the bytes, so that the order of
/// the calls does not matter.
async fn answered(State(bytes): State<Bytes>, request: Request, next: Next) -> Response {
    let mut hasher = DefaultHasher::new();
    let headers = request.headers();
    headers
        .get("x-amz-target")
        .map(http::HeaderValue::as_bytes)
        .hash(&mut hasher);
    request.uri().path().hash(&mut hasher);
    let (mut parts, body) = next.run(request).await.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    let body = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
    let Ok(answer) = serde_json::from_slice::<Value>(&body) else {
        return Response::from_parts(parts, Body::from(body));
    };
    let mut data = bytes.lock().unwrap().clone();
    if let Some(length) = u64::try_from(data.len()).ok().filter(|length| *length != 0) {
        data.rotate_left(usize::try_from(hasher.finish() % length).unwrap_or(0));
    }
    let answer = changed(&mut Unstructured::new(&data), answer, &NAMES);
    Response::from_parts(parts, Body::from(answer.to_string()))
}

/// Whatever the services answer, there is a report.
pub(crate) fn answers(data: &[u8]) {
    STAGE.with(|stage| {
        *stage.bytes.lock().unwrap() = data.to_vec();
        let mut context = Context::default();
        context.deadline = u64::try_from(NOW * 1_000 + 60_000).unwrap_or(0);
        "arn:aws:lambda:us-east-1:123456789012:function:cost-report:live"
            .clone_into(&mut context.invoked_function_arn);
        let text = block_on(preview(&stage.app, &context));
        assert!(
            !text.trim().is_empty() && text.len() < 100_000,
            "{} bytes",
            text.len()
        );
    });
}
