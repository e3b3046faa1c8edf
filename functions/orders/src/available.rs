//! Adds up what all shards of products have.
//!
//! The sum is no snapshot, and it can be a second old. It is for pages that show it. No
//! order is decided by it.

use std::collections::HashMap;

use once::{Item, Session, number_of, text_of};

use crate::error::Error;
use crate::hints::Hints;
use crate::product::{Product, SHARD, shard_key};

/// The most keys of one batch read.
const KEYS_MAX: usize = 100;

/// How many pieces of each product can be ordered, in the products' order. The products
/// are as they were just read. A product of one shard needs no other read.
///
/// # Errors
/// There was no answer in time.
pub(crate) async fn available(
    session: &Session<'_>,
    hints: &Hints,
    products: &[Product],
) -> Result<Vec<i64>, Error> {
    let now = session.world().machine_now();
    let known = |product: &Product| match product.shards {
        1 => Some(product.available),
        _ => hints.available(product.sku(), now),
    };
    let mut keys = Vec::new();
    let mut sums: HashMap<&str, i64> = HashMap::new();
    for product in products {
        if let Some(available) = known(product) {
            sums.insert(product.pk.as_str(), available);
        } else {
            sums.insert(product.pk.as_str(), product.available);
            keys.extend((SHARD + 1..product.shards).map(|shard| shard_key(&product.pk, shard)));
        }
    }
    for keys in keys.chunks(KEYS_MAX) {
        let items = session.read_all(keys.to_vec()).await;
        for item in items.map_err(|_| Error::Unavailable)? {
            let (product, available) = part_of(&item).ok_or(Error::Unavailable)?;
            if let Some(sum) = sums.get_mut(product) {
                *sum += available;
            }
        }
    }
    let sums = products.iter().map(|product| {
        let sum = sums.get(product.pk.as_str()).copied().unwrap_or_default();
        if known(product).is_none() {
            hints.note_available(product.sku(), sum, now);
        }
        sum
    });
    Ok(sums.collect())
}

/// The partition of the product that a shard is a part of, and what the shard has.
fn part_of(item: &Item) -> Option<(&str, i64)> {
    let (product, _) = text_of(item, "pk")?.rsplit_once('#')?;
    Some((product, number_of(item, "available")?))
}

#[cfg(test)]
mod tests {
    use once::{number, text};

    use super::*;

    #[test]
    fn a_shard_is_a_part_of_the_product_before_the_last_number_sign() {
        let item = |pk: &str| {
            Item::from([
                ("pk".to_owned(), text(pk)),
                ("available".to_owned(), number(7)),
            ])
        };
        assert_eq!(part_of(&item("SKU#TEA#12")), Some(("SKU#TEA", 7)));
        assert_eq!(part_of(&item("TEA")), None);
        assert_eq!(
            part_of(&Item::from([("pk".to_owned(), text("SKU#TEA#1"))])),
            None
        );
    }
}
