//! A model of a product of several shards: orders that take from any of them, stock that moves
//! between them, and terms that reach them one by one.
//!
//! `table.rs` has the items and the writes, `buyer.rs` what an order does next, `world.rs` what can
//! happen, and `caught.rs` the wrong variants of the protocol, each of which breaks a property.

mod buyer;
mod caught;
mod table;
mod world;

use stateright::{Checker as _, Model as _};

use buyer::Buyer;
use table::{Shard, Table};
use world::{Budget, Rule, Staff, World};

/// Shards with so many pieces each.
fn stock(pieces: &[i8]) -> Table {
    let shard = |available: &i8| Shard {
        available: *available,
        received: *available,
        ..Shard::default()
    };
    Table::new(pieces.iter().map(shard).collect())
}

const fn buyer(key: u8, quantity: i8, hint: u8) -> Buyer {
    Buyer::new(key, quantity, hint)
}

/// Two orders of the last piece and a piece that comes back, in two shards.
fn last_piece() -> World {
    World {
        table: stock(&[1, 1]).with_order(1, 0),
        buyers: vec![buyer(0, 1, 2), buyer(2, 1, 2)],
        staff: vec![Staff::Cancel { key: 1 }],
        budget: Budget {
            lost: 1,
            copies: 1,
            busy: 1,
            ..Budget::default()
        },
        ..World::default()
    }
}

/// An order that needs the pieces of both shards, against one that takes one of them.
fn collected() -> World {
    World {
        table: stock(&[1, 1]),
        buyers: vec![buyer(0, 2, 2), buyer(1, 1, 1)],
        staff: vec![Staff::Move { from: 0, to: 1 }],
        budget: Budget {
            lost: 1,
            copies: 1,
            busy: 1,
            torn: 1,
            ..Budget::default()
        },
        ..World::default()
    }
}

/// Three shards between which stock moves, while an order looks for the only piece.
fn moved() -> World {
    World {
        table: stock(&[0, 0, 1]),
        buyers: vec![buyer(0, 1, 3)],
        staff: vec![
            Staff::Move { from: 2, to: 0 },
            Staff::Move { from: 0, to: 1 },
        ],
        budget: Budget {
            copies: 1,
            torn: 2,
            ..Budget::default()
        },
        ..World::default()
    }
}

/// A product that grows, while an order knows fewer or more shards than there are.
fn grown(hint: u8) -> World {
    World {
        table: stock(&[0, 1]),
        buyers: vec![buyer(0, 1, hint)],
        staff: vec![
            Staff::Describe { shards: 3 },
            Staff::Move { from: 1, to: 2 },
        ],
        budget: Budget {
            lost: 1,
            copies: 1,
            ..Budget::default()
        },
        ..World::default()
    }
}

/// A new price, half-way, while two orders are placed: one at the old price, one at the new one.
fn described() -> World {
    World {
        table: stock(&[1, 1]),
        buyers: vec![buyer(0, 1, 2), buyer(1, 1, 2).at_new_price()],
        staff: vec![Staff::Describe { shards: 2 }],
        budget: Budget {
            lost: 1,
            copies: 1,
            crashes: 1,
            ..Budget::default()
        },
        ..World::default()
    }
}

/// A new price, and an order at it whose handler dies and begins again. Only the last shard has a
/// piece.
fn described_again() -> World {
    World {
        table: stock(&[0, 0, 1]),
        buyers: vec![buyer(0, 1, 3).at_new_price()],
        staff: vec![Staff::Describe { shards: 3 }],
        budget: Budget {
            crashes: 1,
            ..Budget::default()
        },
        ..World::default()
    }
}

fn worlds() -> [(&'static str, World); 7] {
    [
        ("the last piece", last_piece()),
        ("collected", collected()),
        ("moved", moved()),
        ("grown, known too small", grown(1)),
        ("grown, known too large", grown(3)),
        ("described", described()),
        ("described again", described_again()),
    ]
}

#[test]
fn spread_stock_is_sold_soundly_on_every_path() {
    for (name, world) in worlds() {
        let checker = world.checker().spawn_bfs().join();
        println!("{name}: {} states", checker.unique_state_count());
        checker.assert_properties();
    }
}

#[test]
fn everything_that_the_model_is_about_happens_in_it() {
    for (name, world, goal) in [
        ("the last piece", last_piece(), "an order is refused"),
        ("collected", collected(), "an order is collected"),
        ("collected", collected(), "an order is refused"),
        ("moved", moved(), "an order is placed"),
        ("grown", grown(1), "an order is placed"),
        ("described", described(), "a shard follows for an order"),
        ("described", described(), "an order is refused"),
    ] {
        let world = World {
            goals: vec![goal],
            rule: Rule::Shipped,
            ..world
        };
        let checker = world.checker().spawn_bfs().join();
        assert!(checker.discovery(goal).is_some(), "{name}: {goal}");
    }
}
