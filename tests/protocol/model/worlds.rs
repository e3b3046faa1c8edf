//! The worlds that are explored: small enough for every path, and large enough for every race that
//! the protocol must survive.

use super::handler::Task;
use super::protocol::{Client, Protocol};
use super::record::{Intent, Lines, Standing};
use super::state::Faults;

/// One unit of the first product.
const ONE: Lines = [1, 0];

const TWO: Lines = [2, 0];

const fn client(attempts: u8, task: Task) -> Client {
    Client { task, attempts }
}

pub(super) const fn order(key: u8, lines: Lines) -> Task {
    Task::Make(Intent::Order {
        key,
        lines,
        offer: 0,
    })
}

const fn adjust(key: u8, delta: i8) -> Task {
    let sku = 0;
    Task::Make(Intent::Adjustment { key, sku, delta })
}

const fn fulfil(key: u8, parcel: u8) -> Task {
    Task::Fulfil { key, parcel }
}

/// A return from the first order, under a key.
const fn give(key: u8, lines: Lines, restock: bool) -> Task {
    Task::Make(Intent::Return {
        key,
        order: 0,
        lines,
        restock,
    })
}

const SELL_AGAIN: bool = true;
const WRITE_OFF: bool = false;

const fn faults(resends: u8, copies: u8) -> Faults {
    Faults {
        resends,
        copies,
        deletions: 0,
        offers: 0,
    }
}

