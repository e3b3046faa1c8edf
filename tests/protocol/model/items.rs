//! What the table holds.

use super::record::{Intent, KEYS, Record, SKUS};
use super::request::{Call, Token};

/// A product's item.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Stock {
    pub(super) offer: u8,
    pub(super) available: i8,
    pub(super) taken: i8,
    pub(super) received: i8,
}

/// What happened. Only the properties read it, never a handler.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Witness {
    /// How many orders were made under a key.
    pub(super) made: [u8; KEYS],
    /// How many times an adjustment moved stock.
    pub(super) moved: [u8; KEYS],
    /// How many times an order was confirmed.
    pub(super) confirmed: [u8; KEYS],
    /// How many times an order's stock was given back.
    pub(super) released: [u8; KEYS],
    /// An order was confirmed after its stock was given back, or expired after
    /// it was confirmed.
    pub(super) confirmed_and_released: bool,
    /// An order was made at an offer that its customer had not seen.
    pub(super) unseen_offer: bool,
}

/// The table.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Table {
    pub(super) orders: [Option<Record>; KEYS],
    pub(super) ledger: [Option<Record>; KEYS],
    pub(super) payments: [Option<u8>; 2],
    pub(super) stock: [Stock; SKUS],
    /// The tokens of transactions that were applied, and what they asked for.
    pub(super) tokens: Vec<(Token, Call)>,
    pub(super) witness: Witness,
}

impl Table {
    pub(super) fn record(&self, intent: Intent) -> Option<Record> {
        match intent {
            Intent::Order { .. } => self.orders[intent.key()],
            Intent::Adjustment { .. } => self.ledger[intent.key()],
        }
    }

    pub(super) fn put(&mut self, record: Record) {
        let place = match record.intent {
            Intent::Order { .. } => &mut self.orders,
            Intent::Adjustment { .. } => &mut self.ledger,
        };
        place[record.intent.key()] = Some(record);
    }
}
