//! One attempt at an intent: one transaction, sent until its outcome is known.

use std::iter;

use crate::action::Action;
use crate::classify::{FailedEffect, Verdict, classify};
use crate::derive::Fingerprints;
use crate::failure::Reason;
use crate::intent::Intent;
use crate::item::Item;
use crate::outcome::Unsettled;
use crate::retry::{Ended, Pace};
use crate::session::Session;

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Decision {
    /// It happened, now.
    Done,
    /// This same request was decided before. The record of that decision.
    Before(Item),
    /// These effects' conditions failed. Nothing happened, and nothing is
    /// recorded yet: [`record_refusal`](crate::record_refusal) comes before the answer.
    Refused(Vec<FailedEffect>),
    /// Another write was in the way. Nothing happened.
    Conflict,
}

/// Sends an intent once. Only while its outcome is unknown, the same request goes out
/// again.
pub(crate) async fn decide(
    session: &Session<'_>,
    intent: &Intent,
    fingerprints: &impl Fingerprints,
    pace: &mut Pace,
) -> Result<Decision, Unsettled> {
    let actions: Vec<_> = iter::once(Action::put_absent(&intent.record))
        .chain(intent.effects.iter().map(Action::Update))
        .collect();
    let committed = || Decision::Done;
    let cancelled = |reasons: &[Reason]| {
        classify(reasons, fingerprints).map(|verdict| match verdict {
            Verdict::Before(record) => Some(Decision::Before(record)),
            Verdict::Refused(failed) => Some(Decision::Refused(failed)),
            Verdict::Busy => None,
        })
    };
    let ended = pace.transact_until_conflict(session, &actions, committed, cancelled);
    match ended.await? {
        Ended::Outcome(decision) => Ok(decision),
        Ended::Conflict => Ok(Decision::Conflict),
        Ended::Over => Err(pace.gave_up(session).into()),
    }
}
