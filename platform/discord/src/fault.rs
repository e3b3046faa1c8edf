//! Owns what can go wrong with Discord, on demand.

use std::collections::VecDeque;

/// One way in which a call goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// 429, in Discord's form.
    Limited {
        /// Where and how the wait is told.
        retry_after: RetryAfter,
        /// `global`: the limit of the bot, not of the webhook.
        global: bool,
        /// `X-RateLimit-Scope: shared`: others filled the bucket.
        shared: bool,
    },
    /// 429 from the edge in front of Discord: HTML, with a header or without.
    LimitedByEdge {
        /// The header `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// This status, with a page of HTML.
    Status(u16),
    /// 400, as if a limit that nobody knows was exceeded.
    Refuse,
    /// 403, in Discord's form.
    Forbid,
    /// 200 with a body that breaks off; the message is kept.
    BrokenAnswer,
    /// 204 although `wait` was asked; the message is kept.
    NoContent,
    /// No answer ever, and no message.
    Hang,
    /// No answer ever; the message is kept.
    AcceptThenHang,
    /// The connection breaks, and there is no message.
    Drop,
    /// The connection breaks; the message is kept.
    AcceptThenDrop,
}

/// How a 429 says how long to wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RetryAfter {
    /// In the body, in seconds with a fraction.
    Float(f64),
    /// In the body, in whole seconds.
    Integer(u64),
    /// In the header only.
    Header(u64),
    /// Not at all.
    Missing,
}

/// A call, for a function that decides what goes wrong with it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// `POST`, `PATCH`, `GET` or `DELETE`.
    pub method: &'a str,
    /// The JSON part of its body, as it came.
    pub text: &'a str,
    /// Whose webhook.
    pub webhook_id: &'a str,
}

type Decide = Box<dyn FnMut(&Attempt<'_>) -> Option<Fault> + Send>;

/// What goes wrong with the calls to come.
#[derive(Default)]
pub(crate) struct Script {
    queued: VecDeque<Fault>,
    decide: Option<Decide>,
}

impl Script {
    pub(crate) fn queue(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.queued.extend(faults);
    }

    pub(crate) fn decide_by(
        &mut self,
        decide: impl FnMut(&Attempt<'_>) -> Option<Fault> + Send + 'static,
    ) {
        self.decide = Some(Box::new(decide));
    }

    pub(crate) fn next(&mut self, attempt: &Attempt<'_>) -> Option<Fault> {
        self.queued
            .pop_front()
            .or_else(|| self.decide.as_mut()?(attempt))
    }
}
