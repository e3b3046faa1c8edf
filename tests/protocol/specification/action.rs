//! What customers and staff can do, and how random actions are generated.

use proptest::prelude::*;

pub(super) const SKUS: [&str; 3] = ["A", "B", "C"];
pub(super) const CUSTOMERS: [&str; 2] = ["one", "other"];

const STATUSES: &[&str] = &["pending", "confirmed", "fulfilled", "cancelled", "expired"];

/// One action. Its numbers are small, so that actions often meet.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Describe {
        sku: usize,
        price: i64,
        sellable: bool,
        quantity_max: Option<i64>,
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
        extras: Extras,
    },
    Confirm {
        order: usize,
        payment: u8,
        amount: Amount,
        if_match: Option<i64>,
    },
    Fulfil {
        order: usize,
        parcel: u8,
        if_match: Option<i64>,
    },
    Return {
        order: usize,
        key: u8,
        lines: Vec<(usize, i64)>,
        restock: bool,
    },
    Cancel {
        /// The customer, or nobody if staff cancel it.
        customer: Option<usize>,
        order: usize,
        if_match: Option<i64>,
    },
    List {
        which: Which,
        status: Option<&'static str>,
        limit: usize,
    },
    Read {
        customer: usize,
        order: usize,
    },
    Pass,
    Sweep,
}

/// What an order carries for the shop.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Extras {
    pub(super) reference: Option<u8>,
    pub(super) metadata: Option<u8>,
}

/// What the payment service says about the amount of a payment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Amount {
    Unsaid,
    /// The order's total, and this much more.
    Total {
        more: i64,
    },
    /// The order's total in another currency.
    OtherCurrency,
}

/// The orders of a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    /// A customer's, listed by that customer.
    Own(usize),
    /// A customer's, listed by staff.
    Of(usize),
    /// Those of the day on which this order was placed, listed by staff.
    OnDayOf(usize),
}

fn extras() -> impl Strategy<Value = Extras> {
    let sometimes = || prop::option::weighted(0.2, 0_u8..2);
    (sometimes(), sometimes()).prop_map(|(reference, metadata)| Extras {
        reference,
        metadata,
    })
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        6 => Just(Amount::Unsaid),
        2 => Just(Amount::Total { more: 0 }),
        1 => Just(Amount::Total { more: 1 }),
        1 => Just(Amount::OtherCurrency),
    ]
}

fn list() -> impl Strategy<Value = Action> {
    let which = prop_oneof![
        1 => (0..CUSTOMERS.len()).prop_map(Which::Own),
        1 => (0..CUSTOMERS.len()).prop_map(Which::Of),
        2 => (0_usize..8).prop_map(Which::OnDayOf),
    ];
    let status = prop::option::of(prop::sample::select(STATUSES));
    (which, status, 1_usize..5).prop_map(|(which, status, limit)| Action::List {
        which,
        // Customers cannot select by status.
        status: status.filter(|_| !matches!(which, Which::Own(_))),
        limit,
    })
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    let sku = 0..SKUS.len();
    let customer = 0..CUSTOMERS.len();
    let if_match = || prop_oneof![3 => Just(None), 1 => (1_i64..4).prop_map(Some)];
    let lines = |count| prop::collection::vec((0..SKUS.len(), 1_i64..4), count);
    let price = prop_oneof![9 => Just(500_i64), 1 => Just(600)];
    prop_oneof![
        2 => (sku.clone(), price.clone(), prop::bool::weighted(0.9), prop::option::weighted(0.3, 1_i64..5), if_match())
            .prop_map(|(sku, price, sellable, quantity_max, if_match)| Action::Describe { sku, price, sellable, quantity_max, if_match }),
        4 => (sku.clone(), 0_u8..6, -4_i64..10)
            .prop_filter("an adjustment moves something", |(_, _, delta)| *delta != 0)
            .prop_map(|(sku, key, delta)| Action::Adjust { sku, key, delta }),
        8 => (customer.clone(), 0_u8..8, lines(1..4), price, extras())
            .prop_map(|(customer, key, lines, price, extras)| Action::Place { customer, key, lines, price, extras }),
        5 => (0_usize..8, 0_u8..6, amount(), if_match())
            .prop_map(|(order, payment, amount, if_match)| Action::Confirm { order, payment, amount, if_match }),
        4 => (0_usize..8, 0_u8..2, if_match())
            .prop_map(|(order, parcel, if_match)| Action::Fulfil { order, parcel, if_match }),
        4 => (0_usize..8, 0_u8..4, lines(1..3), any::<bool>())
            .prop_map(|(order, key, lines, restock)| Action::Return { order, key, lines, restock }),
        2 => (prop::option::weighted(0.7, customer.clone()), 0_usize..8, if_match())
            .prop_map(|(customer, order, if_match)| Action::Cancel { customer, order, if_match }),
        2 => list(),
        2 => (customer, 0_usize..8).prop_map(|(customer, order)| Action::Read { customer, order }),
        1 => Just(Action::Pass),
        1 => Just(Action::Sweep),
    ]
}
