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

#[cfg(test)]
mod tests {
    use once::{number, text};

    use super::*;

    fn item(numbers: &[(&str, i64)]) -> Item {
        let numbers = numbers.iter();
        numbers
            .map(|(name, value)| ((*name).to_owned(), number(*value)))
            .collect()
    }

    #[test]
    fn what_is_not_sold_is_what_came_in_less_what_orders_have_and_what_left() {
        let mut item = item(&[
            ("available", 3),
            ("received", 20),
            ("taken", 4),
            ("shipped", 7),
            ("version", 11),
            ("details_version", 2),
        ]);
        let shard = Shard {
            available: 3,
            unsold: 9,
            version: 11,
            details_version: 2,
        };
        assert_eq!(Shard::read(&item), Some(shard));
        item.remove("shipped");
        let unsold = 16;
        assert_eq!(Shard::read(&item), Some(Shard { unsold, ..shard }));
        for name in [
            "available",
            "received",
            "taken",
            "version",
            "details_version",
        ] {
            let mut item = item.clone();
            item.remove(name);
            assert_eq!(Shard::read(&item), None, "{name}");
        }
    }

    #[test]
    fn a_product_has_the_shards_that_its_item_says_or_one() {
        let of = |shards| shards_of(&item(&[("shards", shards)]));
        assert_eq!(shards_of(&Item::new()), 1);
        assert_eq!((of(1), of(5), of(64)), (1, 5, 64));
        // No release writes these.
        assert_eq!((of(0), of(-1), of(65)), (1, 1, 64));
    }

    #[test]
    fn the_number_of_a_shard_is_in_its_sort_key() {
        let of = |sort_key: &str| number_in(&Item::from([("sk".to_owned(), text(sort_key))]));
        assert_eq!((of("STOCK#0"), of("STOCK#63")), (Some(0), Some(63)));
        assert_eq!((of("STOCK#64"), of("ORDER")), (None, None));
        assert_eq!(number_in(&Item::new()), None);
    }
}
