//! Records a refusal, which makes it final.
//!
//! ```text
//! first copy     ──► refused ──► put refusal IF absent ──► "no" to the client
//! restock                                                       │
//! late duplicate ──────────────────────────────────────► put record IF absent ✗
//! ```
//!
//! Without the record, the late duplicate would find stock and succeed after
//! its client got a "no".

use crate::classify::decided_before;
use crate::derive::Fingerprints;
use crate::item::Item;
use crate::outcome::{Settled, Unsettled};
use crate::retry::Pace;
use crate::session::{Session, Written};

/// Records a refusal, unless another copy of the request was decided in the
/// meantime. Then that decision counts.
///
/// [`settle`](crate::settle()) does this by itself. A refusal that is found in another
/// way, such as by reading an item, is recorded with this before it is answered.
///
/// # Errors
/// The key was used for another request, or nothing final is known.
pub async fn record_refusal(
    session: &Session<'_>,
    refusal: Item,
    fingerprints: &impl Fingerprints,
) -> Result<Settled, Unsettled> {
    let read = |written, (): &mut ()| match written {
        Written::Done(refusal) => Ok(Some(Settled::Refused(refusal))),
        Written::ConditionFailed(Some(record)) => {
            let record = decided_before(&record, fingerprints)?;
            // An attempt whose answer was lost may have written the refusal.
            Ok(Some(if record == refusal {
                Settled::Refused(record)
            } else {
                Settled::Before(record)
            }))
        }
        // The record was deleted after the condition was checked.
        Written::ConditionFailed(None) => Ok(None),
    };
    let send = |(): &()| session.put_absent(&refusal);
    let mut pace = Pace::default();
    let recorded: Result<_, Unsettled> = pace.repeat(session, (), send, read).await;
    recorded?.ok_or_else(|| pace.gave_up(session).into())
}
