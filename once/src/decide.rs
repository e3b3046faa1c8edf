//! Owns the loop that brings an intent to its decision, within the time there is.

use std::iter;
use std::time::Duration;

use super::classify::{FailedEffect, Reason, Verdict, classify};
use super::derive::Fingerprints;
use super::{Intent, Item};
use crate::store::{Action, Failure, Session};

/// The first pause is up to this long, each further one up to twice as long …
const PAUSE_FIRST: Duration = Duration::from_millis(25);

/// … but no longer than this.
const PAUSE_MAX: Duration = Duration::from_millis(800);

/// Attempts within one invocation, should its clock stand still.
const ATTEMPTS_MAX: u32 = 64;

/// What became of an intent.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It happened, now.
    Done,
    /// It was decided before, by this same request; here is the record.
    Before(Item),
    /// Its key was used before, for another request.
    KeyReused,
    /// These effects' conditions failed. Nothing happened, and nothing is
    /// recorded yet: [`super::record::record`] comes before the answer.
    Refused(Vec<FailedEffect>),
    /// The time ran out. It may have happened, or may happen yet.
    OutcomeUnknown,
    /// A newer release recorded the decision in a form unknown here.
    Unreadable,
    /// The request to the database was wrong: a defect of ours.
    Invalid(String),
}

/// Brings an intent to its decision.
///
/// One request is in flight at a time. An attempt that was cancelled has ended,
/// so the next one takes a new token; one without an answer may still be under
/// way, so the same frozen request goes out under the same token, which
/// DynamoDB treats as one.
pub async fn decide(
    session: &Session<'_>,
    intent: &Intent,
    fingerprints: &impl Fingerprints,
) -> Decision {
    let actions: Vec<_> = iter::once(Action::put_absent(&intent.record))
        .chain(intent.effects.iter().map(Action::Update))
        .collect();
    let mut token = session.token();
    let mut pace = Pace::default();
    while pace.goes_on(session) {
        match session.transact(&actions, &token).await {
            Ok(()) => return Decision::Done,
            Err(Failure::Cancelled(reasons)) => match conclude(&reasons, fingerprints) {
                Some(decision) => return decision,
                None => token = session.token(),
            },
            Err(Failure::Invalid(cause)) => return Decision::Invalid(cause),
            Err(Failure::TokenMismatch | Failure::Conflict | Failure::Throttled) => {
                token = session.token();
            }
            Err(Failure::Unknown(cause)) => {
                tracing::warn!(cause, "a transaction got no answer and is sent again");
            }
            // A transaction reports its conditions as a cancellation.
            Err(Failure::ConditionFailed(_)) => token = session.token(),
        }
        pace.pause(session).await;
    }
    Decision::OutcomeUnknown
}

/// What a cancelled attempt decides, or `None` if it is to be repeated.
fn conclude(reasons: &[Reason], fingerprints: &impl Fingerprints) -> Option<Decision> {
    match classify(reasons, fingerprints) {
        Verdict::Before(record) => Some(Decision::Before(record)),
        Verdict::KeyReused => Some(Decision::KeyReused),
        Verdict::Unreadable => Some(Decision::Unreadable),
        Verdict::Refused(failed) => Some(Decision::Refused(failed)),
        Verdict::Invalid(cause) => Some(Decision::Invalid(cause)),
        Verdict::Busy { conflict: _ } => None,
    }
}

/// How attempts follow each other: exponential back-off with full jitter,
/// bounded by the session's deadline.
#[derive(Debug, Default)]
pub struct Pace {
    attempts: u32,
}

impl Pace {
    /// Whether another attempt may begin; counts it if so.
    pub fn goes_on(&mut self, session: &Session<'_>) -> bool {
        let goes_on = self.attempts < ATTEMPTS_MAX && session.time_left().is_some();
        self.attempts += u32::from(goes_on);
        goes_on
    }

    /// Waits before the next attempt.
    pub async fn pause(&self, session: &Session<'_>) {
        let doublings = self.attempts.saturating_sub(1).min(16);
        let most = PAUSE_FIRST
            .saturating_mul(1 << doublings)
            .min(PAUSE_MAX)
            .min(session.time_left().unwrap_or_default());
        let world = session.world();
        world.sleep(world.uniform(most)).await;
    }
}
