//! Remembers every state of the stock of each product, shard by shard, and what was sold of it.

use std::collections::BTreeMap;
use std::time::Duration;

use orders::Books;
use serde_json::Value;

use super::commit::Change;
use super::ledger::maps;
use super::request::{Key, number, text};

/// Stands for the numbers of an item that lacks one, so that no law can hold by chance.
const MISSING: Books = Books {
    available: i64::MIN / 4,
    taken: 0,
    shipped: 0,
    received: 0,
    levelled: 0,
    adjusted: 0,
    written_off: 0,
    held: 0,
    sent: 0,
};

/// A product's stock and terms as one commit left them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProductState {
    /// When it was committed.
    pub(crate) from: Duration,
    /// How many could be ordered from all shards together.
    pub(crate) available: i64,
    /// The price of one, as shard 0 said.
    pub(crate) unit_price: i64,
    /// The version of its description, as shard 0 said.
    pub(crate) details_version: i64,
}

/// What a shard could sell after a commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ShardState {
    /// When it was committed.
    pub(crate) from: Duration,
    /// How many could be ordered from it.
    pub(crate) available: i64,
}

/// A line that was sold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sale {
    /// When it was committed.
    pub(crate) at: Duration,
    /// The version of the terms under which its shard sold it.
    pub(crate) details_version: i64,
}

/// The stock of every product.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    /// Every state of each product, by its SKU.
    pub(crate) products: BTreeMap<String, Vec<ProductState>>,
    /// Every state of each shard, by its product's SKU and its key.
    pub(crate) shards: BTreeMap<String, BTreeMap<Key, Vec<ShardState>>>,
    /// What was sold of each product.
    pub(crate) sales: BTreeMap<String, Vec<Sale>>,
    /// The numbers of each shard as they are now.
    now: BTreeMap<String, BTreeMap<Key, Books>>,
}

impl Stock {
    /// What the shards of a product say together.
    pub(crate) fn books(&self, sku: &str) -> Books {
        let shards = self.now.get(sku).into_iter().flat_map(BTreeMap::values);
        shards.fold(Books::default(), |sum, shard| sum + *shard)
    }

    /// Judges a change of a shard: its own books add up, and its version counts its movements.
    pub(crate) fn judge(change: &Change) -> Result<(), String> {
        let pk = &change.key.0;
        let Some(new) = &change.new else {
            return Err(format!("the stock of {pk} was deleted"));
        };
        let books = of_stock(new);
        if let Some((_, what)) = books.laws_of_shard().iter().find(|(holds, _)| !holds) {
            return Err(format!("{pk}: {what}: {books:?}"));
        }
        let Some(old) = &change.old else {
            return Ok(());
        };
        let moved = ["available", "taken", "shipped", "received", "levelled"]
            .iter()
            .any(|name| old.get(*name) != new.get(*name));
        let bumped = number(old, "version") != number(new, "version");
        if moved != bumped {
            return Err(format!(
                "the stock of {pk} changed without its version, or its version without its stock"
            ));
        }
        let shards = |item| number(item, "shards").unwrap_or(1);
        let version = |item| number(item, "details_version").unwrap_or_default();
        if shards(new) < shards(old) || version(new) < version(old) {
            return Err(format!("{pk} went back to fewer shards or to older terms"));
        }
        Ok(())
    }

    /// Remembers a change of a shard.
    pub(crate) fn commit(&mut self, at: Duration, change: &Change) {
        let Some((sku, new)) = Books::product_of(&change.key.0).zip(change.new.as_ref()) else {
            return;
        };
        let (sku, key) = (sku.to_owned(), change.key.clone());
        let books = of_stock(new);
        let shards = self.shards.entry(sku.clone()).or_default();
        shards.entry(key.clone()).or_default().push(ShardState {
            from: at,
            available: books.available,
        });
        self.now
            .entry(sku.clone())
            .or_default()
            .insert(key.clone(), books);
        let available = self.books(&sku).available;
        let states = self.products.entry(sku).or_default();
        let is_first = key.1 == "STOCK#0";
        if !is_first && states.is_empty() {
            // Shards are made before their product.
            return;
        }
        let of = |name, last: Option<i64>| match last {
            Some(last) if !is_first => last,
            _ => number(new, name).unwrap_or_default(),
        };
        let last = states.last();
        let state = ProductState {
            from: at,
            available,
            unit_price: of("unit_price", last.map(|it| it.unit_price)),
            details_version: of("details_version", last.map(|it| it.details_version)),
        };
        states.push(state);
    }

