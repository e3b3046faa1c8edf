//! Reads all shards of a product, and decides what an order can take from them.
//!
//! ```text
//! one shard has enough      take it from there
//! only all together have    take it and move the rest there, in one transaction
//! not even all together     sold out, if a second read finds the same
//! ```
//!
//! A batch read is no snapshot: it can see one half of a transaction that moves stock
//! between shards, and so miss pieces. Two reads that find the same do not help, because
//! such a half can stay visible for longer. So that a product is sold out is judged by
//! what moving stock never changes: [`Shard::unsold`].

use once::{Item, Session, Unsettled};

use crate::product::{SHARD, Sku, stock_key};
use crate::shard::{SHARDS_MAX, Shard, number_in, shards_of};

/// Among how many of the fullest shards an order chooses. With only one, all orders that
/// read at the same time would meet there.
const FULLEST: usize = 4;

/// All shards of a product, as one read found them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Collected {
    /// Shard 0 as it was read. It has the product's terms.
    pub(crate) product: Item,
    /// The shards, by their number.
    pub(crate) shards: Vec<Shard>,
}

/// From where a quantity is taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Source {
    /// The shard that gives the whole quantity.
    pub(crate) shard: u32,
    /// The shards that fill it up in the same transaction, and how many pieces each gives.
    pub(crate) donors: Vec<(u32, i64)>,
}

impl Source {
    /// One shard that has enough.
    pub(crate) const fn of(shard: u32) -> Self {
        Self {
            shard,
            donors: Vec::new(),
        }
    }

    /// How many pieces come from the other shards.
    pub(crate) fn given(&self) -> i64 {
        self.donors.iter().map(|(_, pieces)| pieces).sum()
    }
}

/// Reads all shards of a product, strongly consistent. `None` if there is no such product.
///
/// # Errors
/// There was no complete answer in time.
pub(crate) async fn collect(
    session: &Session<'_>,
    sku: &Sku,
    expected: u32,
) -> Result<Option<Collected>, Unsettled> {
    let mut count = expected.clamp(1, SHARDS_MAX);
    loop {
        let keys = (SHARD..count).map(|shard| stock_key(sku, shard)).collect();
        let items = session.read_all(keys).await?;
        let product = items.iter().find(|item| number_in(item) == Some(SHARD));
        let Some(product) = product else {
            return Ok(None);
        };
        let shards = shards_of(product);
        if count < shards {
            count = shards;
            continue;
        }
        let shard = |number| {
            let item = items.iter().find(|item| number_in(item) == Some(number));
            item.and_then(Shard::read)
        };
        let shards: Option<Vec<Shard>> = (SHARD..shards).map(shard).collect();
        return match shards {
            Some(shards) => Ok(Some(Collected {
                product: product.clone(),
                shards,
            })),
            // Shards are made before shard 0 counts them, and never deleted.
            None => Err(Unsettled::Invalid(format!("a shard of {sku} is missing"))),
        };
    }
}

impl Collected {
    /// How many pieces can be ordered, if no stock was being moved during the read.
    pub(crate) fn available(&self) -> i64 {
        self.shards.iter().map(|shard| shard.available).sum()
    }

    /// How many pieces are not sold.
    pub(crate) fn unsold(&self) -> i64 {
        self.shards.iter().map(|shard| shard.unsold).sum()
    }

    /// From where a quantity can be taken. `None` if not even all shards together have it.
    /// `random` picks one of the fullest shards.
    pub(crate) fn source(&self, quantity: i64, random: usize) -> Option<Source> {
        let fullest = self.fullest_first();
        let enough = fullest.iter().take_while(|(_, has)| quantity <= *has);
        let enough: Vec<u32> = enough.take(FULLEST).map(|(shard, _)| *shard).collect();
        if let Some(place) = random.checked_rem(enough.len()) {
            return enough.get(place).copied().map(Source::of);
        }
        let ((shard, has), others) = fullest.split_first()?;
        let mut missing = quantity - has;
        let mut donors = Vec::new();
        for (donor, has) in others {
            let pieces = missing.min(*has);
            if pieces <= 0 {
                break;
            }
            missing -= pieces;
            donors.push((*donor, pieces));
        }
        (missing <= 0).then_some(Source {
            shard: *shard,
            donors,
        })
    }

