//! Confirms an order, by the payment that was made for it.

use once::{Item, Session, text, value_digest};
use shared::caller::Caller;

use crate::answer::{Answer, Outcome};
use crate::body::{self, Object};
use crate::change::{Change, Next, change, next_version};
use crate::error::Error;
use crate::fault::{Fault, Faults};
use crate::moment::Moment;
use crate::order::Order;
use crate::order_id::OrderId;
use crate::precondition::Precondition;
use crate::product::Currency;
use crate::status::Status;
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

/// A payment that was made for an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Payment {
    reference: PaymentReference,
    /// How much was paid, if the payment service says so.
    amount: Option<Amount>,
}

/// A sum of money, in the currency's smallest unit.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Amount {
    amount: i64,
    currency: Currency,
}

/// Parses the body of `POST /orders/{id}/confirm`.
///
/// # Errors
/// Returns all faults, each with its JSON pointer.
pub(crate) fn parse(body: &[u8]) -> Result<Payment, Vec<Fault>> {
    body::read(body, |mut object, faults| {
        let reference = object.text("payment_reference", faults);
        let amount = Amount::take(&mut object, faults);
        object.end(faults);
        Some(Payment {
            reference: reference?,
            amount,
        })
    })
}

impl Amount {
    /// Takes `amount` and `currency`, which come together or not at all.
    fn take(object: &mut Object<'_>, faults: &mut Faults) -> Option<Self> {
        let given = (object.has("amount"), object.has("currency"));
        let amount = object.optional_integer("amount", &(0..=i64::MAX), faults);
        let currency = object.optional_text("currency", faults);
        match given {
            (true, false) => faults.add("/currency", "is required with amount"),
            (false, true) => faults.add("/amount", "is required with currency"),
            (true, true) | (false, false) => {}
        }
        Some(Self {
            amount: amount?,
            currency: currency?,
        })
    }
}

/// Confirms an order that still holds its stock, even after the end of the hold: no
/// clock decides.
///
/// # Errors
/// There is no such order, it was confirmed by another payment, it was cancelled or
/// has expired before it was paid, its total is not the payment's amount, it has
/// changed, or the payment confirmed another order.
pub(crate) async fn confirm(
    session: &Session<'_>,
    caller: &Caller,
    id: &OrderId,
    payment: &Payment,
    precondition: &Precondition,
) -> Result<Answer, Error> {
    if !caller.may(SCOPE_CONFIRM) {
        return Err(Error::Forbidden(SCOPE_CONFIRM));
    }
    let now = Moment::from(session.world().now());
    let changed = change(session, id, |order| {
        decide(order, payment, precondition, now)
    });
    changed.await?.answer(Outcome::Confirmed)
}

