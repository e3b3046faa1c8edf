//! Reads Discord's answers: whether it has the message, and how long the next call must wait.
//!
//! Source: "Rate Limits" and "Opcodes and Status Codes", Discord developer documentation.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::pace::{WAIT_MAX, WAIT_UNKNOWN};
use crate::webhook::WebhookUrl;

/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// In seconds with a fraction.
const RESET_AFTER: &str = "x-ratelimit-reset-after";
/// How much of Discord's error goes to the log.
const COMPLAINT_CHARACTERS_MAX: usize = 500;

/// An answer, and what its headers say about the next call.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// What Discord answered.
    pub answer: Answer,
    /// How long the next call must wait, if this one used up the bucket.
    pub(crate) pause: Option<Duration>,
    /// The channel or thread of the message, if the answer has one.
    pub(crate) channel_id: Option<String>,
}

impl Answered {
    /// An answer that says nothing about the next call.
    pub(crate) const fn without_pause(answer: Answer) -> Self {
        Self {
            answer,
            pause: None,
            channel_id: None,
        }
    }
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
    /// No message of the route can arrive until somebody repairs the route.
    Rejected {
        /// The status.
        status: u16,
        /// Discord's error code, for example 10015 for an unknown webhook.
        code: Option<i64>,
        /// What is wrong with the route.
        fault: RouteFault,
    },
    /// Another address has the webhook now: 301, 302, 307 or 308. The call did nothing.
    Moved {
        /// The status.
        status: u16,
        /// The new address, which may be relative.
        location: Option<String>,
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

/// What is wrong with a route that Discord rejects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteFault {
    /// The webhook was deleted, or its token is wrong.
    Webhook,
    /// The thread of the route was deleted.
    ThreadGone,
    /// The thread is archived: it takes no edit, but a new message opens it.
    ThreadArchived,
    /// A moderator has locked the thread.
    ThreadLocked,
    /// The message was deleted.
    MessageGone,
    /// An old message was edited too often in the last hour.
    EditsUsedUp,
    /// The channel is a forum, and the route names no thread.
    Forum,
    /// The channel is not a forum, and the route names a new thread.
    NotForum,
    /// The forum wants tags, and the route has none or wrong ones.
    Tags,
    /// The edge in front of Discord rejects the client, not the webhook.
    Edge,
}

impl RouteFault {
    /// The fault of a code in Discord's answer, whatever the status.
    ///
    /// Source: "JSON Error Codes", Discord developer documentation.
    const fn of_code(code: i64) -> Option<Self> {
        Some(match code {
            10_003 => Self::ThreadGone,
            10_008 => Self::MessageGone,
            30_046 => Self::EditsUsedUp,
            10_015 | 50_027 => Self::Webhook,
            40_066 | 40_067 => Self::Tags,
            50_083 => Self::ThreadArchived,
            160_005 => Self::ThreadLocked,
            220_001 => Self::Forum,
            220_002..=220_004 => Self::NotForum,
            _ => return None,
        })
    }

    /// Whether it concerns one message or its thread, and a new message may help.
    pub(crate) const fn is_of_message(self) -> bool {
        match self {
            Self::ThreadGone
            | Self::ThreadArchived
            | Self::ThreadLocked
            | Self::MessageGone
            | Self::EditsUsedUp => true,
            Self::Webhook | Self::Forum | Self::NotForum | Self::Tags | Self::Edge => false,
        }
    }

    /// What is wrong, and what to do.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Webhook => {
                "Discord rejects the route's webhook: put a working webhook URL into the secret"
            }
            Self::ThreadGone => {
                "the route's thread or channel no longer exists: change the route's thread_id"
            }
            Self::ThreadArchived | Self::ThreadLocked => {
                "the route's thread is locked or archived: open it, or change the route's thread_id"
            }
            Self::MessageGone => "the message was deleted",
            Self::EditsUsedUp => "the message was edited too often in the last hour",
            Self::Forum => {
                "the route's channel is a forum: give the route a thread_name or a thread_id"
            }
            Self::NotForum => {
                "the route's channel does not take new threads: remove the route's thread_name"
            }
            Self::Tags => "the forum of the route needs other tags: change the route's tags",
            Self::Edge => {
                "the edge in front of Discord blocks this function's address or request; the webhook may be fine"
            }
        }
    }
}

