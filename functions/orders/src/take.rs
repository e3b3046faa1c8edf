//! Takes a line of an order from its product's stock: the conditional updates.

use aws_sdk_dynamodb::types::AttributeValue;
use once::{Effect, Item, number, text};

use crate::collect::Source;
use crate::draft::{Draft, Line};
use crate::level::give;
use crate::product::stock_key;

/// Takes a quantity from a product's stock …
const TAKE: &str = "SET available = available - :q, taken = taken + :q, version = version + :one";

/// … or takes it after other shards have given some of it, in the same transaction …
const TAKE_GIVEN: &str = "SET available = available - :least, taken = taken + :q, \
    levelled = if_not_exists(levelled, :zero) + :given, version = version + :one";

/// … if it is for sale, at the price that the customer saw, and there is enough.
/// If this fails, [`judge`](crate::shortfall::judge) reads the item that DynamoDB returns.
/// The two must agree.
pub(crate) const TAKE_CONDITION: &str = "sellable = :true AND currency = :c AND unit_price = :p AND available >= :q \
    AND (attribute_not_exists(quantity_max) OR quantity_max >= :q)";

const TAKE_GIVEN_CONDITION: &str = "sellable = :true AND currency = :c AND unit_price = :p AND available >= :least \
    AND (attribute_not_exists(quantity_max) OR quantity_max >= :q)";

/// What one update of an order is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// It takes a line from this shard, which must have so many.
    Take {
        /// The line's place in the order.
        line: usize,
        /// The shard.
        shard: u32,
        /// How many the shard must have.
        least: i64,
    },
    /// It fills up the shard that a line is taken from.
    Give {
        /// The line's place in the order.
        line: usize,
    },
}

/// The updates that take a line of an order from a source, each with its purpose.
pub(crate) fn take(
    place: usize,
    line: &Line,
    draft: &Draft,
    source: &Source,
) -> Vec<(Part, Effect)> {
    let given = source.given();
    let least = line.quantity - given;
    let mut values = Item::from([
        (":q".to_owned(), number(line.quantity)),
        (":one".to_owned(), number(1)),
        (":p".to_owned(), number(line.unit_price)),
        (":c".to_owned(), text(draft.currency.as_str())),
        (":true".to_owned(), AttributeValue::Bool(true)),
    ]);
    let (update, condition) = if source.donors.is_empty() {
        (TAKE, TAKE_CONDITION)
    } else {
        values.insert(":least".to_owned(), number(least));
        values.insert(":given".to_owned(), number(given));
        values.insert(":zero".to_owned(), number(0));
        (TAKE_GIVEN, TAKE_GIVEN_CONDITION)
    };
    let effect = Effect {
        key: stock_key(&line.sku, source.shard),
        update,
        condition: condition.into(),
        names: &[],
        values,
    };
    let part = Part::Take {
        line: place,
        shard: source.shard,
        least,
    };
    let donors = source.donors.iter();
    let gifts = donors.map(|(donor, pieces)| {
        let part = Part::Give { line: place };
        (part, give(&line.sku, *donor, *pieces))
    });
    std::iter::once((part, effect)).chain(gifts).collect()
}
