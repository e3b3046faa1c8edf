//! The record of a decision: an order, an adjustment, or a refusal.

/// The highest number of idempotency keys, of orders and of adjustments each.
pub(super) const KEYS: usize = 2;

/// How many products there are.
pub(super) const SKUS: usize = 2;

/// How many of each product.
pub(super) type Lines = [i8; SKUS];

/// The invocation that made a record. It stands for `created_at` and `request_id`: by these, the
/// records of two invocations differ, and so do the bytes of their answers.
pub(super) type Stamp = u8;

/// What must happen once: `once::Intent`. Equal intents have equal fingerprints.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Intent {
    /// `place.rs`. `offer` is what the customer saw: price, currency, for sale.
    Order { key: u8, lines: Lines, offer: u8 },
    /// `adjust.rs`.
    Adjustment { key: u8, sku: u8, delta: i8 },
}

/// The status of a record.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Standing {
    /// Only with [`M::ClaimFirst`].
    Claimed,
    Refused,
    Adjusted,
    Pending,
    Confirmed,
    Cancelled,
    Expired,
}

/// A decision's item: an order, an adjustment, or the refusal of one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Record {
    pub(super) by: Stamp,
    pub(super) intent: Intent,
    pub(super) standing: Standing,
    pub(super) version: u8,
    pub(super) payment: Option<u8>,
}

impl Intent {
    pub(super) fn key(self) -> usize {
        match self {
            Self::Order { key, .. } | Self::Adjustment { key, .. } => key.into(),
        }
    }
}

impl Record {
    pub(super) fn new(intent: Intent, by: Stamp, standing: Standing) -> Self {
        Self {
            by,
            intent,
            standing,
            version: 1,
            payment: None,
        }
    }

    /// What it holds of each product.
    pub(super) fn lines(&self) -> Lines {
        match self.intent {
            Intent::Order { lines, .. } => lines,
            Intent::Adjustment { .. } => [0; SKUS],
        }
    }

    /// Whether it is an order that holds its stock.
    pub(super) fn holds(&self) -> bool {
        matches!(self.standing, Standing::Pending | Standing::Confirmed)
    }

    /// Whether it is an order, in any status.
    pub(super) fn is_order(&self) -> bool {
        use Standing::{Cancelled, Confirmed, Expired, Pending};
        matches!(self.standing, Pending | Confirmed | Cancelled | Expired)
    }
}
