//! Changes an order: read it, decide, write at the version that was read.
//!
//! ```text
//! read v ──► decide ──► write IF version = v ──► the order as written
//!              ▲               │ condition failed: another write came first
//!              └── the order as it is now ◄──┘
//! ```
//!
//! A transaction returns no values. Written this way, the answer and its ETag are
//! known without another read.

use http::StatusCode;
use once::{Action, Effect, Item, Pace, Reason, Session, number, text};

use crate::answer::{Answer, Outcome};
use crate::error::Error;
use crate::order::Order;
use crate::order_id::OrderId;
use crate::read;
use crate::record::Record;

/// The condition of every change: the order is as it was when it was judged.
pub(crate) const UNCHANGED: &str = "version = :read";

/// What to do with an order as it is now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    /// Nothing: it is already as requested.
    Already,
    /// Write this change.
    Write(Box<Change>),
}

/// A change of an order, with its effects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// The order after the change. Its version is one higher than before.
    pub(crate) order: Order,
    /// Writes the order under the condition [`UNCHANGED`].
    pub(crate) update: Effect,
    /// An item that is written with the change, such as a payment's, its
    /// condition, and the condition's values.
    pub(crate) mark: Option<(Item, &'static str, Item)>,
    /// What happens to stock.
    pub(crate) effects: Vec<Effect>,
    /// The error if the mark's condition fails.
    pub(crate) marked: Error,
}

/// An order after a change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Changed {
    /// The order as it is now.
    pub(crate) order: Order,
    /// Whether it was like this before.
    pub(crate) already: bool,
}

impl Changed {
    /// The answer to a change that the client asked for: the order as it is now.
    pub(crate) fn answer(&self, outcome: Outcome) -> Result<Answer, Error> {
        let order = &self.order;
        let outcome = if self.already {
            Outcome::Replayed
        } else {
            outcome
        };
        let answer = Answer::json(outcome, StatusCode::OK, &order.view())?;
        let answer = answer.etag(order.version);
        Ok(if self.already {
            answer.replayed().order_status(order.status.as_str())
        } else {
            answer
        })
    }
}

/// Changes the order with this id as `decide` says.
///
/// # Errors
/// The error of `decide`, there is no such order, or the outcome is unknown.
pub(crate) async fn change(
    session: &Session<'_>,
    id: &OrderId,
    decide: impl Fn(&Order) -> Result<Next, Error>,
) -> Result<Changed, Error> {
    let order = read::order(session, id).await?;
    change_from(session, order.ok_or(Error::NotFound("order"))?, decide).await
}

/// Changes an order that was read before.
///
/// # Errors
/// As [`change`].
pub(crate) async fn change_from(
    session: &Session<'_>,
    mut order: Order,
    decide: impl Fn(&Order) -> Result<Next, Error>,
) -> Result<Changed, Error> {
    let mut pace = Pace::default();
    loop {
        let change = match decide(&order)? {
            Next::Already => {
                return Ok(Changed {
                    order,
                    already: true,
                });
            }
            Next::Write(change) => change,
        };
        match write(session, &change, &mut pace).await? {
            Written::Done => {
                let order = change.order;
                return Ok(Changed {
                    order,
                    already: false,
                });
            }
            // An earlier attempt without an answer may have changed the order.
            // Then it is already as requested, and `decide` says so.
            Written::Changed(now) => order = *now,
            Written::Unread => order = read::again(session, &order).await?,
        }
    }
}

enum Written {
    Done,
    /// Another write came first. The order as it is now.
    Changed(Box<Order>),
    /// Another write came first, or the answer left the order out.
    Unread,
}

/// Writes a change. Repeats the transaction until its outcome is known.
async fn write(session: &Session<'_>, change: &Change, pace: &mut Pace) -> Result<Written, Error> {
    let mut actions = vec![Action::Update(&change.update)];
    if let Some((item, condition, values)) = &change.mark {
        let (condition, values) = (*condition, values.clone());
        actions.push(Action::Put {
            item,
            condition,
            values,
        });
    }
    actions.extend(change.effects.iter().map(Action::Update));
    let committed = || Written::Done;
    let cancelled = |reasons: &[Reason]| judge(reasons, change);
    let written = pace.transact(session, &actions, committed, cancelled);
    written.await?.ok_or_else(|| pace.gave_up(session).into())
}

