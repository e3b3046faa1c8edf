//! The whole protocol for one intent: decide it, and record what is refused.

use crate::classify::FailedEffect;
use crate::decide::{Decision, decide};
use crate::derive::Fingerprints;
use crate::intent::Intent;
use crate::item::Item;
use crate::outcome::{Settled, Unsettled};
use crate::patience::Patience;
use crate::record::record_refusal;
use crate::retry::Pace;
use crate::session::Session;

/// Makes an intent happen at most once, or refuses it for good.
///
/// `refuse` turns the failed effects into the record of a refusal, under the
/// primary key of the intent's record. It returns `None` if it finds nothing to
/// refuse, which is a defect: `refuse` and the effects' conditions disagree.
///
/// # Errors
/// Nothing final is known. Only [`Unsettled::OutcomeUnknown`] and
/// [`Unsettled::Busy`] are worth a repeat.
pub async fn settle(
    session: &Session<'_>,
    intent: &Intent,
    fingerprints: &impl Fingerprints,
    refuse: impl FnOnce(&[FailedEffect]) -> Option<Item>,
) -> Result<Settled, Unsettled> {
    settle_with(session, Patience::default(), intent, fingerprints, refuse).await
}

/// The same, with this much patience.
///
/// # Errors
/// As [`settle`].
pub async fn settle_with(
    session: &Session<'_>,
    patience: Patience,
    intent: &Intent,
    fingerprints: &impl Fingerprints,
    refuse: impl FnOnce(&[FailedEffect]) -> Option<Item>,
) -> Result<Settled, Unsettled> {
    let mut pace = Pace::new(patience);
    loop {
        let failed = match decide(session, intent, fingerprints, &mut pace).await? {
            Decision::Done => return Ok(Settled::Done),
            Decision::Before(record) => return Ok(Settled::Before(record)),
            Decision::Refused(failed) => failed,
        };
        if is_any_there(session, intent, &failed).await? {
            // The answer left an item out, or it came between the write and the read.
            continue;
        }
        return match refuse(&failed) {
            Some(refusal) => record_refusal(session, refusal, fingerprints).await,
            None if session.may_have_written() => {
                tracing::error!(DISAGREE);
                Err(Unsettled::OutcomeUnknown)
            }
            None => Err(Unsettled::Invalid(DISAGREE.to_owned())),
        };
    }
}

const DISAGREE: &str = "a condition failed, but the item that DynamoDB returned meets it";

/// Whether an item is there after all that was not returned with its failed condition.
///
/// A refusal is final. That an item is missing must not follow from an answer that may
/// have left it out.
async fn is_any_there(
    session: &Session<'_>,
    intent: &Intent,
    failed: &[FailedEffect],
) -> Result<bool, Unsettled> {
    let missing = failed.iter().filter(|failed| failed.item.is_none());
    let effects = missing.filter_map(|failed| intent.effects.get(failed.index));
    let unread: Vec<Item> = effects.map(|effect| effect.key.clone()).collect();
    if unread.is_empty() {
        return Ok(false);
    }
    let mut found = false;
    let mut pace = Pace::default();
    let send = |unread: &Vec<Item>| session.batch_get(unread.clone());
    let read = pace.repeat(session, unread, send, |(items, rest), unread| {
        found |= !items.is_empty();
        *unread = rest;
        Ok::<_, Unsettled>(unread.is_empty().then_some(()))
    });
    read.await?.ok_or(Unsettled::OutcomeUnknown)?;
    Ok(found)
}
