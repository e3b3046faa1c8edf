//! Reads Discord's answers: whether it has the message, and how long the next call must wait.
//!
//! Source: "Rate Limits" and "Opcodes and Status Codes", Discord developer documentation.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::webhook::WebhookUrl;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// How much of Discord's error goes to the log.
const COMPLAINT_CHARACTERS_MAX: usize = 500;

/// An answer, and what its headers say about the next call.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// What Discord answered.
    pub answer: Answer,
    /// How long the next call must wait, if this one used up the bucket.
    pub(crate) pause: Option<Duration>,
}

/// What Discord answered to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Discord has the message. Its id, if the answer has one.
    Accepted(Option<String>),
    /// Too many calls (429).
    Limited {
        /// How long to wait, if the body or a header says so.
        wait: Option<Duration>,
        /// Whether the limit is for all webhooks.
        global: bool,
    },
    /// Discord refuses the message as it is.
    Refused {
        /// 400, 413, …
        status: u16,
        /// Which parts are wrong, safe to log.
        complaint: String,
    },
    /// Discord rejects the webhook: 401, 403 or 404.
    Forbidden {
        /// The status.
        status: u16,
        /// Discord's error code, for example 10015 for an unknown webhook.
        code: Option<i64>,
    },
    /// The call failed.
    Failed {
        /// The status, if there was an answer.
        status: Option<u16>,
        /// What happened, safe to log.
        why: &'static str,
        /// Whether Discord may have the message nevertheless.
        in_doubt: bool,
    },
}

/// Reads the answer to a call.
pub(crate) async fn read(mut response: Response, webhook: &WebhookUrl) -> Answered {
    let status = response.status();
    let pause = pause(response.headers());
    let wait = header_seconds(response.headers(), RETRY_AFTER.as_str());
    let global_header = response.headers().contains_key("x-ratelimit-global");
    let body: Option<Value> = serde_json::from_slice(&body(&mut response).await).ok();
    let answer = match status {
        StatusCode::TOO_MANY_REQUESTS => Answer::Limited {
            wait: body.as_ref().and_then(retry_after).or(wait),
            global: global_header
                || body
                    .as_ref()
                    .and_then(|body| body.get("global")?.as_bool())
                    .unwrap_or(false),
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            Answer::Forbidden {
                status: status.as_u16(),
                code: body.as_ref().and_then(|body| body.get("code")?.as_i64()),
            }
        }
        _ if status.is_success() => {
            let id = body.as_ref().and_then(|body| body.get("id")?.as_str());
            Answer::Accepted(id.map(str::to_owned))
        }
        _ if status.is_client_error() => Answer::Refused {
            status: status.as_u16(),
            complaint: webhook.redact(&complaint(body.as_ref())),
        },
        // Discord's gateway lost the answer of the server behind it.
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => failed(status, true),
        _ => failed(status, false),
    };
    Answered { answer, pause }
}

fn failed(status: StatusCode, in_doubt: bool) -> Answer {
    Answer::Failed {
        status: Some(status.as_u16()),
        why: "Discord failed",
        in_doubt,
    }
}

/// Reads the body up to the limit. A body that breaks off or is too long stays incomplete, and is then
/// not valid JSON.
async fn body(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if ANSWER_BYTES_MAX < body.len() + chunk.len() {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// `retry_after`: seconds, as a float or an integer.
fn retry_after(body: &Value) -> Option<Duration> {
    seconds(body.get("retry_after")?.as_f64()?)
}

fn header_seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    seconds(headers.get(name)?.to_str().ok()?.trim().parse().ok()?)
}

/// A duration; `None` if the number is negative or too large.
fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// How long the bucket stays empty, if no call is left in it.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let remaining = header_seconds(headers, "x-ratelimit-remaining")?;
    if !remaining.is_zero() {
        return None;
    }
    header_seconds(headers, "x-ratelimit-reset-after")
}

/// `50035: embeds.0.title BASE_TYPE_MAX_LENGTH, …`: codes and places without foreign text.
fn complaint(body: Option<&Value>) -> String {
    let Some(body) = body else {
        return "no reason given".to_owned();
    };
    let mut found = Vec::new();
    if let Some(errors) = body.get("errors") {
        places(errors, "", &mut found);
    }
    let code = body.get("code").and_then(Value::as_i64).unwrap_or_default();
    let text = format!("{code}: {}", found.join(", "));
    text.chars()
        .filter(|character| character.is_ascii_graphic() || *character == ' ')
        .take(COMPLAINT_CHARACTERS_MAX)
        .collect()
}

fn places(errors: &Value, place: &str, found: &mut Vec<String>) {
    let Some(members) = errors.as_object() else {
        return;
    };
    for (name, inner) in members {
        if name == "_errors" {
            for error in inner.as_array().into_iter().flatten() {
                let code = error.get("code").and_then(Value::as_str).unwrap_or("?");
                found.push(format!("{} {code}", place.trim_start_matches('.')));
            }
        } else {
            places(inner, &format!("{place}.{name}"), found);
        }
    }
}
