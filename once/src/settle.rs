//! Owns the whole protocol for one intent: decide it, and record what is refused.

use super::classify::FailedEffect;
use super::decide::{Decision, decide};
use super::derive::Fingerprints;
use super::record::record;
use super::{Intent, Item};
use crate::store::Session;

/// What an intent came to; final for its key.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It happened, now.
    Done,
    /// It was refused, now; the recorded refusal.
    Refused(Item),
    /// It was decided before; the record of then.
    Before(Item),
}

/// Why an intent came to nothing final.
#[derive(Clone, Debug, PartialEq)]
pub enum Unsettled {
    /// Its key was used before, for another request.
    KeyReused,
    /// The time ran out; asking again with the same key tells.
    OutcomeUnknown,
    /// A newer release recorded the decision in a form unknown here.
    Unreadable,
    /// A defect of ours, with its cause.
    Invalid(String),
}

/// Makes an intent happen at most once, or refuses it for good.
///
/// `refuse` turns the failed effects into the record of a refusal, under the
/// same primary key as the intent's record; `None` if it finds nothing to
/// refuse, which the conditions sent to the database rule out.
pub async fn settle(
    session: &Session<'_>,
    intent: &Intent,
    fingerprints: &impl Fingerprints,
    refuse: impl FnOnce(&[FailedEffect]) -> Option<Item>,
) -> Result<Settled, Unsettled> {
    let failed = match decide(session, intent, fingerprints).await {
        Decision::Refused(failed) => failed,
        decision => return conclude(decision, Settled::Done),
    };
    let Some(refusal) = refuse(&failed) else {
        let cause = "a condition failed that the item returned satisfies";
        return Err(Unsettled::Invalid(cause.to_owned()));
    };
    let decision = record(session, &refusal, fingerprints).await;
    conclude(decision, Settled::Refused(refusal))
}

fn conclude(decision: Decision, done: Settled) -> Result<Settled, Unsettled> {
    match decision {
        Decision::Done => Ok(done),
        Decision::Before(record) => Ok(Settled::Before(record)),
        Decision::KeyReused => Err(Unsettled::KeyReused),
        Decision::OutcomeUnknown => Err(Unsettled::OutcomeUnknown),
        Decision::Unreadable => Err(Unsettled::Unreadable),
        Decision::Invalid(cause) => Err(Unsettled::Invalid(cause)),
        // Recording cannot be refused, and a refused intent is recorded above.
        Decision::Refused(_) => Err(Unsettled::OutcomeUnknown),
    }
}
