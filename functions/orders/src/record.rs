//! A record of a decision, read once into what it is.

use once::{Item, text_of};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, Outcome};
use crate::error::Error;
use crate::ledger::{self, Entry};
use crate::order::Order;
use crate::order_id::SORT_KEY;
use crate::refusal::{REJECTED, Refusal};
use crate::return_record::{self, Return};

/// What stands under the primary key of a decision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    /// An order was placed.
    Order(Box<Order>),
    /// Stock was adjusted.
    Adjustment(Entry),
    /// Goods of an order were returned.
    Return(Box<Return>),
    /// The order, the adjustment or the return was refused.
    Refusal(Refusal),
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// It is not a record of a decision, or not one that this release can read.
    pub(crate) fn read(item: Item) -> Result<Self, Error> {
        let sort_key = text_of(&item, "sk").unwrap_or_default();
        if text_of(&item, "status") == Some(REJECTED) {
            parse(item, "a refusal").map(Self::Refusal)
        } else if sort_key == SORT_KEY {
            parse(item, "an order").map(Box::new).map(Self::Order)
        } else if sort_key.starts_with(ledger::SORT_KEY_PREFIX) {
            parse(item, "an adjustment").map(Self::Adjustment)
        } else if sort_key.starts_with(return_record::SORT_KEY_PREFIX) {
            parse(item, "a return").map(Box::new).map(Self::Return)
        } else {
            let cause = format!("the item with the sort key {sort_key} is not a record");
            Err(Error::Internal(cause))
        }
    }

    /// Whether it can never change again. Neither the ledger nor a return is ever edited.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Order(order) => order.status.is_final(),
            Self::Adjustment(_) | Self::Return(_) | Self::Refusal(_) => true,
        }
    }

    /// The order, if one was placed.
    pub(crate) fn into_order(self) -> Option<Order> {
        match self {
            Self::Order(order) => Some(*order),
            Self::Adjustment(_) | Self::Return(_) | Self::Refusal(_) => None,
        }
    }

    /// The answer to the request that was decided: the same bytes each time.
    ///
    /// # Errors
    /// A newer release gave the answer, in a form that this one does not know.
    pub(crate) fn answer(&self, outcome: Outcome) -> Result<Answer, Error> {
        match self {
            Self::Order(order) => order.answer(outcome),
            Self::Adjustment(entry) => entry.answer(outcome),
            Self::Return(entry) => entry.answer(outcome),
            Self::Refusal(refusal) => refusal.answer(outcome),
        }
    }

    /// The first answer, given again. Beside it, the client gets the order's status now.
    ///
    /// # Errors
    /// As [`Record::answer`].
    pub(crate) fn replay(&self) -> Result<Answer, Error> {
        let answer = self.answer(Outcome::Replayed)?.replayed();
        Ok(match self {
            Self::Order(order) => answer.order_status(order.status.as_str()),
            Self::Adjustment(_) | Self::Return(_) | Self::Refusal(_) => answer,
        })
    }
}

/// The item that stores a record.
///
/// # Errors
/// The record cannot be written as an item: a defect.
pub(crate) fn item_of(record: &impl Serialize) -> Result<Item, Error> {
    serde_dynamo::to_item(record).map_err(|error| Error::Internal(error.to_string()))
}

fn parse<T: DeserializeOwned>(item: Item, what: &str) -> Result<T, Error> {
    serde_dynamo::from_item(item)
        .map_err(|error| Error::Internal(format!("{what} cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use once::{Fingerprint, Fingerprints, Unsettled, decided_before};

    use super::*;
    use crate::draft::Draft;
    use crate::order::tests::{BODY, LATER_VERSION, body_of, order};

    /// A request, as a later release knows it: it also has fingerprints of [`LATER_VERSION`].
    struct Later(Draft);

    impl Fingerprints for Later {
        fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
            let currency = self.0.currency.as_str().as_bytes();
            match version {
                LATER_VERSION => Some(Fingerprint::of([b"later", currency])),
                earlier => self.0.fingerprint(earlier),
            }
        }
    }

    fn draft() -> Draft {
        Draft::parse(BODY).unwrap()
    }

    /// The order of [`draft`], as a release of this version recorded it.
    fn order_of(version: i64) -> Order {
        let fingerprint = Later(draft()).fingerprint(version).unwrap();
        Order {
            answer_version: version,
            fingerprint: fingerprint.as_str().to_owned(),
            fingerprint_version: version,
            ..order()
        }
    }

    #[test]
    fn a_later_release_compares_and_answers_a_repeat_under_the_version_of_its_record() {
        let others = Draft {
            currency: "USD".parse().unwrap(),
            ..draft()
        };
        let mut bodies = Vec::new();
        for version in [1, LATER_VERSION] {
            let item = item_of(&order_of(version)).unwrap();
            let record = decided_before(&item, &Later(draft())).unwrap();
            bodies.push(body_of(Record::read(record).unwrap().replay()).unwrap());
            let reused = decided_before(&item, &Later(others.clone()));
            assert_eq!(reused, Err(Unsettled::KeyReused));
        }
        let [ours, later] = bodies.try_into().unwrap();
        assert_eq!(Ok(&ours), body_of(order().answer(Outcome::Placed)).as_ref());
        assert_ne!(ours, later);
    }

    #[test]
    fn this_release_does_not_guess_at_the_record_of_a_later_one() {
        let item = item_of(&order_of(LATER_VERSION)).unwrap();
        let compared = decided_before(&item, &draft());
        assert_eq!(compared, Err(Unsettled::Unreadable));
    }
}
