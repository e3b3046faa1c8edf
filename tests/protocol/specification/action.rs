//! What customers and staff can do, and how random actions are generated.

use proptest::prelude::*;

pub(super) const SKUS: [&str; 3] = ["A", "B", "C"];
pub(super) const CUSTOMERS: [&str; 2] = ["one", "other"];

/// One action. Its numbers are small, so that actions often meet.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Describe {
        sku: usize,
        price: i64,
        sellable: bool,
        if_match: Option<i64>,
    },
    Adjust {
        sku: usize,
        key: u8,
        delta: i64,
    },
    Place {
        customer: usize,
        key: u8,
        lines: Vec<(usize, i64)>,
        price: i64,
    },
    Confirm {
        order: usize,
        payment: u8,
        if_match: Option<i64>,
    },
    Cancel {
        customer: usize,
        order: usize,
        if_match: Option<i64>,
    },
    Read {
        customer: usize,
        order: usize,
    },
    Pass,
    Sweep,
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    let sku = 0..SKUS.len();
    let customer = 0..CUSTOMERS.len();
    let if_match = || prop_oneof![3 => Just(None), 1 => (1_i64..4).prop_map(Some)];
    let price = prop_oneof![9 => Just(500_i64), 1 => Just(600)];
    prop_oneof![
        2 => (sku.clone(), price.clone(), prop::bool::weighted(0.9), if_match())
            .prop_map(|(sku, price, sellable, if_match)| Action::Describe { sku, price, sellable, if_match }),
        4 => (sku.clone(), 0_u8..6, -4_i64..10)
            .prop_filter("an adjustment moves something", |(_, _, delta)| *delta != 0)
            .prop_map(|(sku, key, delta)| Action::Adjust { sku, key, delta }),
        8 => (customer.clone(), 0_u8..8, prop::collection::vec((sku, 1_i64..4), 1..4), price)
            .prop_map(|(customer, key, lines, price)| Action::Place { customer, key, lines, price }),
        3 => (0_usize..8, 0_u8..4, if_match())
            .prop_map(|(order, payment, if_match)| Action::Confirm { order, payment, if_match }),
        3 => (customer.clone(), 0_usize..8, if_match())
            .prop_map(|(customer, order, if_match)| Action::Cancel { customer, order, if_match }),
        2 => (customer, 0_usize..8).prop_map(|(customer, order)| Action::Read { customer, order }),
        1 => Just(Action::Pass),
        1 => Just(Action::Sweep),
    ]
}
