//! Owns the recording of a refusal, which makes it final.
//!
//! ```text
//! first copy     ──► refused ──► put refusal IF absent ──► "no" to the client
//! restock                                                       │
//! late duplicate ──────────────────────────────────────► put record IF absent ✗
//! ```
//!
//! Without the record, the late duplicate would find stock and succeed after
//! its client was told no.

use super::Item;
use super::classify::{Verdict, decided_before};
use super::decide::{Decision, Pace};
use super::derive::Fingerprints;
use crate::store::{Failure, Session};

/// Records a refusal, unless its key was decided in the meantime: then what
/// was decided is the truth. Returns [`Decision::Done`] if the refusal stands.
pub async fn record(
    session: &Session<'_>,
    refusal: &Item,
    fingerprints: &impl Fingerprints,
) -> Decision {
    let mut pace = Pace::default();
    while pace.goes_on(session) {
        match session.put_absent(refusal).await {
            Ok(()) => return Decision::Done,
            Err(Failure::ConditionFailed(there)) => {
                match decided_before(there.as_ref(), fingerprints) {
                    // The answer of an earlier attempt of this loop was lost.
                    Verdict::Before(record) if record == *refusal => return Decision::Done,
                    Verdict::Before(record) => return Decision::Before(record),
                    Verdict::KeyReused => return Decision::KeyReused,
                    Verdict::Unreadable => return Decision::Unreadable,
                    Verdict::Busy { .. } | Verdict::Refused(_) | Verdict::Invalid(_) => {}
                }
            }
            Err(Failure::Invalid(cause)) => return Decision::Invalid(cause),
            Err(Failure::Unknown(cause)) => {
                tracing::warn!(
                    cause,
                    "recording a refusal got no answer and is tried again"
                );
            }
            Err(
                Failure::Conflict
                | Failure::Throttled
                | Failure::TokenMismatch
                | Failure::Cancelled(_),
            ) => {}
        }
        pace.pause(session).await;
    }
    Decision::OutcomeUnknown
}
