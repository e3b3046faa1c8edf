//! Faults that a test can script.

use std::collections::VecDeque;

/// A way in which a call fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// 429 in Discord's form.
    Limited {
        /// Where the wait is written, and how.
        retry_after: RetryAfter,
        /// Whether the limit is the bot's and not the webhook's: `global`.
        global: bool,
        /// Whether other clients filled the bucket: `X-RateLimit-Scope: shared`.
        shared: bool,
    },
    /// 429 from the edge in front of Discord: a page of HTML.
    LimitedByEdge {
        /// The header `Retry-After` in seconds, if there is one.
        retry_after: Option<u64>,
    },
    /// This status with a page of HTML.
    Status(u16),
    /// 400, as if an undocumented limit was exceeded.
    Refuse,
    /// 403 in Discord's form.
    Forbid,
    /// This status in Discord's form with this code, such as 404 with 10003.
    Code(u16, u32),
    /// 308 to this address.
    Redirect(String),
    /// 200 with an incomplete body; the message is kept.
    BrokenAnswer,
    /// 204 although the call said `wait`; the message is kept.
    NoContent,
    /// No answer; the message is lost.
    Hang,
    /// No answer; the message is kept.
    AcceptThenHang,
    /// The connection breaks; the message is lost.
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
    /// In the body, in whole seconds, and in `X-RateLimit-Reset-After` too.
    Confirmed(u64),
    /// In the body in milliseconds, as before version 8 of the API, and in `X-RateLimit-Reset-After` in
    /// seconds.
    Milliseconds(u64),
    /// In the header only.
    Header(u64),
    /// Not at all.
    Missing,
}

/// A call whose fault a function chooses.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// `POST`, `PATCH`, `GET` or `DELETE`.
    pub method: &'a str,
    /// The JSON part of its body, as it arrived.
    pub text: &'a str,
    /// The webhook's id.
    pub webhook_id: &'a str,
}

type Decide = Box<dyn FnMut(&Attempt<'_>) -> Option<Fault> + Send>;

/// The faults of the next calls.
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
