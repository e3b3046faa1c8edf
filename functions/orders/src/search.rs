//! Searches all shards of a product for a quantity, read by read.

use std::time::Duration;

use once::{Item, Session, Unsettled};

use crate::collect::{Collected, Source};

/// How often the shards are read. If orders and returns move them all the time, the product is
/// busy, and not sold out.
const READS_MAX: u32 = 12;

/// The longest pause before shards that moved are read again.
const PAUSE: Duration = Duration::from_millis(20);

/// What the reads so far have shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// From where the quantity can be taken.
    Source(Source),
    /// Two reads proved that there are only so many.
    TooFew {
        /// How many are left.
        left: i64,
        /// Shard 0, which has the terms.
        product: Item,
    },
    /// Nothing yet: the shards are to be read again.
    Nothing,
}

/// A search for one quantity.
#[derive(Debug, Default)]
pub(crate) struct Search {
    earlier: Option<Collected>,
    reads: u32,
}

impl Search {
    /// Looks at another read, and waits a moment if the shards moved since the last one. `random`
    /// picks one of the fullest shards.
    ///
    /// # Errors
    /// The shards moved during all reads.
    pub(crate) async fn look(
        &mut self,
        session: &Session<'_>,
        read: Collected,
        quantity: i64,
        random: usize,
    ) -> Result<Found, Unsettled> {
        if let Some(source) = read.source(quantity, random) {
            return Ok(Found::Source(source));
        }
        let earlier = self.earlier.as_ref();
        if let Some(left) = earlier.and_then(|earlier| read.proves_short(earlier, quantity)) {
            // Pieces that were written off after they were moved may be missing twice.
            let left = left.max(0);
            let product = read.product;
            return Ok(Found::TooFew { left, product });
        }
        self.reads += 1;
        if self.reads == READS_MAX {
            return Err(if session.may_have_written() {
                Unsettled::OutcomeUnknown
            } else {
                Unsettled::Busy
            });
        }
        if self.earlier.replace(read).is_some() {
            let world = session.world();
            world.sleep(world.uniform(PAUSE)).await;
        }
        Ok(Found::Nothing)
    }
}