    /// The shards and what each has, the fullest first, and of equals the lowest number.
    pub(crate) fn fullest_first(&self) -> Vec<(u32, i64)> {
        let mut fullest: Vec<(u32, i64)> = (0..)
            .zip(&self.shards)
            .map(|(number, shard)| (number, shard.available))
            .collect();
        fullest.sort_by_key(|(number, has)| (-has, *number));
        fullest
    }

    /// How many pieces are left if this and an earlier read prove that there are fewer than
    /// `quantity`. `None` if they prove nothing.
    ///
    /// Nothing moved between the two reads, so all shards had these numbers at one moment.
    /// With one read alone, an order can miss the only piece:
    ///
    /// ```text
    /// read     shard 0: none                               shard 1: none ──► "sold out"
    /// others              a piece comes back to shard 0, then shard 1 sells its last
    /// ```
    pub(crate) fn proves_short(&self, earlier: &Self, quantity: i64) -> Option<i64> {
        let versions =
            |read: &Self| -> Vec<i64> { read.shards.iter().map(|shard| shard.version).collect() };
        let unsold = self.unsold();
        (versions(self) == versions(earlier) && unsold < quantity).then_some(unsold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(available: i64, unsold: i64, version: i64) -> Shard {
        Shard {
            available,
            unsold,
            version,
            details_version: 1,
        }
    }

    fn collected(shards: &[Shard]) -> Collected {
        Collected {
            product: Item::new(),
            shards: shards.to_vec(),
        }
    }

    fn with(available: &[i64]) -> Collected {
        let shards: Vec<Shard> = available.iter().map(|has| shard(*has, *has, 1)).collect();
        collected(&shards)
    }

    #[track_caller]
    fn check(
        available: &[i64],
        quantity: i64,
        random: usize,
        expected: Option<(u32, &[(u32, i64)])>,
    ) {
        let expected = expected.map(|(shard, donors)| Source {
            shard,
            donors: donors.to_vec(),
        });
        assert_eq!(with(available).source(quantity, random), expected);
    }

    #[test]
    fn an_order_takes_from_one_of_the_fullest_shards_that_have_enough() {
        check(&[1, 9, 3, 9], 2, 0, Some((1, &[])));
        check(&[1, 9, 3, 9], 2, 1, Some((3, &[])));
        check(&[1, 9, 3, 9], 2, 2, Some((2, &[])));
        check(&[1, 9, 3, 9], 2, 3, Some((1, &[])));
        check(&[5, 5, 5, 5, 4], 1, 4, Some((0, &[])));
    }

    #[test]
    fn if_only_all_together_have_enough_the_fullest_gets_the_rest() {
        check(&[1, 3, 0, 3], 7, 0, Some((1, &[(3, 3), (0, 1)])));
        check(&[1, 3, 0, 3], 4, 0, Some((1, &[(3, 1)])));
        check(&[1, 3, 0, 3], 8, 0, None);
        check(&[0], 1, 0, None);
    }

    #[test]
    fn a_product_is_sold_out_if_two_reads_find_the_same() {
        let first = collected(&[shard(0, 0, 7), shard(0, 0, 3)]);
        assert_eq!(first.proves_short(&first, 1), Some(0));
        assert_eq!(first.proves_short(&first, 0), None);
        let moved = collected(&[shard(0, 0, 8), shard(0, 0, 3)]);
        assert_eq!(first.proves_short(&moved, 1), None);
        let grown = collected(&[shard(0, 0, 7), shard(0, 0, 3), shard(0, 0, 0)]);
        assert_eq!(grown.proves_short(&first, 1), None);
    }

    #[test]
    fn a_move_that_is_seen_half_does_not_make_a_product_sold_out() {
        // Shard 0 has given its piece. Shard 1 does not show it yet.
        let half = collected(&[shard(0, 1, 8), shard(0, 0, 3)]);
        assert_eq!(half.available(), 0);
        assert_eq!(half.source(1, 0), None);
        assert_eq!(half.proves_short(&half, 1), None);
    }
}
