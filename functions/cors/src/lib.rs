//! Answers the OPTIONS request that a browser sends before a page's call, without a token.
//!
//! Read [`preflight`] first: it holds every rule, as functions of the request's headers. It knows
//! nothing of paths and orders, so that any API can put it behind `OPTIONS /{proxy+}`.

mod config;
pub mod preflight;

use std::{
    convert::Infallible,
    sync::atomic::{AtomicBool, Ordering},
};

use lambda_http::{
    Body, Request, RequestExt as _, Response,
    http::{
        HeaderName, HeaderValue, Method, StatusCode,
        header::{ALLOW, ORIGIN},
    },
    request::RequestContext,
};
use shared::{headers, problem::Problem, telemetry};
use tracing::Instrument as _;

pub use config::{Config, ConfigError};
use preflight::Decision;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The most of an unlisted origin that a log line repeats.
const LOGGED_ORIGIN_BYTES_MAX: usize = 128;

/// What lives as long as the process: the configuration.
#[derive(Debug)]
pub struct App {
    config: Config,
    cold: AtomicBool,
}

impl App {
    /// An app that answers by this configuration; it needs neither clock nor client.
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            cold: AtomicBool::new(true),
        }
    }
}

/// Answers one request. It cannot fail: each request has an answer.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Infallible> {
    let cold_start = app.cold.swap(false, Ordering::Relaxed);
    let context = request.lambda_context_ref();
    let span = telemetry::invocation_span(
        "cors",
        context.map_or("", |context| &context.request_id),
        context.and_then(|context| context.xray_trace_id.as_deref()),
        cold_start,
    );
    async { Ok(answer(&app.config, &request)) }
        .instrument(span)
        .await
}

fn answer(config: &Config, request: &Request) -> Response<Body> {
    let request_id = gateway_request_id(request);
    let mut response = if request.method() == Method::OPTIONS {
        let decision = preflight::decide(request.headers(), &config.allowed_origins);
        if let Decision::Refused(refusal) = &decision {
            // Told apart from an attack by whoever deploys a front end and wonders.
            tracing::info!(
                reason = refusal.problem().kind(),
                origin = logged_origin(request),
                "preflight refused"
            );
        }
        preflight::respond(&decision, request_id)
    } else {
        wrong_method(config, request, request_id)
    };
    // The gateway's identifiers are visible ASCII; one that is not is better left out.
    if let Some(id) = request_id.and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

/// A call that a route sends here by mistake: an actual answer, which a page may read.
fn wrong_method(config: &Config, request: &Request, request_id: Option<&str>) -> Response<Body> {
    let mut problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "Method not allowed",
        "Only OPTIONS is answered here.",
    );
    if let Some(id) = request_id {
        problem = problem.with("request_id", id);
    }
    let mut response: Response<Body> = problem.into_response();
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("OPTIONS"));
    let origin = request.headers().get(ORIGIN);
    headers::finish(headers, origin, &config.allowed_origins);
    response
}

/// The identifier by which the gateway's log and the client know this request.
fn gateway_request_id(request: &Request) -> Option<&str> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.request_id.as_deref(),
        #[allow(
            unreachable_patterns,
            clippy::allow_attributes,
            reason = "other forms of event exist only if another crate of the build enables them"
        )]
        _ => None,
    }
}

/// The request's origin as far as it is worth a log line; anyone can send any text.
fn logged_origin(request: &Request) -> String {
    let origin = request.headers().get(ORIGIN).map(HeaderValue::as_bytes);
    let bytes = origin.unwrap_or_default();
    let most = bytes.len().min(LOGGED_ORIGIN_BYTES_MAX);
    String::from_utf8_lossy(bytes.get(..most).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
