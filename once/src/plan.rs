//! A plan: the ways to have an intent's effects, and which one to try next.

use crate::classify::FailedEffect;
use crate::intent::Intent;
use crate::item::Item;
use crate::outcome::Unsettled;
use crate::session::Session;

/// What to attempt under one key, where the effects can be had in several ways, such as
/// from several items.
///
/// All intents of a plan have the same primary key of their record. So at most one of
/// them happens, even if a copy of an earlier one arrives late:
///
/// ```text
/// intent 1 ──► no answer ──► again ──► conflict
///    │                                    intent 2 ──► committed, with the record
///    └──────────── the first copy arrives ──────────────────► the record is there ✗
/// ```
pub trait Plan {
    /// What the next attempt is to write.
    fn intent(&self) -> &Intent;

    /// The record of the intent, which was written. The plan ends with it and may give it away.
    fn take_record(&mut self) -> Item {
        self.intent().record.clone()
    }

    /// The last attempt met another write. Plans the next one, and returns whether it is
    /// on other items.
    ///
    /// # Errors
    /// The next attempt cannot be planned.
    fn met_another(
        &mut self,
        session: &Session<'_>,
    ) -> impl Future<Output = Result<bool, Unsettled>> + Send;

    /// These effects' conditions failed in the last attempt, and nothing else was in the
    /// way. Plans the next one, or refuses for good.
    ///
    /// # Errors
    /// Neither is possible now.
    fn failed(
        &mut self,
        session: &Session<'_>,
        failed: &[FailedEffect],
    ) -> impl Future<Output = Result<Planned, Unsettled>> + Send;
}

/// What follows an attempt whose conditions failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Planned {
    /// Another attempt, with the plan's intent as it is now.
    Attempt,
    /// A refusal: its record, under the primary key of the intents' record.
    Refusal(Item),
}

/// A plan of one intent.
pub(crate) struct OneWay<'intent, F> {
    pub(crate) intent: &'intent Intent,
    /// Turns the failed effects into the record of a refusal.
    pub(crate) refuse: F,
}

impl<F: FnMut(&[FailedEffect]) -> Option<Item> + Send> Plan for OneWay<'_, F> {
    fn intent(&self) -> &Intent {
        self.intent
    }

    async fn met_another(&mut self, _: &Session<'_>) -> Result<bool, Unsettled> {
        Ok(false)
    }

    async fn failed(
        &mut self,
        session: &Session<'_>,
        failed: &[FailedEffect],
    ) -> Result<Planned, Unsettled> {
        if is_any_there(session, self.intent, failed).await? {
            // The answer left an item out, or it came between the write and the read.
            return Ok(Planned::Attempt);
        }
        let refusal = (self.refuse)(failed).ok_or_else(|| disagreement(session));
        refusal.map(Planned::Refusal)
    }
}

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
    Ok(!unread.is_empty() && !session.read_all(unread).await?.is_empty())
}

/// The error for conditions that failed although the returned items meet them: a defect.
pub fn disagreement(session: &Session<'_>) -> Unsettled {
    if session.may_have_written() {
        tracing::error!(DISAGREE);
        Unsettled::OutcomeUnknown
    } else {
        Unsettled::Invalid(DISAGREE.to_owned())
    }
}

const DISAGREE: &str = "a condition failed, but the item that DynamoDB returned meets it";
