//! Owns the delivery of one message: claim it, send it, and decide by Discord's answers what follows.

use std::time::Duration;

use crate::app::App;
use crate::deadline::Deadline;
use crate::discord::{Answer, Call};
use crate::envelope::Notification;
use crate::event::Event;
use crate::message::{Detail, Options, render};
use crate::outcome::{Outcome, Why, tell_circuit};
use crate::pace::WAIT_UNKNOWN;
use crate::route::Route;
use crate::seen::{Claim, Token};
use crate::webhook::WebhookUrl;

/// Calls that Discord may fail before the message is handed back.
const FAILURES_MAX: u32 = 3;
/// Answers of 429 to one message before it is handed back, however short their waits.
const LIMITED_MAX: u32 = 5;
/// The longest pause before the second call after a failure; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// With less time than this left, no call is begun.
const CALL_LEAST: Duration = Duration::from_millis(500);
/// While a circuit is open, the secret is read again this often: it may hold a better webhook.
const SECRET_AGE_WHILE_OPEN: Duration = Duration::from_mins(1);

/// What became of the calls for one message.
struct Sending {
    end: End,
    /// Whether a call without an answer may have been obeyed.
    in_doubt: bool,
}

enum End {
    Accepted {
        detail: Detail,
        id: Option<String>,
    },
    Refused,
    /// The webhook cannot be used; another route may serve.
    NoWebhook,
    Not {
        why: Why,
        wait: Option<Duration>,
    },
}

/// Delivers a message by the route that takes it.
pub(crate) async fn deliver(
    app: &App,
    notification: &Notification,
    event: &Event,
    route: &Route,
    deadline: Deadline,
) -> Outcome {
    let left = deadline.left(app.world.now());
    if left < CALL_LEAST {
        return Outcome::HandedBack {
            why: Why::OutOfTime,
            wait: Some(Duration::from_secs(1)),
        };
    }
    let claim = match &notification.id {
        Some(id) => app.seen.claim(id, &route.name, left).await,
        None => Claim::Unknown,
    };
    let (token, maybe_sent) = match claim {
        Claim::Fresh(token) => (Some(token), false),
        Claim::Again(token) => (Some(token), true),
        // Without the table, the queue's own count is what is known.
        Claim::Unknown => {
            let received = notification
                .record
                .as_ref()
                .map_or(1, |record| record.receive_count);
            (None, 1 < received)
        }
        Claim::Sent => return Outcome::Suppressed,
        Claim::Live(wait) => {
            return Outcome::HandedBack {
                why: Why::Claimed,
                wait: Some(wait),
            };
        }
    };
    let sending = send_by_routes(app, event, route, maybe_sent, deadline).await;
    settle(app, event, token.as_ref(), &sending).await
}

/// Notes what became of a claim, and says what became of the message.
async fn settle(app: &App, event: &Event, token: Option<&Token>, sending: &Sending) -> Outcome {
    if let Some(token) = token {
        match &sending.end {
            End::Accepted { id, .. } => app.seen.sent(token, id.as_deref()).await,
            End::Refused | End::NoWebhook | End::Not { .. } => {
                app.seen.release(token, sending.in_doubt).await;
            }
        }
    }
    match &sending.end {
        End::Accepted { detail, .. } => {
            let now = app.world.now();
            let since = event
                .occurred_at
                .timestamp()
                .map(|at| now.duration_since(at));
            Outcome::Delivered {
                detail: *detail,
                latency: since.and_then(|since| Duration::try_from(since).ok()),
                possible_duplicate: sending.in_doubt,
            }
        }
        End::Refused => Outcome::Refused,
        End::NoWebhook => Outcome::HandedBack {
            why: Why::NoWebhook,
            wait: None,
        },
        End::Not { why, wait } => Outcome::HandedBack {
            why: *why,
            wait: *wait,
        },
    }
}

/// Sends by a route, or by its fallbacks while webhooks are rejected.
async fn send_by_routes(
    app: &App,
    event: &Event,
    route: &Route,
    maybe_sent: bool,
    deadline: Deadline,
) -> Sending {
    let mut tried: Vec<&str> = Vec::new();
    let mut next = Some(route);
    // Fallbacks may form a ring.
    while let Some(route) = next.filter(|route| !tried.contains(&route.name.as_str())) {
        tried.push(&route.name);
        if let Some(webhook) = usable_webhook(app, route).await {
            let sending = send(app, event, route, &webhook, maybe_sent, deadline).await;
            if !matches!(sending.end, End::NoWebhook) {
                return sending;
            }
        }
        next = app.config.routes.fallback_of(route);
    }
    Sending {
        end: End::NoWebhook,
        in_doubt: maybe_sent,
    }
}

