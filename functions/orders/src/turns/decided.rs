//! What Redis may keep of a decision, and how much of it is trusted.
//!
//! An answer must be the same with and without Redis. That includes
//! `Order-Status`, the order's status *now*. Redis cannot be kept in step with
//! the table: a change and its note in Redis are two writes, and the second can
//! be lost. So an entry holds only what can never change:
//!
//! | decision | the entry | a repeat costs |
//! |---|---|---|
//! | refused; stock adjusted; cancelled; expired | the whole record | no database call |
//! | placed, may still be confirmed, cancelled or expire | that it was placed | one strong read |
//!
//! A record that is read proves that it was written. A missing record proves
//! nothing, so it leads to the transaction. So does an entry that is not
//! trusted: one of another form, version, decision or request.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use once::{
    FINGERPRINT, FINGERPRINT_VERSION, Fingerprints, Item, decided_before, number_of, text_of,
};

use super::question::ENTRY_BYTES_MAX;
use crate::record::Record;

/// The version of the entries that this release writes and reads.
const ENTRY_VERSION: u32 = 1;

/// DynamoDB may delete the record of a refusal from `expires_at` on. In its last
/// day, Redis does not answer with it. So a difference of clocks cannot make
/// Redis repeat a refusal that the table no longer has.
const REFUSAL_LEAST: SignedDuration = SignedDuration::from_hours(24);

/// The attributes that every record has and that never change.
const MARK: [&str; 4] = ["pk", "sk", FINGERPRINT, FINGERPRINT_VERSION];

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    /// The whole record if it is final. Otherwise only its [`MARK`].
    record: Value,
}

/// The entry for a decision. `None` if Redis should not keep it.
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

/// The record of an entry, if it is of this request, and of the decision under this primary key.
pub(super) fn trusted(
    text: &str,
    (partition, sort_key): (&str, &str),
    fingerprints: &impl Fingerprints,
    now: Timestamp,
) -> Option<Item> {
    let entry: Entry = serde_json::from_str(text).ok()?;
    if entry.version != ENTRY_VERSION {
        return None;
    }
    let record: Item = serde_dynamo::to_item(entry.record).ok()?;
    if text_of(&record, "pk") != Some(partition) || text_of(&record, "sk") != Some(sort_key) {
        return None;
    }
    // A reused key, too, is for the table to decide.
    let record = decided_before(&record, fingerprints).ok()?;
    outlasts(&record, now).then_some(record)
}

/// The primary key of a record.
pub(super) fn primary_key(record: &Item) -> Option<Item> {
    let part = |name: &str| Some((name.to_owned(), record.get(name)?.clone()));
    ["pk", "sk"].into_iter().map(part).collect()
}

/// Whether a record can never change again.
pub(super) fn is_final(record: &Item) -> bool {
    Record::read(record.clone()).is_ok_and(|record| record.is_final())
}

/// Whether this release can answer a request with a record.
pub(super) fn can_be_answered(record: &Item) -> bool {
    Record::read(record.clone()).is_ok_and(|record| record.replay().is_ok())
}

/// Whether a record stays in the table for long enough.
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
