//! The whole protocol for one key: attempt, and record what is refused.

use crate::classify::FailedEffect;
use crate::decide::{Decision, decide};
use crate::derive::Fingerprints;
use crate::intent::Intent;
use crate::item::Item;
use crate::outcome::{Settled, Unsettled};
use crate::patience::Patience;
use crate::plan::{OneWay, Plan, Planned};
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
    refuse: impl FnMut(&[FailedEffect]) -> Option<Item> + Send,
) -> Result<Settled, Unsettled> {
    let mut plan = OneWay { intent, refuse };
    settle_by(session, Patience::default(), &mut plan, fingerprints).await
}

/// Makes one of a plan's intents happen at most once, or refuses for good.
///
/// # Errors
/// As [`settle`], and the errors of the plan.
pub async fn settle_by(
    session: &Session<'_>,
    patience: Patience,
    plan: &mut impl Plan,
    fingerprints: &impl Fingerprints,
) -> Result<Settled, Unsettled> {
    let mut pace = Pace::new(patience);
    loop {
        match decide(session, plan.intent(), fingerprints, &mut pace).await? {
            Decision::Done => return Ok(Settled::Done(plan.take_record())),
            Decision::Before(record) => return Ok(Settled::Before(record)),
            Decision::Conflict => {
                let elsewhere = plan.met_another(session).await?;
                pace.pause_after_conflict(session, elsewhere).await;
            }
            Decision::Refused(failed) => match plan.failed(session, &failed).await? {
                Planned::Attempt => pace.did_nothing(),
                Planned::Refusal(refusal) => {
                    return record_refusal(session, refusal, fingerprints).await;
                }
            },
        }
    }
}
