//! Sends one message: calls Discord until it has the message, or until another call is useless.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use shared::world::World;

use crate::answer::{Answer, Answered, RouteFault};
use crate::circuit::Circuits;
use crate::deadline::Deadline;
use crate::discord::{Call, Discord};
use crate::message::{Detail, Message};
use crate::outcome::{Why, report_open_circuit};
use crate::pace::{Pace, WAIT_UNKNOWN};
use crate::webhook::WebhookUrl;

/// Failed calls after which the message is handed back.
const FAILURES_MAX: u32 = 3;
/// Answers of 429 after which the message is handed back, even if their waits are short.
const LIMITED_MAX: u32 = 5;
/// The longest pause after the first failure. It doubles with each failure.
const PAUSE: Duration = Duration::from_millis(500);
/// The time that must be left to begin a call.
const CALL_LEAST: Duration = Duration::from_millis(500);

/// The result of the calls for one message.
pub(crate) struct Sending {
    pub(crate) end: End,
    /// Whether Discord may have the message from a call without an answer.
    pub(crate) in_doubt: bool,
}

/// How the calls ended.
pub(crate) enum End {
    /// Discord has the message.
    Accepted { detail: Detail, receipt: Receipt },
    /// Discord refuses it in every form.
    Refused,
    /// The webhook is not usable. A fallback route may be.
    NoWebhook,
    /// The message cannot be edited, or its thread takes nothing. A new message may help.
    Barred(RouteFault),
    /// No further call now.
    GivenUp(GivenUp),
}

/// What Discord says about a message that it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receipt {
    pub(crate) id: Option<String>,
    pub(crate) channel_id: Option<String>,
}

/// A message, and where it goes.
#[derive(Clone, Copy)]
pub(crate) struct Letter<'a> {
    /// The name of the route.
    pub(crate) route: &'a str,
    pub(crate) call: Call<'a>,
    pub(crate) thread_id: Option<&'a str>,
    /// Whether the message or its thread is an incident's own, so that another one can replace it. A
    /// fault of the message then does not open the route's circuit.
    pub(crate) is_replaceable: bool,
    /// Writes the message in a detail; the second argument labels it as a possible duplicate.
    pub(crate) compose: &'a (dyn Fn(Detail, bool) -> Message + Send + Sync),
}

/// Why no further call is made now, and the time until the next one may be, if known.
#[derive(Clone, Copy)]
pub(crate) struct GivenUp {
    pub(crate) why: Why,
    pub(crate) wait: Option<Duration>,
}

/// What to do after an answer.
enum Next {
    Again,
    AgainAfter(Duration),
    End(End),
}

/// Sends messages. Remembers between them which calls Discord has forbidden for a while.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) circuits: Circuits,
    pace: Pace,
    discord: Discord,
    call_max: Duration,
    world: World,
}

impl Sender {
    pub(crate) fn new(discord: Discord, call_max: Duration, world: World) -> Self {
        Self {
            circuits: Circuits::default(),
            pace: Pace::default(),
            discord,
            call_max,
            world,
        }
    }

    /// How long a webhook has to wait for its next call; without one, every webhook. Gives up if the time
    /// left is too short for the wait and a call.
    pub(crate) fn wait(
        &self,
        webhook: Option<&WebhookUrl>,
        left: Duration,
        now: Timestamp,
    ) -> Result<Duration, GivenUp> {
        let wait = self.pace.wait(webhook, now);
        if left < wait + CALL_LEAST {
            return Err(out_of_time(wait));
        }
        Ok(wait)
    }

    /// Reads something of a webhook: itself, or one of its messages. `None` if that did not work.
    pub(crate) async fn read(&self, url: reqwest::Url, deadline: Deadline) -> Option<Value> {
        let patience = deadline.left(self.world.machine_now()).min(self.call_max);
        self.discord.get(url, patience).await
    }

    /// Calls one webhook until it has the message, or until another call is useless.
    pub(crate) async fn send(
        &self,
        letter: Letter<'_>,
        webhook: &WebhookUrl,
        maybe_sent: bool,
        deadline: Deadline,
    ) -> Sending {
        let mut calls = Calls {
            sender: self,
            letter,
            webhook,
            deadline,
            in_doubt: maybe_sent,
            detail: Detail::Full,
            failures: 0,
            limited: 0,
        };
        let end = loop {
            match calls.next().await {
                Next::Again => {}
                Next::AgainAfter(pause) => {
                    let left = deadline.left(self.world.machine_now());
                    self.world.sleep(pause.min(left)).await;
                }
                Next::End(end) => break end,
            }
        };
        Sending {
            end,
            in_doubt: calls.in_doubt,
        }
    }
}