/// Reads the reasons of a cancelled transaction, the order's own first. `None` asks
/// for another attempt.
fn judge(reasons: &[Reason], change: &Change) -> Result<Option<Written>, Error> {
    if let Some(Reason::ConditionFailed(item)) = reasons.first() {
        let Some(item) = item.clone() else {
            return Ok(Some(Written::Unread));
        };
        let order = Record::read(item)?.into_order();
        let order = order.ok_or(Error::NotFound("order"))?;
        return Ok(Some(Written::Changed(Box::new(order))));
    }
    if reasons
        .iter()
        .any(|reason| matches!(reason, Reason::Conflict | Reason::Throttled))
    {
        return Ok(None);
    }
    if change.mark.is_some() && matches!(reasons.get(1), Some(Reason::ConditionFailed(_))) {
        return Err(change.marked.clone());
    }
    match reasons.iter().find(|reason| **reason != Reason::None) {
        None => Ok(None),
        Some(reason) => Err(Error::Internal(format!(
            "a change was cancelled: {reason:?}"
        ))),
    }
}

/// The update of an order to its next version, with the values of `update`.
pub(crate) fn next_version(order: &Order, update: &'static str, mut values: Item) -> Effect {
    values.insert(":read".to_owned(), number(order.version));
    values.insert(":next".to_owned(), number(order.version + 1));
    Effect {
        key: Item::from([
            ("pk".to_owned(), text(&order.pk)),
            ("sk".to_owned(), text(&order.sk)),
        ]),
        update,
        condition: UNCHANGED.into(),
        names: &[("#status", "status")],
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::tests::{NOW, order};
    use crate::record::item_of;
    use crate::release;
    use crate::status::Status;

    /// A change with a mark or without one.
    fn change_of(marked: bool) -> Change {
        let mark = (Item::new(), "attribute_not_exists(pk)", Item::new());
        Change {
            mark: marked.then_some(mark),
            marked: Error::PaymentReferenceUsed,
            ..release::cancelled(&order(), NOW)
        }
    }

    fn judged(reasons: &[Reason], marked: bool) -> Result<Option<Written>, Error> {
        judge(reasons, &change_of(marked))
    }

    fn failed(item: Option<Item>) -> Reason {
        Reason::ConditionFailed(item)
    }

    #[test]
    fn the_order_itself_is_read_before_everything_else() {
        let now = Order {
            version: 9,
            ..order()
        };
        let reasons = [
            failed(Some(item_of(&now).unwrap())),
            failed(None),
            Reason::Conflict,
        ];
        let Ok(Some(Written::Changed(read))) = judged(&reasons, true) else {
            panic!("the order was not read");
        };
        assert_eq!(*read, now);
        let unread = judged(&[failed(None), Reason::Conflict], false);
        assert!(matches!(unread, Ok(Some(Written::Unread))));
    }

    #[test]
    fn another_write_or_throttling_asks_for_another_attempt() {
        for busy in [Reason::Conflict, Reason::Throttled] {
            let reasons = [Reason::None, failed(None), busy];
            assert!(matches!(judged(&reasons, true), Ok(None)));
        }
        assert!(matches!(
            judged(&[Reason::None, Reason::None], true),
            Ok(None)
        ));
    }

    #[test]
    fn a_mark_that_was_set_for_another_order_is_said_and_stock_that_cannot_move_is_a_defect() {
        let reasons = [Reason::None, failed(None)];
        assert!(matches!(
            judged(&reasons, true),
            Err(Error::PaymentReferenceUsed)
        ));
        // Without a mark, the second reason is of the stock.
        assert!(matches!(judged(&reasons, false), Err(Error::Internal(_))));
        let stock = [Reason::None, Reason::None, failed(None)];
        assert!(matches!(judged(&stock, true), Err(Error::Internal(_))));
    }

    #[test]
    fn a_change_goes_from_the_version_that_was_read_to_the_next() {
        let order = Order {
            version: 7,
            ..order()
        };
        let effect = next_version(&order, "SET version = :next", Item::new());
        assert_eq!(effect.condition, UNCHANGED);
        assert_eq!(effect.values[":read"], number(7));
        assert_eq!(effect.values[":next"], number(8));
        let cancelled = Order {
            status: Status::Cancelled,
            cancelled_at: Some(NOW),
            expiry_shard: None,
            version: 8,
            ..order.clone()
        };
        assert_eq!(release::cancelled(&order, NOW).order, cancelled);
        let expired = Order {
            status: Status::Expired,
            cancelled_at: None,
            expired_at: Some(NOW),
            ..cancelled
        };
        assert_eq!(release::expired(&order, NOW).order, expired);
    }
}
