//! Answers preflights: the OPTIONS requests that a browser sends, without a token, before a page's
//! own call.
//!
//! Read [`preflight`] first: it has all the rules. They depend only on the request's headers, not
//! on paths or orders, so any API can use this function for `OPTIONS /{proxy+}`.

mod allowed_headers;
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
use shared::{as_is::AsIs, headers, problem::Problem, telemetry};
use tracing::Instrument as _;

pub use allowed_headers::{ALLOWED_HEADERS, HeaderError};
pub use config::{Config, ConfigError};
use preflight::Decision;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest part of a refused origin that is logged.
const LOGGED_ORIGIN_BYTES_MAX: usize = 128;

/// The function's state, which lives as long as the process.
#[derive(Debug)]
pub struct App {
    config: Config,
    cold: AtomicBool,
}

impl App {
    /// An app with this configuration.
    pub const fn new(config: Config) -> Self {
        Self {
            config,
            cold: AtomicBool::new(true),
        }
    }
}

/// Answers one request. It never fails.
pub async fn handle(app: &App, request: Request) -> Result<AsIs, Infallible> {
    let cold_start = app.cold.swap(false, Ordering::Relaxed);
    let context = request.lambda_context_ref();
    let span = telemetry::invocation_span(
        "cors",
        context.map_or("", |context| &context.request_id),
        context.and_then(|context| context.xray_trace_id.as_deref()),
        cold_start,
    );
    async { Ok(AsIs(answer(&app.config, &request))) }
        .instrument(span)
        .await
}

fn answer(config: &Config, request: &Request) -> Response<Body> {
    let request_id = gateway_request_id(request);
    let mut response = if request.method() == Method::OPTIONS {
        let decision = preflight::decide(
            request.headers(),
            &config.allowed_origins,
            &config.allowed_headers,
        );
        if let Decision::Refused(refusal) = &decision {
            // Helps the developer of a front end whose origin is not configured.
            tracing::info!(
                reason = refusal.problem(&config.allowed_headers).kind(),
                origin = logged_origin(request),
                "preflight refused"
            );
        }
        preflight::respond(&decision, &config.allowed_headers, request_id)
    } else {
        wrong_method(config, request, request_id)
    };
    // The gateway's identifiers are visible ASCII. Any other is left out.
    if let Some(id) = request_id.and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

/// The answer to a request that is not OPTIONS. A page of an allowed origin may read it.
fn wrong_method(config: &Config, request: &Request, request_id: Option<&str>) -> Response<Body> {
    let mut problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "Method not allowed",
        "This function answers only OPTIONS.",
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

/// The request's identifier, which the gateway logs and the client receives.
fn gateway_request_id(request: &Request) -> Option<&str> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.request_id.as_deref(),
        #[allow(
            unreachable_patterns,
            clippy::allow_attributes,
            reason = "other variants exist only if another crate in the build enables their features"
        )]
        _ => None,
    }
}

/// The request's origin for the log. It is cut, because a client can send any text.
fn logged_origin(request: &Request) -> String {
    let origin = request.headers().get(ORIGIN).map(HeaderValue::as_bytes);
    let bytes = origin.unwrap_or_default();
    let most = bytes.len().min(LOGGED_ORIGIN_BYTES_MAX);
    String::from_utf8_lossy(bytes.get(..most).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