fn decide(
    order: &Order,
    payment: &Payment,
    precondition: &Precondition,
    now: Moment,
) -> Result<Next, Error> {
    // The order keeps its payment when it is fulfilled or cancelled later. So a repeat
    // whose first answer was lost learns that the payment was taken.
    match &order.payment_reference {
        Some(paid_by) if paid_by == payment.reference.as_str() => return Ok(Next::Already),
        Some(_) => return Err(Error::AlreadyConfirmed),
        None => {}
    }
    match order.status {
        Status::Confirmed | Status::Fulfilled => return Err(Error::AlreadyConfirmed),
        Status::Cancelled => return Err(Error::CancelledUnpaid),
        Status::Expired => return Err(Error::ExpiredUnpaid),
        Status::Pending => {}
    }
    if let Some(paid) = &payment.amount
        && (paid.amount != order.total || paid.currency != order.currency)
    {
        return Err(Error::AmountDiffers {
            total: order.total,
            currency: order.currency.clone(),
        });
    }
    if !precondition.allows(order.version) {
        return Err(Error::Stale("If-Match"));
    }
    let change = confirmed(order, &payment.reference, now);
    Ok(Next::Write(Box::new(change)))
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

    fn payment(amount: Option<(i64, &str)>) -> Payment {
        Payment {
            reference: "pay_1".parse().unwrap(),
            amount: amount.map(|(amount, currency)| Amount {
                amount,
                currency: currency.parse().unwrap(),
            }),
        }
    }

    fn decided(status: Status, paid_by: Option<&str>, if_match: &[i64]) -> Result<Next, Error> {
        let order = Order {
            status,
            payment_reference: paid_by.map(str::to_owned),
            version: 2,
            ..order()
        };
        let precondition = Precondition::Versions(if_match.to_vec());
        decide(&order, &payment(None), &precondition, NOW)
    }

    #[test]
    fn a_pending_order_is_confirmed_at_the_version_that_was_read() {
        let Ok(Next::Write(change)) = decided(Status::Pending, None, &[2]) else {
            panic!("the order is not changed");
        };
        let confirmed = Order {
            status: Status::Confirmed,
            payment_reference: Some("pay_1".to_owned()),
            confirmed_at: Some(NOW),
            expiry_shard: None,
            version: 3,
            ..order()
        };
        assert_eq!(change.order, confirmed);
        assert_eq!(change.update.condition, crate::change::UNCHANGED);
        assert!(change.effects.is_empty(), "no stock moves");
    }

    #[test]
    fn a_repeated_confirmation_is_answered_from_every_status_that_can_follow() {
        for status in [Status::Confirmed, Status::Fulfilled, Status::Cancelled] {
            let again = decided(status, Some("pay_1"), &[1]);
            assert_eq!(again, Ok(Next::Already), "{status:?}");
            let other = decided(status, Some("pay_2"), &[1]);
            assert_eq!(other, Err(Error::AlreadyConfirmed), "{status:?}");
        }
    }

    #[test]
    fn an_order_that_ended_without_a_payment_says_so_whatever_if_match_says() {
        let cancelled = decided(Status::Cancelled, None, &[1]);
        assert_eq!(cancelled, Err(Error::CancelledUnpaid));
        let expired = decided(Status::Expired, None, &[1]);
        assert_eq!(expired, Err(Error::ExpiredUnpaid));
    }

    #[test]
    fn a_stale_if_match_stops_a_pending_order() {
        let stale = decided(Status::Pending, None, &[1]);
        assert_eq!(stale, Err(Error::Stale("If-Match")));
    }

    #[test]
    fn a_payment_of_another_amount_or_currency_does_not_confirm() {
        let order = order();
        let decided = |amount, order| decide(order, &payment(amount), &Precondition::None, NOW);
        let right = decided(Some((order.total, "KRW")), &order);
        assert!(matches!(right, Ok(Next::Write(_))), "{right:?}");
        let differs = Error::AmountDiffers {
            total: order.total,
            currency: order.currency.clone(),
        };
        for wrong in [(order.total - 1, "KRW"), (order.total, "USD")] {
            assert_eq!(decided(Some(wrong), &order), Err(differs.clone()));
        }
        // A repeat is answered before its amount is judged.
        let paid = Order {
            status: Status::Confirmed,
            payment_reference: Some("pay_1".to_owned()),
            ..order.clone()
        };
        assert_eq!(decided(Some((1, "USD")), &paid), Ok(Next::Already));
    }

    #[test]
    fn an_amount_and_its_currency_come_together() {
        let faults = |more: &str| {
            let body = format!(r#"{{"payment_reference": "pay_1"{more}}}"#);
            parse(body.as_bytes()).map_err(|faults| faults.len())
        };
        assert_eq!(faults(""), Ok(payment(None)));
        let both = r#", "amount": 39900, "currency": "KRW""#;
        assert_eq!(faults(both), Ok(payment(Some((39_900, "KRW")))));
        assert_eq!(faults(r#", "amount": 39900"#), Err(1));
        assert_eq!(faults(r#", "currency": "KRW""#), Err(1));
        assert_eq!(faults(r#", "amount": 1.5, "currency": "KRW""#), Err(1));
        assert_eq!(faults(r#", "amount": null, "currency": "KRW""#), Err(1));
        assert_eq!(faults(r#", "amount": -1, "currency": "krw""#), Err(2));
    }
}