/// The route's webhook, unless there is none or its circuit is open.
async fn usable_webhook(app: &App, route: &Route) -> Option<WebhookUrl> {
    let now = app.world.now();
    let found = if app.circuits.any(&route.name, now) {
        app.webhooks
            .not_older_than(SECRET_AGE_WHILE_OPEN, &route.webhook, now)
            .await
    } else {
        app.webhooks.get(&route.webhook, now).await
    };
    match found {
        Ok(webhook) if app.circuits.is_open(&route.name, &webhook, now) => {
            tracing::warn!(route = route.name, "the route's circuit is open");
            None
        }
        Ok(webhook) => Some(webhook),
        Err(error) => {
            let (route, key) = (&route.name, &route.webhook);
            tracing::error!(route, key, "the webhook {error}");
            None
        }
    }
}

/// Calls one webhook until it has the message, or until that makes no sense any more.
async fn send(
    app: &App,
    event: &Event,
    route: &Route,
    webhook: &WebhookUrl,
    maybe_sent: bool,
    deadline: Deadline,
) -> Sending {
    let mut in_doubt = maybe_sent;
    let mut detail = Detail::Full;
    let mut failures = 0;
    let mut limited = 0;
    let end = loop {
        let now = app.world.now();
        let wait = app.pace.wait(&route.name, now);
        let left = deadline.left(now);
        if left < wait + CALL_LEAST {
            break out_of_time(wait);
        }
        if !wait.is_zero() {
            app.world.sleep(wait).await;
            continue;
        }
        let options = Options {
            roles: route.roles.clone(),
            mention_from: Some(route.mention_from),
            possible_duplicate: in_doubt,
        };
        let message = render(event, &options, detail);
        let thread = route.thread_id.as_deref();
        let patience = left.min(app.config.timeouts.total);
        let answered = app
            .discord
            .send(webhook, thread, Call::Post, &message, patience)
            .await;
        let now = app.world.now();
        if let Some(pause) = answered.pause {
            app.pace.hold(&route.name, pause, false, now);
        }
        match answered.answer {
            Answer::Accepted(id) => {
                app.circuits.close(&route.name);
                break End::Accepted { detail, id };
            }
            Answer::Limited { wait, global } => {
                limited += 1;
                let wait = wait.unwrap_or(WAIT_UNKNOWN);
                tracing::warn!(
                    route = route.name,
                    global,
                    wait_seconds = wait.as_secs_f64(),
                    "rate limited"
                );
                app.pace.hold(&route.name, wait, global, now);
                if limited == LIMITED_MAX {
                    break out_of_time(wait);
                }
            }
            Answer::Refused { status, complaint } => {
                tracing::warn!(
                    route = route.name,
                    status,
                    complaint,
                    detail = detail.name(),
                    "refused"
                );
                match detail.less(message.has_image()) {
                    Some(less) => detail = less,
                    None => break End::Refused,
                }
            }
            Answer::Forbidden { status, code } => {
                app.circuits.open(&route.name, webhook, now);
                tell_circuit(&route.name, status, code, now);
                break End::NoWebhook;
            }
            Answer::Failed {
                status,
                why,
                in_doubt: doubt,
            } => {
                in_doubt |= doubt;
                failures += 1;
                tracing::warn!(route = route.name, status, why, failures, "Discord failed");
                if failures == FAILURES_MAX {
                    break End::Not {
                        why: Why::Unavailable,
                        wait: None,
                    };
                }
                let pause = app.world.uniform(PAUSE * 2_u32.pow(failures - 1));
                app.world.sleep(pause.min(deadline.left(now))).await;
            }
        }
    };
    Sending { end, in_doubt }
}

/// The time left is too short: for Discord's wait, or for anything.
fn out_of_time(wait: Duration) -> End {
    if wait.is_zero() {
        End::Not {
            why: Why::OutOfTime,
            wait: Some(Duration::from_secs(1)),
        }
    } else {
        End::Not {
            why: Why::RateLimited,
            wait: Some(wait),
        }
    }
}
