//! What a placement knows before it writes: which shards it takes from, and what its environment
//! remembers.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use once::{number, number_of, text};

use super::*;
use crate::order::tests::{BODY, order};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// The products of the order, and their prices.
const PRODUCTS: [(&str, i64); 2] = [("CUP-01", 100), ("TEA-01", 19_900)];

fn hints() -> Hints {
    Hints::new(Duration::from_secs(1))
}

/// Runs a test with the placement of the usual order, in an environment that knows this. A refusal
/// has how many are left of each line, in their order.
fn placing(hints: &Hints, test: impl FnOnce(&mut Placement<'_>)) {
    let (draft, order) = (Draft::parse(BODY).unwrap(), order());
    let refuse = |shortfalls: &[(Shortfall, &Line)]| {
        let left = |shortfall: &Shortfall| match shortfall {
            Shortfall::OutOfStock { available } => *available,
            other => panic!("{other:?}"),
        };
        let lines = shortfalls.iter();
        let lefts = lines.map(|(shortfall, line)| (line.sku.to_string(), number(left(shortfall))));
        Some(lefts.collect())
    };
    let placed = Placement::new(&draft, &order, hints, NOW, Box::new(refuse));
    test(&mut placed.unwrap());
}

/// Notes that a product was sold out at its price, but for so many.
fn sold_out(hints: &Hints, place: usize, left: i64) {
    let (sku, unit_price) = PRODUCTS[place];
    let product = Item::from([
        ("sellable".to_owned(), AttributeValue::Bool(true)),
        ("currency".to_owned(), text("KRW")),
        ("unit_price".to_owned(), number(unit_price)),
        ("available".to_owned(), number(0)),
    ]);
    hints.note_sold_out(sku, SoldOut { left, product }, NOW);
}

#[test]
fn each_line_is_tried_at_the_shard_that_the_environment_would_choose() {
    let hints = hints();
    placing(&hints, |placement| {
        assert_eq!(placement.shards(), [("CUP-01", 0), ("TEA-01", 0)]);
    });
    let mut tried = BTreeSet::new();
    for shards in 2..64 {
        hints.learn("TEA-01", shards, NOW);
        placing(&hints, |placement| {
            let shard = hints.choose("TEA-01", order().id(), 0, NOW);
            assert_eq!(placement.shards(), [("CUP-01", 0), ("TEA-01", shard)]);
            tried.insert(shard);
        });
    }
    assert!(2 < tried.len(), "{tried:?}");
}

#[test]
fn an_order_of_what_is_left_is_not_refused_from_memory() {
    // The order is for one cup and for two packs of tea.
    let refused = |cups: i64, tea: i64| {
        let hints = hints();
        sold_out(&hints, 0, cups);
        sold_out(&hints, 1, tea);
        let mut refused = None;
        placing(&hints, |placement| {
            refused = placement.refused_from_memory(NOW);
        });
        refused.map(|item| PRODUCTS.map(|(sku, _)| number_of(&item, sku).unwrap()))
    };
    assert_eq!(refused(0, 0), Some([0, 0]));
    assert_eq!(refused(0, 1), Some([0, 1]));
    for (cups, tea) in [(0, 2), (0, 3), (1, 1), (2, 0)] {
        assert_eq!(refused(cups, tea), None, "{cups} cups, {tea} packs of tea");
    }
}

#[test]
fn an_order_is_refused_from_memory_only_if_all_its_products_were_sold_out() {
    let hints = hints();
    sold_out(&hints, 1, 0);
    placing(&hints, |placement| {
        assert_eq!(placement.refused_from_memory(NOW), None);
    });
}

#[test]
fn a_read_of_all_shards_is_remembered_with_those_that_had_too_few() {
    let shard = |available: i64| Shard {
        available,
        unsold: available,
        version: 1,
        details_version: 1,
    };
    let hints = hints();
    placing(&hints, |placement| {
        let tea = &placement.draft.lines[1].sku;
        placement.note(tea, 4, &[3, 4, 5].map(shard), NOW);
    });
    assert_eq!(hints.shards("TEA-01", NOW), Some(3));
    assert_eq!(hints.available("TEA-01", NOW), Some(12));
    let chosen = (0..99).map(|it| hints.choose("TEA-01", &format!("ord_{it}"), 0, NOW));
    assert_eq!(chosen.collect::<BTreeSet<u32>>(), [1, 2].into());
}
