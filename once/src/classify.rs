//! Reads the reasons of a cancelled transaction.
//!
//! Source: "TransactWriteItems" and "CancellationReason" in the DynamoDB API
//! reference: one reason for each action, in the actions' order.

use crate::derive::{Fingerprints, made_by};
use crate::failure::Reason;
use crate::item::Item;
use crate::outcome::Unsettled;

/// What a cancelled transaction means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// This same request was decided before. The record is its answer.
    Before(Item),
    /// Nothing was decided. The same may succeed in a moment.
    Busy,
    /// These effects' conditions failed, and nothing else was in the way.
    Refused(Vec<FailedEffect>),
}

/// An effect whose condition failed.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedEffect {
    /// Its place among the intent's effects.
    pub index: usize,
    /// The item as it was when the condition failed, if there was one.
    pub item: Option<Item>,
}

/// Decides what a cancelled transaction means. `reasons[0]` is the record's,
/// the others are the effects'.
///
/// The record's own condition is read first. If it failed, the request was
/// decided before, and the effects' conditions no longer matter. A repeat of an
/// order that took the last piece fails both:
///
/// ```text
/// first    put record ✓   take 1 of 1 ✓          → placed
/// repeat   put record ✗   take 1 of 0 ✗          → placed, not "out of stock"
/// ```
///
/// Conflicts come before the effects' conditions. The other write may be the
/// first copy of this very request: it has taken the stock and is about to
/// show its record.
pub(crate) fn classify(
    reasons: &[Reason],
    fingerprints: &impl Fingerprints,
) -> Result<Verdict, Unsettled> {
    if let Some(Reason::ConditionFailed(record)) = reasons.first() {
        return match record {
            Some(record) => decided_before(record, fingerprints).map(Verdict::Before),
            // The record was deleted after its condition was checked, or DynamoDB
            // left it out of the answer. The next attempt finds out.
            None => Ok(Verdict::Busy),
        };
    }
    let mut failed = Vec::new();
    let mut busy = false;
    for (place, reason) in reasons.iter().enumerate() {
        match reason {
            Reason::Invalid(cause) => return Err(Unsettled::Invalid(cause.clone())),
            Reason::Conflict | Reason::Throttled => busy = true,
            Reason::ConditionFailed(item) => failed.push(FailedEffect {
                // The record is not an effect.
                index: place.saturating_sub(1),
                item: item.clone(),
            }),
            Reason::None => {}
        }
    }
    // A cancellation without a reason says nothing about the data.
    if busy || failed.is_empty() {
        return Ok(Verdict::Busy);
    }
    Ok(Verdict::Refused(failed))
}

/// The record that is in the way, if this same request made it.
///
/// # Errors
/// Another request made the record, or a newer release did.
pub fn decided_before(record: &Item, fingerprints: &impl Fingerprints) -> Result<Item, Unsettled> {
    match made_by(record, fingerprints) {
        Some(true) => Ok(record.clone()),
        Some(false) => Err(Unsettled::KeyReused),
        None => Err(Unsettled::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::{FINGERPRINT, FINGERPRINT_VERSION, Fingerprint};
    use crate::item::{number, text};

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
    fn check(reasons: &[Reason], expected: Verdict) {
        assert_eq!(classify(reasons, &OURS), Ok(expected));
    }

    #[track_caller]
    fn check_fails(reasons: &[Reason], expected: Unsettled) {
        assert_eq!(classify(reasons, &OURS), Err(expected));
    }

    #[test]
    fn a_replay_of_a_sold_out_order_returns_the_order() {
        let record = record_of(&OURS, 1);
        check(
            &[failed(record.clone()), Reason::None, failed(stock(0))],
            Verdict::Before(record),
        );
    }

    #[test]
    fn the_record_decides_even_where_another_action_conflicts() {
        let record = record_of(&OURS, 1);
        check(
            &[failed(record.clone()), Reason::Conflict],
            Verdict::Before(record),
        );
    }

    #[test]
    fn a_record_of_another_request_is_a_reused_key_whatever_the_stock_says() {
        check_fails(
            &[failed(record_of(&THEIRS, 1)), failed(stock(0))],
            Unsettled::KeyReused,
        );
    }

    #[test]
    fn a_record_of_a_newer_release_is_not_guessed_at() {
        check_fails(&[failed(record_of(&OURS, 2))], Unsettled::Unreadable);
    }

    #[test]
    fn a_conflict_or_throttling_outweighs_a_failed_effect() {
        check(
            &[Reason::None, Reason::Conflict, Reason::Throttled],
            Verdict::Busy,
        );
        check(
            &[Reason::None, failed(stock(0)), Reason::Conflict],
            Verdict::Busy,
        );
        check(&[Reason::Throttled, failed(stock(0))], Verdict::Busy);
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
            Verdict::Refused(vec![
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
        check(&[Reason::ConditionFailed(None)], Verdict::Busy);
    }

    #[test]
    fn a_wrong_request_is_not_repeated() {
        check_fails(
            &[
                Reason::None,
                Reason::Invalid("ValidationError".to_owned()),
                Reason::Conflict,
            ],
            Unsettled::Invalid("ValidationError".to_owned()),
        );
    }

    #[test]
    fn reasons_that_say_nothing_decide_nothing() {
        check(&[], Verdict::Busy);
        check(&[Reason::None, Reason::None], Verdict::Busy);
    }
}
