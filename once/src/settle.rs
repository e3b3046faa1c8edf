//! The whole protocol for one intent: decide it, and record what is refused.

use crate::classify::FailedEffect;
use crate::decide::{Decision, decide};
use crate::derive::Fingerprints;
use crate::intent::Intent;
use crate::item::Item;
use crate::outcome::{Settled, Unsettled};
use crate::record::record_refusal;
use crate::session::Session;

/// Makes an intent happen at most once, or refuses it for good.
///
/// `refuse` turns the failed effects into the record of a refusal, under the
/// primary key of the intent's record. It returns `None` if it finds nothing to
/// refuse, which is a defect: `refuse` and the effects' conditions disagree.
///
/// # Errors
/// Nothing final is known. Only [`Unsettled::OutcomeUnknown`] is worth a repeat.
pub async fn settle(
    session: &Session<'_>,
    intent: &Intent,
    fingerprints: &impl Fingerprints,
    refuse: impl FnOnce(&[FailedEffect]) -> Option<Item>,
) -> Result<Settled, Unsettled> {
    let failed = match decide(session, intent, fingerprints).await? {
        Decision::Done => return Ok(Settled::Done),
        Decision::Before(record) => return Ok(Settled::Before(record)),
        Decision::Refused(failed) => failed,
    };
    let refusal = refuse(&failed).ok_or_else(|| {
        let cause = "a condition failed, but the item that DynamoDB returned meets it";
        Unsettled::Invalid(cause.to_owned())
    })?;
    record_refusal(session, refusal, fingerprints).await
}