/// Reads the answer to a call.
pub(crate) async fn read(mut response: Response, webhook: &WebhookUrl) -> Answered {
    let status = response.status();
    let headers = response.headers().clone();
    let body: Option<Value> = serde_json::from_slice(&body(&mut response).await).ok();
    let body = body.as_ref();
    let code = body.and_then(|body| body.get("code")?.as_i64());
    let fault = code.and_then(RouteFault::of_code);
    let rejected = |fault| Answer::Rejected {
        status: status.as_u16(),
        code,
        fault,
    };
    let answer = match (status, fault) {
        // The code says more than the status: it may come with 429, which would hold the route.
        (_, Some(fault @ RouteFault::EditsUsedUp)) => rejected(fault),
        (StatusCode::TOO_MANY_REQUESTS, _) => limited(&headers, body),
        (_, Some(fault)) if status.is_client_error() => rejected(fault),
        // Discord answers in JSON. A page of HTML is from the edge in front of it.
        (StatusCode::FORBIDDEN, _) if body.is_none() => rejected(RouteFault::Edge),
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND, _) => {
            rejected(RouteFault::Webhook)
        }
        // The server did not want the request at that moment, and did nothing.
        (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY, _) => failed(status, false),
        (
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT,
            _,
        ) => Answer::Moved {
            status: status.as_u16(),
            location: text(&headers, LOCATION.as_str()),
        },
        _ if status.is_success() => {
            let id = body.and_then(|body| body.get("id")?.as_str());
            Answer::Accepted(id.map(str::to_owned))
        }
        _ if status.is_client_error() => Answer::Refused {
            status: status.as_u16(),
            complaint: webhook.redact(&complaint(body)),
        },
        // Discord's gateway lost the answer of the server behind it.
        (StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT, _) => failed(status, true),
        _ => failed(status, false),
    };
    Answered {
        answer,
        pause: pause(&headers),
        channel_id: body
            .and_then(|body| body.get("channel_id")?.as_str())
            .map(str::to_owned),
    }
}

fn limited(headers: &HeaderMap, body: Option<&Value>) -> Answer {
    let of_body = |name: &str| body?.get(name);
    let wait = of_body("retry_after")
        .and_then(Value::as_f64)
        .or_else(|| number(headers, RETRY_AFTER.as_str()))
        .and_then(seconds);
    let reset = number(headers, RESET_AFTER).and_then(seconds);
    Answer::Limited {
        wait: wait.map(|wait| believed(wait, reset)),
        global: headers.contains_key("x-ratelimit-global")
            || of_body("global").and_then(Value::as_bool).unwrap_or(false),
    }
}

/// How long to wait after a 429.
///
/// Before version 8 of the API, `retry_after` and `Retry-After` were milliseconds, and a proxy may still
/// write them so. A long wait is therefore believed only as far as `X-RateLimit-Reset-After` goes, which
/// always was in seconds.
fn believed(wait: Duration, reset: Option<Duration>) -> Duration {
    match reset {
        _ if wait <= WAIT_UNKNOWN => wait,
        Some(reset) if !reset.is_zero() => wait.min(reset),
        Some(_) | None => WAIT_UNKNOWN,
    }
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

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    text(headers, name)?.parse().ok()
}

/// A duration. A number that is too large for one is the longest wait; `None` if it is negative or not a
/// number.
fn seconds(seconds: f64) -> Option<Duration> {
    if seconds.is_nan() || seconds < 0.0 {
        return None;
    }
    let wait = Duration::try_from_secs_f64(seconds).unwrap_or(WAIT_MAX);
    Some(wait.min(WAIT_MAX))
}

/// How long the bucket stays empty, if no call is left in it.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let remaining = number(headers, "x-ratelimit-remaining")?;
    if 0.0 < remaining {
        return None;
    }
    seconds(number(headers, RESET_AFTER)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wait: u64, reset: Option<u64>, expected: u64) {
        let found = believed(Duration::from_secs(wait), reset.map(Duration::from_secs));
        assert_eq!(found.as_secs(), expected, "{wait} {reset:?}");
    }

    #[test]
    fn a_wait_over_a_minute_is_believed_as_far_as_the_bucket_confirms_it() {
        check(60, None, 60);
        check(60, Some(1), 60);
        check(1_873, None, 60);
        check(1_873, Some(2), 2);
        check(1_873, Some(1_873), 1_873);
        check(300, Some(301), 300);
        check(300, Some(0), 60);
    }

    #[test]
    fn a_number_that_is_too_large_for_a_duration_is_the_longest_wait() {
        for large in [f64::MAX, f64::INFINITY, 1e19, 1e18, 7_201.0] {
            assert_eq!(seconds(large), Some(WAIT_MAX), "{large}");
        }
        assert_eq!(seconds(-1.0), None);
        assert_eq!(seconds(f64::NAN), None);
    }
}
