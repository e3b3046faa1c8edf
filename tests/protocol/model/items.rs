//! What the table holds.

use super::record::{Intent, KEYS, Lines, Record, SKUS};
use super::request::{Call, Token};

/// A product's item.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Stock {
    pub(super) offer: u8,
    pub(super) available: i8,
    pub(super) taken: i8,
    pub(super) shipped: i8,
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
    /// How many times an order was shipped.
    pub(super) shipped: [u8; KEYS],
    /// How many times a return moved stock.
    pub(super) returns: [u8; KEYS],
    /// How much of an order came back.
    pub(super) returned: [Lines; KEYS],
    /// An order was confirmed after its stock was given back, or expired after
    /// it was confirmed.
    pub(super) confirmed_and_released: bool,
    /// An order was made at an offer that its customer had not seen.
    pub(super) unseen_offer: bool,
    /// A change was cancelled by its stock's condition alone.
    pub(super) defect: bool,
}

/// The table.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Table {
    pub(super) orders: [Option<Record>; KEYS],
    pub(super) ledger: [Option<Record>; KEYS],
    pub(super) returns: [Option<Record>; KEYS],
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
            Intent::Return { .. } => self.returns[intent.key()],
        }
    }

    pub(super) fn put(&mut self, record: Record) {
        let place = match record.intent {
            Intent::Order { .. } => &mut self.orders,
            Intent::Adjustment { .. } => &mut self.ledger,
            Intent::Return { .. } => &mut self.returns,
        };
        place[record.intent.key()] = Some(record);
    }

    pub(super) fn has_order(&self, key: u8) -> bool {
        self.orders[usize::from(key)].is_some_and(|record| record.is_order())
    }

    /// Whether every product has as much of `lines` as `part` says.
    pub(super) fn has(&self, lines: Lines, part: impl Fn(&Stock) -> i8) -> bool {
        let mut stock = self.stock.iter().zip(lines);
        stock.all(|(stock, quantity)| quantity == 0 || quantity <= part(stock))
    }
}
