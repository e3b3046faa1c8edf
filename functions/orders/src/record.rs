//! A record of a decision, read once into what it is.

use once::{Item, text_of};
use serde::de::DeserializeOwned;

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

    /// The refusal that was just recorded.
    ///
    /// # Errors
    /// The record is not a refusal: a defect.
    pub(crate) fn into_refusal(self) -> Result<Refusal, Error> {
        match self {
            Self::Refusal(refusal) => Ok(refusal),
            Self::Order(_) | Self::Adjustment(_) => {
                let cause = "the record under this key is not a refusal";
                Err(Error::Internal(cause.to_owned()))
            }
        }
    }
}

fn parse<T: DeserializeOwned>(item: Item, what: &str) -> Result<T, Error> {
    serde_dynamo::from_item(item)
        .map_err(|error| Error::Internal(format!("{what} cannot be read: {error}")))
}
