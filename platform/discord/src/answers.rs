//! The answers that several calls share: errors in Discord's form, and rate limits.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::fault::RetryAfter;
use crate::limits::Refusal;

pub(crate) fn reply(status: StatusCode, body: &Value) -> Response {
    (status, axum::Json(body)).into_response()
}

pub(crate) fn refuse(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    reply(status, &refusal.body)
}

pub(crate) fn unknown_webhook() -> Response {
    reply(
        StatusCode::NOT_FOUND,
        &json!({"message": "Unknown Webhook", "code": 10015}),
    )
}

pub(crate) fn unknown_message() -> Response {
    reply(
        StatusCode::NOT_FOUND,
        &json!({"message": "Unknown Message", "code": 10008}),
    )
}

/// A 429. Source: "Rate Limits", Discord developer documentation.
pub(crate) fn limited(retry_after: RetryAfter, global: bool, shared: bool) -> Response {
    let (in_body, in_header) = match retry_after {
        RetryAfter::Float(seconds) => (Some(json!(seconds)), Some(format!("{}", seconds.ceil()))),
        RetryAfter::Integer(seconds)
        | RetryAfter::Confirmed(seconds)
        | RetryAfter::Milliseconds(seconds) => (Some(json!(seconds)), Some(seconds.to_string())),
        RetryAfter::Header(seconds) => (None, Some(seconds.to_string())),
        RetryAfter::Missing => (None, None),
    };
    let message = "You are being rate limited.";
    let body = match in_body {
        Some(seconds) => json!({"message": message, "global": global, "retry_after": seconds}),
        None => json!({"message": message, "global": global}),
    };
    let mut response = reply(StatusCode::TOO_MANY_REQUESTS, &body);
    let headers = response.headers_mut();
    if let Some(value) = in_header.and_then(|seconds| HeaderValue::from_str(&seconds).ok()) {
        headers.insert(header::RETRY_AFTER, value);
    }
    let reset = match retry_after {
        RetryAfter::Confirmed(seconds) => Some(seconds.to_string()),
        RetryAfter::Milliseconds(milliseconds) => Some(format!(
            "{}.{:03}",
            milliseconds / 1_000,
            milliseconds % 1_000
        )),
        RetryAfter::Float(_)
        | RetryAfter::Integer(_)
        | RetryAfter::Header(_)
        | RetryAfter::Missing => None,
    };
    if let Some(value) = reset.and_then(|seconds| HeaderValue::from_str(&seconds).ok()) {
        headers.insert("x-ratelimit-reset-after", value);
    }
    let scope = match (global, shared) {
        (true, _) => "global",
        (false, true) => "shared",
        (false, false) => "user",
    };
    headers.insert("x-ratelimit-scope", HeaderValue::from_static(scope));
    if global {
        headers.insert("x-ratelimit-global", HeaderValue::from_static("true"));
    }
    response
}

pub(crate) fn limited_by_edge(retry_after: Option<u64>) -> Response {
    let page =
        axum::response::Html("<html><title>Access denied | discord.com</title>Error 1015</html>");
    let mut response = (StatusCode::TOO_MANY_REQUESTS, page).into_response();
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