/// Three handlers at once under one key, and two that come later.
pub(super) fn one_key() -> Protocol {
    Protocol {
        clients: vec![
            client(2, order(0, ONE)),
            client(2, order(0, ONE)),
            client(1, order(0, ONE)),
        ],
        stock: ONE,
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// The world of [`one_key`] without the third client.
pub(super) fn two_handlers() -> Protocol {
    let mut world = one_key();
    world.clients.truncate(2);
    world
}

/// Two customers and the last unit.
pub(super) fn last_unit() -> Protocol {
    Protocol {
        clients: vec![client(2, order(0, ONE)), client(2, order(1, ONE))],
        stock: ONE,
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// An order without enough stock, and a delivery at the same time.
pub(super) fn restock() -> Protocol {
    Protocol {
        clients: vec![
            client(2, order(0, ONE)),
            client(1, order(0, ONE)),
            client(1, adjust(0, 1)),
        ],
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// One key for two different orders.
pub(super) fn changed_body() -> Protocol {
    Protocol {
        clients: vec![client(2, order(0, ONE)), client(2, order(0, [2, 0]))],
        stock: [2, 0],
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// An order of two products, one of which may be sold out.
pub(super) fn two_products() -> Protocol {
    Protocol {
        clients: vec![client(2, order(0, [1, 1])), client(2, order(1, [0, 1]))],
        stock: [1, 1],
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// A pending order that is confirmed, cancelled and expired at once.
pub(super) fn fates() -> Protocol {
    let key = 0;
    Protocol {
        clients: vec![
            client(2, Task::Confirm { key, payment: 0 }),
            client(2, Task::Cancel { key }),
            client(1, Task::Expire { key }),
        ],
        placed: vec![(ONE, Standing::Pending)],
        faults: faults(1, 0),
        ..Protocol::default()
    }
}

/// A payment for two orders, and two payments for an order.
pub(super) fn payments() -> Protocol {
    let confirm = |key, payment| Task::Confirm { key, payment };
    Protocol {
        clients: vec![
            client(2, confirm(0, 0)),
            client(2, confirm(1, 0)),
            client(1, confirm(1, 1)),
        ],
        placed: vec![(ONE, Standing::Pending); 2],
        faults: faults(1, 0),
        ..Protocol::default()
    }
}

/// Deliveries and losses, repeated, while an order is placed.
pub(super) fn adjustments() -> Protocol {
    Protocol {
        clients: vec![
            client(2, adjust(0, 1)),
            client(1, adjust(1, -1)),
            client(1, order(0, ONE)),
        ],
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// A refusal that is deleted, and its key that is used again.
pub(super) fn deletion() -> Protocol {
    Protocol {
        clients: vec![
            client(3, order(0, ONE)),
            client(1, order(0, ONE)),
            client(1, adjust(0, 1)),
        ],
        faults: Faults {
            deletions: 1,
            ..faults(0, 1)
        },
        ..Protocol::default()
    }
}

/// A product whose description changes while it is ordered.
pub(super) fn offers() -> Protocol {
    Protocol {
        clients: vec![client(2, order(0, ONE)), client(2, order(1, ONE))],
        stock: ONE,
        faults: Faults {
            offers: 1,
            ..faults(0, 1)
        },
        ..Protocol::default()
    }
}

/// Redis, with locks that expire and remembered answers that are forgotten.
pub(super) fn redis() -> Protocol {
    Protocol {
        clients: vec![client(2, order(0, ONE)), client(2, order(1, ONE))],
        stock: ONE,
        redis: true,
        faults: faults(0, 1),
        ..Protocol::default()
    }
}

/// Redis, with remembered answers and a refusal that is deleted.
pub(super) fn redis_and_deletion() -> Protocol {
    let mut world = deletion();
    world.clients.remove(1);
    Protocol {
        redis: true,
        ..world
    }
}

/// A paid order that is fulfilled, cancelled, and confirmed once more by the same payment.
/// The other order holds stock of the same product.
pub(super) fn fulfil_or_cancel() -> Protocol {
    let key = 0;
    Protocol {
        clients: vec![
            client(2, fulfil(key, 0)),
            client(2, Task::Cancel { key }),
            client(1, Task::Confirm { key, payment: 0 }),
        ],
        placed: vec![(ONE, Standing::Confirmed), (ONE, Standing::Pending)],
        faults: faults(1, 0),
        ..Protocol::default()
    }
}

/// A pending order that is confirmed, fulfilled and expired at once.
pub(super) fn fulfil_or_expire() -> Protocol {
    let key = 0;
    Protocol {
        clients: vec![
            client(2, Task::Confirm { key, payment: 0 }),
            client(2, fulfil(key, 0)),
            client(1, Task::Expire { key }),
        ],
        placed: vec![(ONE, Standing::Pending)],
        faults: faults(1, 0),
        ..Protocol::default()
    }
}

/// An order that is fulfilled by several with the same reference, and by one with another.
/// The other order holds stock of the same product.
pub(super) fn parcels() -> Protocol {
    Protocol {
        clients: vec![
            client(2, fulfil(0, 0)),
            client(1, fulfil(0, 0)),
            client(2, fulfil(0, 1)),
        ],
        placed: vec![(ONE, Standing::Confirmed); 2],
        faults: faults(1, 0),
        ..Protocol::default()
    }
}

/// A return under one key by two handlers at once, and another return under the same key.
pub(super) fn one_return() -> Protocol {
    Protocol {
        clients: vec![
            client(2, give(0, ONE, SELL_AGAIN)),
            client(1, give(0, ONE, SELL_AGAIN)),
            client(1, give(0, ONE, WRITE_OFF)),
        ],
        placed: vec![(TWO, Standing::Fulfilled)],
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// Two returns, sold again and written off, of which only one fits. The other order was shipped
/// too.
pub(super) fn two_returns() -> Protocol {
    Protocol {
        clients: vec![
            client(2, give(0, ONE, SELL_AGAIN)),
            client(2, give(1, ONE, WRITE_OFF)),
        ],
        placed: vec![(ONE, Standing::Fulfilled); 2],
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// A return of two products, a part of each, against a return of the rest.
pub(super) fn parts() -> Protocol {
    Protocol {
        clients: vec![
            client(2, give(0, [1, 1], SELL_AGAIN)),
            client(2, give(1, [1, 0], WRITE_OFF)),
        ],
        placed: vec![([2, 1], Standing::Fulfilled)],
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// A return from an order that may not be fulfilled yet.
pub(super) fn early_return() -> Protocol {
    Protocol {
        clients: vec![
            client(2, give(0, ONE, SELL_AGAIN)),
            client(1, give(0, ONE, SELL_AGAIN)),
            client(1, fulfil(0, 0)),
        ],
        placed: vec![(ONE, Standing::Confirmed)],
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// A return for sale, a loss, and an order for the unit that came back.
pub(super) fn sold_again() -> Protocol {
    Protocol {
        clients: vec![
            client(2, give(0, ONE, SELL_AGAIN)),
            client(1, adjust(0, -1)),
            client(2, order(1, ONE)),
        ],
        placed: vec![(ONE, Standing::Fulfilled)],
        faults: faults(0, 1),
        ..Protocol::default()
    }
}

/// An order that is fulfilled and comes back, while another is placed.
pub(super) fn there_and_back() -> Protocol {
    Protocol {
        clients: vec![
            client(1, fulfil(0, 0)),
            client(2, give(0, ONE, SELL_AGAIN)),
            client(2, order(1, ONE)),
        ],
        placed: vec![(ONE, Standing::Confirmed)],
        faults: faults(0, 1),
        ..Protocol::default()
    }
}

/// Everything from the order to its end, at the same time. It takes minutes.
pub(super) fn everything() -> Protocol {
    let key = 0;
    Protocol {
        clients: vec![
            client(2, order(key, ONE)),
            client(1, order(1, ONE)),
            client(1, Task::Confirm { key, payment: 0 }),
            client(1, Task::Cancel { key }),
            client(1, Task::Expire { key }),
        ],
        stock: ONE,
        faults: faults(1, 1),
        ..Protocol::default()
    }
}

/// Everything after the payment, at the same time.
pub(super) fn everything_after() -> Protocol {
    let key = 0;
    Protocol {
        clients: vec![
            client(1, fulfil(key, 0)),
            client(1, Task::Cancel { key }),
            client(2, give(0, ONE, SELL_AGAIN)),
            client(1, give(1, ONE, WRITE_OFF)),
            client(1, order(1, ONE)),
        ],
        placed: vec![(ONE, Standing::Confirmed)],
        faults: faults(0, 1),
        ..Protocol::default()
    }
}