struct Calls<'a> {
    sender: &'a Sender,
    letter: Letter<'a>,
    webhook: &'a WebhookUrl,
    deadline: Deadline,
    in_doubt: bool,
    detail: Detail,
    failures: u32,
    limited: u32,
}

impl Calls<'_> {
    /// Makes one call, unless the webhook has to wait or too little time is left.
    async fn next(&mut self) -> Next {
        let (sender, letter) = (self.sender, self.letter);
        let now = sender.world.now();
        let left = self.deadline.left(sender.world.machine_now());
        match sender.wait(Some(self.webhook), left, now) {
            Ok(Duration::ZERO) => {}
            Ok(wait) => return Next::AgainAfter(wait),
            Err(given_up) => return Next::End(End::GivenUp(given_up)),
        }
        let message = (letter.compose)(self.detail, self.in_doubt);
        let patience = left.min(sender.call_max);
        let answered = sender
            .discord
            .send(
                self.webhook,
                letter.thread_id,
                letter.call,
                &message,
                patience,
            )
            .await;
        let now = sender.world.now();
        if let Some(pause) = answered.pause {
            sender.pace.hold(self.webhook, pause, false, now);
        }
        let less = message.less(self.detail);
        self.judge(answered, less, now)
    }

    fn judge(&mut self, answered: Answered, less: Option<Detail>, now: Timestamp) -> Next {
        let sender = self.sender;
        let route = self.letter.route;
        match answered.answer {
            Answer::Accepted(id) => {
                let channel_id = answered.channel_id;
                sender.circuits.close(route);
                let detail = self.detail;
                let receipt = Receipt { id, channel_id };
                Next::End(End::Accepted { detail, receipt })
            }
            Answer::Limited { wait, global } => {
                self.limited += 1;
                let wait = wait.unwrap_or(WAIT_UNKNOWN);
                let wait_seconds = wait.as_secs_f64();
                tracing::warn!(route, global, wait_seconds, "Discord rate-limits the route");
                sender.pace.hold(self.webhook, wait, global, now);
                if self.limited == LIMITED_MAX {
                    return Next::End(End::GivenUp(out_of_time(wait)));
                }
                Next::Again
            }
            Answer::Refused { status, complaint } => {
                let detail = self.detail.name();
                tracing::warn!(
                    route,
                    status,
                    complaint,
                    detail,
                    "Discord refuses the message"
                );
                let Some(less) = less else {
                    return Next::End(End::Refused);
                };
                self.detail = less;
                Next::Again
            }
            Answer::Rejected {
                status,
                code,
                fault,
            } => {
                if self.letter.is_replaceable && fault.is_of_message() {
                    tracing::warn!(route, status, code, "{}", fault.words());
                    return Next::End(End::Barred(fault));
                }
                sender.circuits.open(route, self.webhook, now);
                report_open_circuit(route, status, code, fault, now);
                Next::End(End::NoWebhook)
            }
            // `Discord::send` follows redirects, so this does not happen.
            Answer::Moved { status, .. } => self.failed(Some(status), "redirected", false),
            Answer::Failed {
                status,
                why,
                in_doubt,
            } => self.failed(status, why, in_doubt),
        }
    }

    /// Notes a failed call, and makes another one unless there were too many.
    fn failed(&mut self, status: Option<u16>, why: &'static str, in_doubt: bool) -> Next {
        self.in_doubt |= in_doubt;
        self.failures += 1;
        let (route, failures) = (self.letter.route, self.failures);
        tracing::warn!(route, status, why, failures, "Discord failed");
        if failures == FAILURES_MAX {
            let why = Why::Unavailable;
            return Next::End(End::GivenUp(GivenUp { why, wait: None }));
        }
        let most = PAUSE * 2_u32.pow(failures - 1);
        Next::AgainAfter(self.sender.world.uniform(most))
    }
}

/// Why there is too little time: because of a rate limit's wait, or because the invocation ends.
const fn out_of_time(wait: Duration) -> GivenUp {
    if wait.is_zero() {
        GivenUp {
            why: Why::OutOfTime,
            wait: Some(Duration::from_secs(1)),
        }
    } else {
        GivenUp {
            why: Why::RateLimited,
            wait: Some(wait),
        }
    }
}