    /// Remembers what an order bought, and judges whether its products were for sale at the price
    /// that it has, in the shards that it took them from.
    pub(crate) fn sell(
        &mut self,
        at: Duration,
        id: &str,
        order: &Value,
        changes: &[Change],
    ) -> Result<(), String> {
        for line in maps(order, "lines") {
            let sku = text(line, "sku").unwrap_or_default();
            let mut taken = 0;
            for allocation in maps(line, "allocations") {
                taken += number(allocation, "quantity").unwrap_or_default();
                let place = place_of(sku, number(allocation, "shard").unwrap_or_default());
                let change = changes.iter().find(|change| change.key == place);
                let stock = change.and_then(|change| change.old.as_ref());
                let offered = stock.filter(|stock| {
                    stock.get("unit_price") == line.get("unit_price")
                        && stock.get("currency") == order.get("currency")
                        && stock.get("sellable") == Some(&serde_json::json!({"BOOL": true}))
                });
                let Some(stock) = offered else {
                    return Err(format!(
                        "the order {id} has {sku} on terms that were not on offer"
                    ));
                };
                self.sales.entry(sku.to_owned()).or_default().push(Sale {
                    at,
                    details_version: number(stock, "details_version").unwrap_or_default(),
                });
            }
            if Some(taken) != number(line, "quantity") {
                return Err(format!("the order {id} did not take what it has of {sku}"));
            }
        }
        Ok(())
    }

    /// The fewest pieces of a product that a reader can count at any moment of a span. What came in within
    /// `unseen` before that moment may be missing in its count, and what was taken since is not.
    pub(crate) fn fewest(
        &self,
        sku: &str,
        (from, until): (Duration, Duration),
        unseen: Duration,
    ) -> Option<i64> {
        let states = self.products.get(sku)?;
        let ends = states.iter().skip(1).map(|state| Some(state.from));
        let during = states
            .iter()
            .zip(ends.chain([None]))
            .filter(|(state, end)| state.from <= until && end.is_none_or(|end| from <= end));
        let seen = |state: &ProductState| {
            let at = state.from.max(from);
            let steps = states.iter().zip(states.iter().skip(1));
            let came_in = steps.filter(|(_, now)| now.from <= at && at < now.from + unseen);
            let came_in = came_in.map(|(before, now)| (now.available - before.available).max(0));
            state.available - came_in.sum::<i64>()
        };
        during.map(|(state, _)| seen(state)).min()
    }
}

/// The key of a shard.
pub(crate) fn place_of(sku: &str, shard: i64) -> Key {
    let partition = match shard {
        0 => format!("SKU#{sku}"),
        other => format!("SKU#{sku}#{other}"),
    };
    (partition, format!("STOCK#{shard}"))
}

fn of_stock(item: &Value) -> Books {
    Books::of_stock(|name| number(item, name)).unwrap_or(MISSING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_can_miss_what_just_came_in_and_not_what_was_taken_since() {
        let milliseconds = Duration::from_millis;
        let state = |from, available| ProductState {
            from: milliseconds(from),
            available,
            unit_price: 1,
            details_version: 1,
        };
        let mut stock = Stock::default();
        let states = vec![state(0, 4), state(100, 8), state(150, 7)];
        stock.products.insert("TEA".to_owned(), states);
        let fewest = |from, until, unseen| {
            let span = (milliseconds(from), milliseconds(until));
            stock.fewest("TEA", span, milliseconds(unseen))
        };
        assert_eq!(fewest(200, 220, 300), Some(3));
        assert_eq!(fewest(200, 220, 100), Some(7));
        assert_eq!(fewest(50, 60, 300), Some(4));
        assert_eq!(fewest(120, 130, 10), Some(8));
        assert_eq!(fewest(50, 220, 0), Some(4));
    }
}
