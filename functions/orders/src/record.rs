//! A record of a decision, read once into what it is.

use once::{Item, text_of};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, Outcome};
use crate::error::Error;
use crate::ledger::{self, Entry};
use crate::order::{Order, SORT_KEY};
use crate::refusal::{REJECTED, Refusal};

/// What stands under the primary key of a decision.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    /// An order was placed.
    Order(Box<Order>),
    /// Stock was adjusted.
    Adjustment(Entry),
    /// The order or the adjustment was refused.
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
        } else {
            let cause = format!("the item with the sort key {sort_key} is not a record");
            Err(Error::Internal(cause))
        }
    }

    /// Whether it can never change again. The ledger is never edited.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Order(order) => order.status.is_final(),
            Self::Adjustment(_) | Self::Refusal(_) => true,
        }
    }

    /// The order, if one was placed.
    pub(crate) fn into_order(self) -> Option<Order> {
        match self {
            Self::Order(order) => Some(*order),
            Self::Adjustment(_) | Self::Refusal(_) => None,
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
            Self::Adjustment(_) | Self::Refusal(_) => answer,
        })
    }
}

/// The item that stores a record.
///
/// # Errors
/// The record has no form as an item: a defect.
pub(crate) fn item_of(record: &impl Serialize) -> Result<Item, Error> {
    serde_dynamo::to_item(record).map_err(|error| Error::Internal(error.to_string()))
}

fn parse<T: DeserializeOwned>(item: Item, what: &str) -> Result<T, Error> {
    serde_dynamo::from_item(item)
        .map_err(|error| Error::Internal(format!("{what} cannot be read: {error}")))
}
