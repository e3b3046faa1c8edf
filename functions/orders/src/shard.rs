//! One shard of a product's stock.
//!
//! A product that everybody wants has several. Each takes its own transactions, so orders
//! of the same product need not wait for each other. Shard 0 is the product: only it is
//! listed, and only it says how many shards there are and what the product's terms are.
//! The others have a copy of what a placement's condition reads.

use once::{Item, number_of, text_of};

use crate::product::stock_sort_key;

/// The most shards that a product can have. A read of all of them is one request.
pub(crate) const SHARDS_MAX: u32 = 64;

/// The stock of one shard, as its item says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Shard {
    /// How many can be taken from it.
    pub(crate) available: i64,
    /// What came in, less what orders have and what left: `received - taken - shipped`.
    /// Moving stock between shards never changes it.
    pub(crate) unsold: i64,
    /// Changes with every movement of its stock.
    pub(crate) version: i64,
    /// The version of the terms that it sells under.
    pub(crate) details_version: i64,
}

impl Shard {
    /// Reads a shard. `None` if it lacks a number.
    pub(crate) fn read(item: &Item) -> Option<Self> {
        // Items of the first release lack `shipped`.
        let shipped = number_of(item, "shipped").unwrap_or_default();
        Some(Self {
            available: number_of(item, "available")?,
            unsold: number_of(item, "received")? - number_of(item, "taken")? - shipped,
            version: number_of(item, "version")?,
            details_version: number_of(item, "details_version")?,
        })
    }
}

/// How many shards a product has, as shard 0 says. A product of one shard does not say it.
pub(crate) fn shards_of(item: &Item) -> u32 {
    let shards = number_of(item, "shards").and_then(|shards| u32::try_from(shards).ok());
    shards.unwrap_or(1).clamp(1, SHARDS_MAX)
}

/// The number of the shard that an item is.
pub(crate) fn number_in(item: &Item) -> Option<u32> {
    let sort_key = text_of(item, "sk")?;
    (0..SHARDS_MAX).find(|number| stock_sort_key(*number) == sort_key)
}
