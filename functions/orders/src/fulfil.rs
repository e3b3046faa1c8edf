//! Fulfils an order: its goods leave, and their stock with them.

use once::{Effect, Item, Session, number, text};
use shared::caller::Caller;

use crate::answer::{Answer, Outcome};
use crate::body;
use crate::change::{Change, Next, change, next_version};
use crate::error::Error;
use crate::fault::Fault;
use crate::moment::Moment;
use crate::order::{Order, OrderLine};
use crate::order_id::OrderId;
use crate::precondition::Precondition;
use crate::product::stock_key;
use crate::status::Status;
use crate::text::Text;

/// The scope of the service that ships goods. It acts on any customer's order.
pub(crate) const SCOPE_FULFIL: &str = "orders:fulfil";

const FULFIL: &str = "SET #status = :status, fulfilled_at = :now, \
    fulfilment_reference = :reference, version = :next";

/// Moves a quantity from what orders hold to what was shipped. Items of the first
/// release lack `shipped`, which counts as 0.
const SHIP: &str = "SET taken = taken - :q, shipped = if_not_exists(shipped, :zero) + :q, \
    version = version + :one";

/// The order holds this stock until it is fulfilled or cancelled.
const SHIP_CONDITION: &str = "taken >= :q";

/// The service's name for a fulfilment, such as a parcel's number. It is the
/// idempotency key of the fulfilment. Two orders may have the same one, because a
/// parcel can carry both.
pub(crate) type FulfilmentReference = Text<255>;

/// Parses the body of `POST /orders/{id}/fulfil`.
///
/// # Errors
/// Returns all faults, each with its JSON pointer.
pub(crate) fn parse(body: &[u8]) -> Result<FulfilmentReference, Vec<Fault>> {
    body::read(body, |mut object, faults| {
        let reference = object.text("reference", faults);
        object.end(faults);
        reference
    })
}

/// Fulfils a confirmed order. From then on it can no longer be cancelled.
///
/// # Errors
/// There is no such order, it is not confirmed, it was fulfilled under another
/// reference, cancelled or has expired, or it has changed.
pub(crate) async fn fulfil(
    session: &Session<'_>,
    caller: &Caller,
    id: &OrderId,
    reference: &FulfilmentReference,
    precondition: &Precondition,
) -> Result<Answer, Error> {
    if !caller.may(SCOPE_FULFIL) {
        return Err(Error::Forbidden(SCOPE_FULFIL));
    }
    let now = Moment::from(session.world().now());
    let changed = change(session, id, |order| {
        decide(order, reference, precondition, now)
    });
    changed.await?.answer(Outcome::Fulfilled)
}

fn decide(
    order: &Order,
    reference: &FulfilmentReference,
    precondition: &Precondition,
    now: Moment,
) -> Result<Next, Error> {
    match order.status {
        Status::Fulfilled if order.fulfilment_reference.as_deref() == Some(reference.as_str()) => {
            return Ok(Next::Already);
        }
        Status::Fulfilled => return Err(Error::AlreadyFulfilled),
        Status::Pending => return Err(Error::NotConfirmed),
        Status::Cancelled => return Err(Error::OrderCancelled),
        Status::Expired => return Err(Error::Expired),
        Status::Confirmed => {}
    }
    if !precondition.allows(order.version) {
        return Err(Error::Stale("If-Match"));
    }
    Ok(Next::Write(Box::new(fulfilled(order, reference, now))))
}

fn fulfilled(order: &Order, reference: &FulfilmentReference, now: Moment) -> Change {
    let values = Item::from([
        (":status".to_owned(), text(Status::Fulfilled.as_str())),
        (":reference".to_owned(), text(reference.as_str())),
        (":now".to_owned(), text(now.stored())),
    ]);
    Change {
        update: next_version(order, FULFIL, values),
        mark: None,
        effects: order.lines.iter().flat_map(ship).collect(),
        marked: Error::OutcomeUnknown,
        order: Order {
            status: Status::Fulfilled,
            fulfilled_at: Some(now),
            fulfilment_reference: Some(reference.as_str().to_owned()),
            version: order.version + 1,
            ..order.clone()
        },
    }
}

fn ship(line: &OrderLine) -> impl Iterator<Item = Effect> {
    line.allocations.iter().map(|allocation| Effect {
        key: stock_key(&line.sku, allocation.shard),
        update: SHIP,
        condition: SHIP_CONDITION.into(),
        names: &[],
        values: Item::from([
            (":q".to_owned(), number(allocation.quantity)),
            (":zero".to_owned(), number(0)),
            (":one".to_owned(), number(1)),
        ]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::{NOW, order};

    fn decided(status: Status, shipped_as: Option<&str>, if_match: i64) -> Result<Next, Error> {
        let order = Order {
            status,
            fulfilment_reference: shipped_as.map(str::to_owned),
            version: 2,
            ..order()
        };
        let precondition = Precondition::Versions(vec![if_match]);
        decide(&order, &"parcel 7".parse().unwrap(), &precondition, NOW)
    }

    #[test]
    fn a_confirmed_order_ships_what_each_allocation_took() {
        let Ok(Next::Write(change)) = decided(Status::Confirmed, None, 2) else {
            panic!("the order is not changed");
        };
        let fulfilled = Order {
            status: Status::Fulfilled,
            fulfilled_at: Some(NOW),
            fulfilment_reference: Some("parcel 7".to_owned()),
            version: 3,
            ..order()
        };
        assert_eq!(change.order, fulfilled);
        assert_eq!(change.update.condition, crate::change::UNCHANGED);
        assert_eq!(change.effects.len(), order().lines.len());
        assert!(
            change
                .effects
                .iter()
                .all(|it| it.condition == SHIP_CONDITION)
        );
    }

    #[test]
    fn a_repeated_fulfilment_is_answered_whatever_if_match_says() {
        let again = decided(Status::Fulfilled, Some("parcel 7"), 1);
        assert_eq!(again, Ok(Next::Already));
        let other = decided(Status::Fulfilled, Some("parcel 8"), 1);
        assert_eq!(other, Err(Error::AlreadyFulfilled));
    }

    #[test]
    fn only_a_confirmed_order_can_be_fulfilled_whatever_if_match_says() {
        for (status, error) in [
            (Status::Pending, Error::NotConfirmed),
            (Status::Cancelled, Error::OrderCancelled),
            (Status::Expired, Error::Expired),
        ] {
            assert_eq!(decided(status, None, 1), Err(error));
        }
    }

    #[test]
    fn a_stale_if_match_stops_a_confirmed_order() {
        let stale = decided(Status::Confirmed, None, 1);
        assert_eq!(stale, Err(Error::Stale("If-Match")));
    }
}
