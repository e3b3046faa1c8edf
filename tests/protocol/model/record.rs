//! The record of a decision: an order, an adjustment, a return, or a refusal.

/// The highest number of idempotency keys, of orders, of adjustments and of returns each.
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
    /// `returns.rs`. The goods are sold again if `restock`, and written off otherwise.
    Return {
        key: u8,
        order: u8,
        lines: Lines,
        restock: bool,
    },
}

/// The status of a record.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Standing {
    /// Only with [`M::ClaimFirst`].
    ///
    /// [`M::ClaimFirst`]: super::mutation::Mutation::ClaimFirst
    Claimed,
    Refused,
    Adjusted,
    Returned,
    Pending,
    Confirmed,
    Fulfilled,
    Cancelled,
    Expired,
}

/// A decision's item: an order, an adjustment, a return, or the refusal of one.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct Record {
    pub(super) by: Stamp,
    pub(super) intent: Intent,
    pub(super) standing: Standing,
    pub(super) version: u8,
    pub(super) payment: Option<u8>,
    /// The reference of the order's fulfilment.
    pub(super) parcel: Option<u8>,
    /// How much of the order came back.
    pub(super) returned: Lines,
}

impl Intent {
    pub(super) fn key(self) -> usize {
        match self {
            Self::Order { key, .. } | Self::Adjustment { key, .. } | Self::Return { key, .. } => {
                key.into()
            }
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
            parcel: None,
            returned: [0; SKUS],
        }
    }

    /// How much of each product it is about.
    pub(super) fn lines(&self) -> Lines {
        match self.intent {
            Intent::Order { lines, .. } | Intent::Return { lines, .. } => lines,
            Intent::Adjustment { .. } => [0; SKUS],
        }
    }

    /// Whether it is an order that holds its stock.
    pub(super) fn holds(&self) -> bool {
        matches!(self.standing, Standing::Pending | Standing::Confirmed)
    }

    /// Whether it is an order, in any status.
    pub(super) fn is_order(&self) -> bool {
        use Standing::{Cancelled, Confirmed, Expired, Fulfilled, Pending};
        matches!(
            self.standing,
            Pending | Confirmed | Fulfilled | Cancelled | Expired
        )
    }

    /// Whether so much of the order can come back: it was shipped, and has not come back yet.
    pub(super) fn can_return(&self, lines: Lines) -> bool {
        let mut shipped = self.lines().into_iter().zip(self.returned).zip(lines);
        self.standing == Standing::Fulfilled
            && shipped.all(|((ordered, returned), quantity)| quantity <= ordered - returned)
    }
}
