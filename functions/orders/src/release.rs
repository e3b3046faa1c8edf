//! Gives an order's stock back when it is cancelled or expires.

use once::{Effect, Item, number, text};

use crate::change::{Change, next_version};
use crate::error::Error;
use crate::moment::Moment;
use crate::order::{Allocation, Order, OrderLine};
use crate::product::stock_key;
use crate::status::Status;

/// Gives a quantity back to the shard that it was taken from.
const RELEASE: &str =
    "SET available = available + :q, taken = taken - :q, version = version + :one";

/// An order's stock is taken until it is given back. So this fails only if it was given
/// back before: then the order must not change either.
const RELEASE_CONDITION: &str = "taken >= :q";

const CANCEL: &str = "SET #status = :status, cancelled_at = :now, version = :next \
    REMOVE expiry_shard";

const EXPIRE: &str = "SET #status = :status, expired_at = :now, version = :next \
    REMOVE expiry_shard";

/// Cancels an order and gives its stock back.
pub(crate) fn cancelled(order: &Order, now: Moment) -> Change {
    let cancelled = Order {
        cancelled_at: Some(now),
        ..order.clone()
    };
    released(order, cancelled, Status::Cancelled, CANCEL, now)
}

/// Expires an order and gives its stock back.
pub(crate) fn expired(order: &Order, now: Moment) -> Change {
    let expired = Order {
        expired_at: Some(now),
        ..order.clone()
    };
    released(order, expired, Status::Expired, EXPIRE, now)
}

fn released(
    order: &Order,
    after: Order,
    status: Status,
    update: &'static str,
    now: Moment,
) -> Change {
    let values = Item::from([
        (":status".to_owned(), text(status.as_str())),
        (":now".to_owned(), text(now.stored())),
    ]);
    Change {
        update: next_version(order, update, values),
        mark: None,
        effects: order.lines.iter().flat_map(release).collect(),
        marked: Error::OutcomeUnknown,
        order: Order {
            status,
            expiry_shard: None,
            version: order.version + 1,
            ..after
        },
    }
}

fn release(line: &OrderLine) -> impl Iterator<Item = Effect> {
    line.allocations
        .iter()
        .map(|allocation| release_from(line, *allocation))
}

fn release_from(line: &OrderLine, allocation: Allocation) -> Effect {
    Effect {
        key: stock_key(&line.sku, allocation.shard),
        update: RELEASE,
        condition: RELEASE_CONDITION.into(),
        names: &[],
        values: Item::from([
            (":q".to_owned(), number(allocation.quantity)),
            (":one".to_owned(), number(1)),
        ]),
    }
}
