//! Owns the reading of a cancelled transaction.
//!
//! Source: "TransactWriteItems" and "CancellationReason" in the DynamoDB API
//! reference: one reason an action, in the actions' order.

use super::derive::Fingerprints;
use super::{Item, derive};

/// Why one action of a transaction did not go through.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// Nothing was wrong with this action.
    None,
    /// Its condition failed; the item as it is now, if there is one.
    ConditionFailed(Option<Item>),
    /// Another write was on this item at that moment.
    Conflict,
    /// The item's partition or the account had no capacity left.
    Throttled,
    /// Anything else: the request itself is wrong.
    Invalid(String),
}

/// What a cancelled transaction means.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Decided before, by this same request: the record tells the answer.
    Before(Item),
    /// Decided before, by another request under the same key.
    KeyReused,
    /// Decided before by a newer release, whose record this one cannot read.
    Unreadable,
    /// Nothing was decided; the same may succeed in a moment.
    Busy {
        /// Whether another write was in the way, rather than capacity.
        conflict: bool,
    },
    /// These effects' conditions failed, and nothing else was in the way.
    Refused(Vec<FailedEffect>),
    /// The request is wrong, whatever the data.
    Invalid(String),
}

/// An effect whose condition failed.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedEffect {
    /// Its place among the intent's effects.
    pub index: usize,
    /// The item as it was when the condition failed, or `None` if there was none.
    pub item: Option<Item>,
}

/// Decides what a cancelled transaction means. `reasons[0]` is the record's,
/// the others are the effects'.
///
/// The record's own condition is read first: if it failed, the attempt was
/// decided before, and whatever the effects' conditions say today no longer
/// matters. A repeat of an order that took the last piece fails both:
///
/// ```text
/// first    put record ✓   take 1 of 1 ✓          → placed
/// repeat   put record ✗   take 1 of 0 ✗          → placed, not "out of stock"
/// ```
///
/// Conflicts come before the effects' conditions: where one action met another
/// write, that write may be the first copy of this very request, which has
/// taken the stock and is about to show its record.
pub fn classify(reasons: &[Reason], fingerprints: &impl Fingerprints) -> Verdict {
    if let Some(Reason::ConditionFailed(record)) = reasons.first() {
        return decided_before(record.as_ref(), fingerprints);
    }
    if let Some(cause) = reasons.iter().find_map(Reason::invalid) {
        return Verdict::Invalid(cause.to_owned());
    }
    let conflict = reasons.contains(&Reason::Conflict);
    if conflict || reasons.contains(&Reason::Throttled) {
        return Verdict::Busy { conflict };
    }
    let failed: Vec<_> = reasons
        .iter()
        .skip(1)
        .enumerate()
        .filter_map(|(index, reason)| match reason {
            Reason::ConditionFailed(item) => Some(FailedEffect {
                index,
                item: item.clone(),
            }),
            Reason::None | Reason::Conflict | Reason::Throttled | Reason::Invalid(_) => None,
        })
        .collect();
    if failed.is_empty() {
        // A cancellation without a reason says nothing about the data.
        return Verdict::Busy { conflict: false };
    }
    Verdict::Refused(failed)
}

/// Decides what a record that stands in the way means.
pub fn decided_before(record: Option<&Item>, fingerprints: &impl Fingerprints) -> Verdict {
    // The record vanished between its condition and the answer, or the service
    // left it out: either way the next attempt will tell.
    let Some(record) = record else {
        return Verdict::Busy { conflict: false };
    };
    match derive::made_by(record, fingerprints) {
        Some(true) => Verdict::Before(record.clone()),
        Some(false) => Verdict::KeyReused,
        None => Verdict::Unreadable,
    }
}

impl Reason {
    fn invalid(&self) -> Option<&str> {
        match self {
            Self::Invalid(cause) => Some(cause),
            Self::None | Self::ConditionFailed(_) | Self::Conflict | Self::Throttled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{number, text};
    use super::*;
    use crate::derive::{FINGERPRINT, FINGERPRINT_VERSION, Fingerprint};

    struct Request(&'static str);

    impl Fingerprints for Request {
        fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
            (version == 1).then(|| Fingerprint::of([self.0.as_bytes()]))
        }
    }

    const OURS: Request = Request("ours");
    const THEIRS: Request = Request("theirs");

    fn record_of(request: &Request, version: i64) -> Item {
        let fingerprint = request.fingerprint(1).unwrap();
        Item::from([
            (FINGERPRINT.to_owned(), text(fingerprint.as_str())),
            (FINGERPRINT_VERSION.to_owned(), number(version)),
        ])
    }

    fn stock(available: i64) -> Item {
        Item::from([("available".to_owned(), number(available))])
    }

    fn failed(item: Item) -> Reason {
        Reason::ConditionFailed(Some(item))
    }

    #[track_caller]
    fn check(reasons: &[Reason], expected: &Verdict) {
        assert_eq!(&classify(reasons, &OURS), expected);
    }

    #[test]
    fn a_replay_of_a_sold_out_order_returns_the_order() {
        let record = record_of(&OURS, 1);
        check(
            &[failed(record.clone()), Reason::None, failed(stock(0))],
            &Verdict::Before(record),
        );
    }

    #[test]
    fn the_record_decides_even_where_another_action_conflicts() {
        let record = record_of(&OURS, 1);
        check(
            &[failed(record.clone()), Reason::Conflict],
            &Verdict::Before(record),
        );
    }

    #[test]
    fn a_record_of_another_request_is_a_reused_key_whatever_the_stock_says() {
        check(
            &[failed(record_of(&THEIRS, 1)), failed(stock(0))],
            &Verdict::KeyReused,
        );
    }

    #[test]
    fn a_record_of_a_newer_release_is_not_guessed_at() {
        check(&[failed(record_of(&OURS, 2))], &Verdict::Unreadable);
    }

    #[test]
    fn a_conflict_or_throttling_outweighs_a_failed_effect() {
        check(
            &[Reason::None, Reason::Conflict, Reason::Throttled],
            &Verdict::Busy { conflict: true },
        );
        check(
            &[Reason::None, failed(stock(0)), Reason::Conflict],
            &Verdict::Busy { conflict: true },
        );
        check(
            &[Reason::Throttled, failed(stock(0))],
            &Verdict::Busy { conflict: false },
        );
    }

    #[test]
    fn every_failed_effect_is_reported_with_its_place_and_its_item() {
        check(
            &[
                Reason::None,
                failed(stock(1)),
                Reason::None,
                Reason::ConditionFailed(None),
            ],
            &Verdict::Refused(vec![
                FailedEffect {
                    index: 0,
                    item: Some(stock(1)),
                },
                FailedEffect {
                    index: 2,
                    item: None,
                },
            ]),
        );
    }

    #[test]
    fn a_record_that_is_not_returned_is_asked_for_again() {
        check(
            &[Reason::ConditionFailed(None)],
            &Verdict::Busy { conflict: false },
        );
    }

    #[test]
    fn a_wrong_request_is_not_repeated() {
        check(
            &[
                Reason::None,
                Reason::Invalid("ValidationError".to_owned()),
                Reason::Conflict,
            ],
            &Verdict::Invalid("ValidationError".to_owned()),
        );
    }

    #[test]
    fn reasons_that_say_nothing_decide_nothing() {
        check(&[], &Verdict::Busy { conflict: false });
        check(
            &[Reason::None, Reason::None],
            &Verdict::Busy { conflict: false },
        );
    }
}
