//! Confirms an order, by the payment that was made for it.

use once::{Item, Session, text, value_digest};
use shared::caller::Caller;

use crate::answer::{Answer, Outcome};
use crate::body;
use crate::change::{Change, Next, change, next_version};
use crate::error::Error;
use crate::fault::Fault;
use crate::moment::Moment;
use crate::order::{Order, Status};
use crate::order_id::OrderId;
use crate::precondition::Precondition;
use crate::text::Text;

/// The scope of the payment service, which acts on any customer's order.
const SCOPE_CONFIRM: &str = "orders:confirm";

/// Without its shard, an order is no longer in the sparse index of pending orders.
/// `hold_expires_at` stays: it is part of the answer.
const CONFIRM: &str = "SET #status = :confirmed, payment_reference = :reference, \
    confirmed_at = :now, version = :next REMOVE expiry_shard";

/// One payment confirms one order.
const UNUSED: &str = "attribute_not_exists(pk) OR order_id = :this";

/// The payment service's name for a payment, and the idempotency key of the
/// confirmation.
pub(crate) type PaymentReference = Text<255>;

/// Parses the body of `POST /orders/{id}/confirm`.
///
/// # Errors
/// Returns all faults, each with its JSON pointer.
pub(crate) fn parse(body: &[u8]) -> Result<PaymentReference, Vec<Fault>> {
    body::read(body, |mut object, faults| {
        let reference = object.text("payment_reference", faults);
        object.end(faults);
        reference
    })
}

/// Confirms an order that still holds its stock, even after the end of the hold: no
/// clock decides.
///
/// # Errors
/// There is no such order, it was cancelled, confirmed by another payment or
/// has expired, it has changed, or the payment confirmed another order.
pub(crate) async fn confirm(
    session: &Session<'_>,
    caller: &Caller,
    id: &OrderId,
    reference: &PaymentReference,
    precondition: &Precondition,
) -> Result<Answer, Error> {
    if !caller.may(SCOPE_CONFIRM) {
        return Err(Error::Forbidden(SCOPE_CONFIRM));
    }
    let now = Moment::from(session.world().now());
    let changed = change(session, id, |order| {
        decide(order, reference, precondition, now)
    });
    changed.await?.answer(Outcome::Confirmed)
}

fn decide(
    order: &Order,
    reference: &PaymentReference,
    precondition: &Precondition,
    now: Moment,
) -> Result<Next, Error> {
    match order.status {
        Status::Confirmed if order.payment_reference.as_deref() == Some(reference.as_str()) => {
            return Ok(Next::Already);
        }
        Status::Confirmed => return Err(Error::AlreadyConfirmed),
        Status::Cancelled => return Err(Error::OrderCancelled),
        Status::Expired => return Err(Error::Expired),
        Status::Pending => {}
    }
    if !precondition.allows(order.version) {
        return Err(Error::Stale("If-Match"));
    }
    Ok(Next::Write(Box::new(confirmed(order, reference, now))))
}

fn confirmed(order: &Order, reference: &PaymentReference, now: Moment) -> Change {
    let values = Item::from([
        (":confirmed".to_owned(), text(Status::Confirmed.as_str())),
        (":reference".to_owned(), text(reference.as_str())),
        (":now".to_owned(), text(now.stored())),
    ]);
    let payment = Item::from([
        (
            "pk".to_owned(),
            text(format!("PAY#{}", value_digest(reference.as_str()))),
        ),
        ("sk".to_owned(), text("PAYMENT")),
        ("order_id".to_owned(), text(order.id())),
    ]);
    let this = Item::from([(":this".to_owned(), text(order.id()))]);
    Change {
        update: next_version(order, CONFIRM, values),
        mark: Some((payment, UNUSED, this)),
        effects: Vec::new(),
        marked: Error::PaymentReferenceUsed,
        order: Order {
            status: Status::Confirmed,
            payment_reference: Some(reference.as_str().to_owned()),
            confirmed_at: Some(now),
            expiry_shard: None,
            version: order.version + 1,
            ..order.clone()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::{NOW, order};

    fn decided(status: Status, paid_by: Option<&str>, if_match: &[i64]) -> Result<Next, Error> {
        let order = Order {
            status,
            payment_reference: paid_by.map(str::to_owned),
            version: 2,
            ..order()
        };
        let precondition = Precondition::Versions(if_match.to_vec());
        decide(&order, &"pay_1".parse().unwrap(), &precondition, NOW)
    }

    #[test]
    fn a_pending_order_is_confirmed_at_the_version_that_was_read() {
        let Ok(Next::Write(change)) = decided(Status::Pending, None, &[2]) else {
            panic!("the order is not changed");
        };
        assert_eq!(change.order.version, 3);
        assert_eq!(change.order.expiry_shard, None);
        assert_eq!(change.update.condition, crate::change::UNCHANGED);
        assert!(change.effects.is_empty(), "no stock moves");
    }

    #[test]
    fn a_repeated_confirmation_is_answered_whatever_if_match_says() {
        assert_eq!(
            decided(Status::Confirmed, Some("pay_1"), &[1]),
            Ok(Next::Already)
        );
    }

    #[test]
    fn a_cancelled_expired_or_otherwise_paid_order_cannot_be_confirmed_whatever_if_match_says() {
        assert_eq!(
            decided(Status::Confirmed, Some("pay_2"), &[1]),
            Err(Error::AlreadyConfirmed)
        );
        assert_eq!(
            decided(Status::Cancelled, Some("pay_1"), &[1]),
            Err(Error::OrderCancelled)
        );
        assert_eq!(decided(Status::Expired, None, &[1]), Err(Error::Expired));
    }

    #[test]
    fn a_stale_if_match_stops_a_pending_order() {
        assert_eq!(
            decided(Status::Pending, None, &[1]),
            Err(Error::Stale("If-Match"))
        );
    }
}
