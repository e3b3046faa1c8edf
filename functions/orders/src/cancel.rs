//! Cancels an order for its customer.

use once::Session;
use shared::caller::Caller;

use crate::answer::{Answer, Outcome};
use crate::body;
use crate::change::{Next, change};
use crate::customer::Customer;
use crate::error::Error;
use crate::fault::Fault;
use crate::moment::Moment;
use crate::order::Order;
use crate::order_id::OrderId;
use crate::precondition::Precondition;
use crate::release;
use crate::status::Status;

/// The scope of the staff who cancel any customer's order.
const SCOPE_CANCEL_ANY: &str = "orders:cancel:any";

/// Parses the body of `POST /orders/{id}/cancel`: `{}`. The body is optional.
///
/// # Errors
/// The body is not an empty object.
pub(crate) fn parse(body: &[u8]) -> Result<(), Vec<Fault>> {
    body::read(body, |object, faults| {
        object.end(faults);
        Some(())
    })
}

/// Cancels the caller's order, or any with [`SCOPE_CANCEL_ANY`], and gives its stock
/// back. A confirmed order can be cancelled, too: the payment service then makes the
/// refund. A fulfilled order cannot.
///
/// # Errors
/// There is no such order, it is fulfilled or has expired, or it has changed.
pub(crate) async fn cancel(
    session: &Session<'_>,
    caller: &Caller,
    id: &OrderId,
    precondition: &Precondition,
) -> Result<Answer, Error> {
    let customer = Customer::try_from(caller)?;
    let any = caller.may(SCOPE_CANCEL_ANY);
    let now = Moment::from(session.world().now());
    let changed = change(session, id, |order| {
        if order.owner != customer.as_str() && !any {
            return Err(Error::NotFound("order"));
        }
        decide(order, precondition, now)
    });
    changed.await?.answer(Outcome::Cancelled)
}

fn decide(order: &Order, precondition: &Precondition, now: Moment) -> Result<Next, Error> {
    match order.status {
        Status::Cancelled => return Ok(Next::Already),
        Status::Expired => return Err(Error::Expired),
        Status::Fulfilled => return Err(Error::OrderFulfilled),
        Status::Pending | Status::Confirmed => {}
    }
    if !precondition.allows(order.version) {
        return Err(Error::Stale("If-Match"));
    }
    Ok(Next::Write(Box::new(release::cancelled(order, now))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::{NOW, order};

    fn decided(status: Status, if_match: i64) -> Result<Next, Error> {
        let order = Order { status, ..order() };
        let precondition = Precondition::Versions(vec![if_match]);
        decide(&order, &precondition, NOW)
    }

    #[test]
    fn a_cancelled_order_gives_back_what_each_allocation_took() {
        for status in [Status::Pending, Status::Confirmed] {
            let Ok(Next::Write(change)) = decided(status, 1) else {
                panic!("the order is not changed");
            };
            assert_eq!(change.order.status, Status::Cancelled);
            assert_eq!(change.effects.len(), order().lines.len());
        }
    }

    #[test]
    fn only_an_order_that_can_be_cancelled_needs_a_matching_if_match() {
        assert_eq!(decided(Status::Cancelled, 7), Ok(Next::Already));
        assert_eq!(decided(Status::Expired, 7), Err(Error::Expired));
        assert_eq!(decided(Status::Fulfilled, 7), Err(Error::OrderFulfilled));
        let stale = Err(Error::Stale("If-Match"));
        assert_eq!(decided(Status::Pending, 7), stale);
    }

    #[test]
    fn a_body_that_is_not_an_empty_object_is_a_fault() {
        assert!(parse(b" {} ").is_ok());
        assert!(parse(b"{\"reason\": \"late\"}").is_err());
        assert!(parse(b"[]").is_err());
    }
}
