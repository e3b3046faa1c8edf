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

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(donors: &[(u32, i64)]) -> Vec<(Part, Effect)> {
        let body =
            br#"{"currency": "KRW", "lines": [{"sku": "TEA", "quantity": 9, "unit_price": 500}]}"#;
        let draft = Draft::parse(body).unwrap();
        let source = Source {
            shard: 2,
            donors: donors.to_vec(),
        };
        take(4, &draft.lines[0], &draft, &source)
    }

    fn value(effect: &Effect, name: &str) -> Option<i64> {
        once::number_of(&effect.values, name)
    }

    #[test]
    fn a_shard_that_has_enough_gives_all() {
        let [(part, effect)] = &taken(&[])[..] else {
            panic!("one update is enough");
        };
        let (line, shard, least) = (4, 2, 9);
        assert_eq!(*part, Part::Take { line, shard, least });
        assert_eq!(
            (effect.update, effect.condition.as_ref()),
            (TAKE, TAKE_CONDITION)
        );
        assert_eq!(value(effect, ":q"), Some(9));
        assert_eq!(value(effect, ":given"), None);
    }

    #[test]
    fn a_shard_that_others_fill_up_must_have_only_the_rest() {
        let taken = taken(&[(0, 4), (5, 2)]);
        let (line, shard, least) = (4, 2, 3);
        let parts: Vec<Part> = taken.iter().map(|(part, _)| *part).collect();
        let give = Part::Give { line };
        assert_eq!(parts, [Part::Take { line, shard, least }, give, give]);
        let effect = &taken[0].1;
        let of = |name| value(effect, name);
        assert_eq!(
            (of(":q"), of(":least"), of(":given")),
            (Some(9), Some(3), Some(6))
        );
        assert_eq!(
            (effect.update, effect.condition.as_ref()),
            (TAKE_GIVEN, TAKE_GIVEN_CONDITION)
        );
        let gifts = taken[1..].iter().map(|(_, effect)| value(effect, ":x"));
        assert_eq!(gifts.collect::<Vec<_>>(), [Some(4), Some(2)]);
    }
}
