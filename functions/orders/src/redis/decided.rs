//! Owns what Redis may remember of a decision, and how much of it is believed.
//!
//! An answer must not differ with and without Redis, down to `Order-Status`,
//! which says where the order stands *now*. What a Redis remembers cannot be
//! kept in step with the table: a change and its note in Redis are two writes,
//! and the second can be lost. So an entry holds only what can never change:
//!
//! | decision | remembered | a repeat costs |
//! |---|---|---|
//! | refused; stock adjusted; cancelled; expired | the whole record | no database call |
//! | placed, may still be confirmed, cancelled or expire | that it was placed | one strong read |
//!
//! A record that is read proves that it was written. A missing one proves
//! nothing, and leads to the transaction, as does an entry that is not
//! believed: of another form or version, of another decision or request.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Attempt;
use super::link::ENTRY_BYTES_MAX;
use super::locks::Turn;
use crate::order::Status;
use crate::refusal::REJECTED;
use once::classify::{Verdict, decided_before};
use once::derive::{FINGERPRINT, FINGERPRINT_VERSION, Fingerprints};
use once::store::Session;
use once::{Item, number_of, text_of};

/// The form of the entries that this release writes and reads.
const ENTRY_VERSION: u32 = 1;

/// A refusal ends with its record, which the database may delete from
/// `expires_at` on. It is not told from memory in its last day, so that no
/// difference of clocks makes Redis repeat a refusal that the table has forgotten.
const REFUSAL_LEAST: SignedDuration = SignedDuration::from_hours(24);

/// What every record has, and never changes.
const MARK: [&str; 4] = ["pk", "sk", FINGERPRINT, FINGERPRINT_VERSION];

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    /// The whole record if it is final, otherwise its [`MARK`].
    record: Value,
}

/// The entry for a decision, or `None` if it is better not remembered.
pub(super) fn entry(record: &Item, now: Timestamp) -> Option<String> {
    if !outlasts(record, now) {
        return None;
    }
    let kept: Item = record
        .iter()
        .filter(|(name, _)| is_final(record) || MARK.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let entry = Entry {
        version: ENTRY_VERSION,
        record: serde_dynamo::from_item(kept).ok()?,
    };
    let text = serde_json::to_string(&entry).ok()?;
    (text.len() <= ENTRY_BYTES_MAX).then_some(text)
}

/// The record that an entry leads to, if it is believed.
pub(super) async fn told<F: Fingerprints>(
    entry: &str,
    turn: &Turn<'_>,
    session: &Session<'_>,
    attempt: &Attempt<'_, F>,
) -> Option<Item> {
    let record = believed(entry, attempt, session.world().now())?;
    if is_final(&record) {
        return (attempt.answers)(&record).then_some(record);
    }
    let key = ["pk", "sk"].map(|name| Some((name.to_owned(), record.get(name)?.clone())));
    let key = key.into_iter().collect::<Option<Item>>()?;
    let record = session.get(key).await.ok()??;
    let Verdict::Before(record) = decided_before(Some(&record), attempt.fingerprints) else {
        return None;
    };
    if is_final(&record) {
        // From now on a repeat needs no read.
        turn.leave(Some(&record)).await;
    }
    Some(record)
}

/// What an entry holds, if it is of this decision and this request.
fn believed<F: Fingerprints>(text: &str, attempt: &Attempt<'_, F>, now: Timestamp) -> Option<Item> {
    let entry: Entry = serde_json::from_str(text).ok()?;
    if entry.version != ENTRY_VERSION {
        return None;
    }
    let record: Item = serde_dynamo::to_item(entry.record).ok()?;
    let ours = &attempt.intent.record;
    if ["pk", "sk"]
        .iter()
        .any(|name| record.get(*name) != ours.get(*name))
    {
        return None;
    }
    match decided_before(Some(&record), attempt.fingerprints) {
        Verdict::Before(record) => outlasts(&record, now).then_some(record),
        // Even a reused key is for the table to say.
        Verdict::KeyReused
        | Verdict::Unreadable
        | Verdict::Busy { .. }
        | Verdict::Refused(_)
        | Verdict::Invalid(_) => None,
    }
}

/// Whether a record can never change again.
fn is_final(record: &Item) -> bool {
    let Some(word) = text_of(record, "status") else {
        // An adjustment of stock has no status; the ledger is never edited.
        return record.contains_key("delta");
    };
    word == REJECTED
        || Status::ALL
            .into_iter()
            .any(|status| status.is_final() && status.as_str() == word)
}

/// Whether a record stays in the table for longer than it may be remembered wrongly.
fn outlasts(record: &Item, now: Timestamp) -> bool {
    if !record.contains_key("expires_at") {
        return true;
    }
    number_of(record, "expires_at")
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .is_some_and(|end| REFUSAL_LEAST <= end.duration_since(now))
}

#[cfg(test)]
mod tests;
