//! Owns the changing of an order: read it, decide, write at the version that was read.
//!
//! ```text
//! read v ──► decide ──► write IF version = v ──► the order as written
//!              ▲               │ condition failed: somebody was faster
//!              └── the order as it is now ◄──┘
//! ```
//!
//! A transaction returns no values; written this way, the answer and its ETag
//! are known without another read.

use crate::error::Error;
use crate::order::{Order, OrderId};
use crate::read;
use crate::refusal::Refusal;
use once::classify::Reason;
use once::decide::Pace;
use once::store::{Action, Failure, Session};
use once::{Effect, Item, number};

/// The condition of every change: the order is as it was when it was judged.
pub const UNCHANGED: &str = "version = :read";

/// What is to be done about an order as it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Nothing: it is as asked already.
    Already,
    /// This.
    Write(Box<Change>),
}

/// A change of an order, and what goes with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The order as it will be. Its version is one more than was read.
    pub order: Order,
    /// Writes the order; conditioned by [`UNCHANGED`].
    pub update: Effect,
    /// An item that marks the change as done, such as a payment's; the
    /// condition that it must meet, and the condition's values.
    pub mark: Option<(Item, &'static str, Item)>,
    /// What goes with it.
    pub effects: Vec<Effect>,
    /// What it means if the mark's condition fails.
    pub marked: Error,
}

/// An order after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// The order as it is.
    pub order: Order,
    /// Whether it was so before.
    pub already: bool,
}

/// Changes the order of an id as `decide` says.
///
/// # Errors
/// What `decide` says, there is no such order, or the outcome is unknown.
pub async fn change(
    session: &Session<'_>,
    id: &OrderId,
    decide: impl Fn(&Order) -> Result<Next, Error>,
) -> Result<Changed, Error> {
    let order = read::order(session, id).await?;
    change_from(session, order.ok_or(Error::NotFound("order"))?, decide).await
}

/// Changes an order, beginning with what was read of it.
///
/// # Errors
/// As [`change`].
pub async fn change_from(
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
            // An attempt without an answer may be what changed the order: then
            // it is as asked, and `decide` says so.
            Written::Changed(now) => order = *now,
        }
    }
}

enum Written {
    Done,
    /// Somebody was faster; here is the order as it is.
    Changed(Box<Order>),
}

/// Writes a change, however often it takes to know whether it was written.
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
    let mut token = session.token();
    while pace.goes_on(session) {
        match session.transact(&actions, &token).await {
            Ok(()) => return Ok(Written::Done),
            Err(Failure::Cancelled(reasons)) => {
                if let Some(written) = judge(&reasons, change)? {
                    return Ok(written);
                }
                token = session.token();
            }
            Err(Failure::Invalid(cause)) => return Err(Error::Internal(cause)),
            Err(Failure::Unknown(cause)) => {
                tracing::warn!(cause, "a change got no answer and is sent again");
            }
            Err(
                Failure::TokenMismatch
                | Failure::Conflict
                | Failure::Throttled
                | Failure::ConditionFailed(_),
            ) => token = session.token(),
        }
        pace.pause(session).await;
    }
    Err(Error::OutcomeUnknown)
}

/// Reads the reasons of a cancelled change: the order's own first.
/// `None` if it is to be repeated.
fn judge(reasons: &[Reason], change: &Change) -> Result<Option<Written>, Error> {
    if let Some(Reason::ConditionFailed(item)) = reasons.first() {
        // Orders are never deleted.
        let item = item.clone().ok_or(Error::NotFound("order"))?;
        if Refusal::read(&item)?.is_some() {
            return Err(Error::NotFound("order"));
        }
        let order = serde_dynamo::from_item(item)
            .map_err(|error| Error::Internal(format!("an order cannot be read: {error}")))?;
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

/// The update of an order to its next version.
///
/// `set` are further assignments, each beginning with a comma; `values` theirs.
pub fn next_version(order: &Order, update: &'static str, mut values: Item) -> Effect {
    values.insert(":read".to_owned(), number(order.version));
    values.insert(":next".to_owned(), number(order.version + 1));
    Effect {
        key: Item::from([
            ("pk".to_owned(), once::text(&order.pk)),
            ("sk".to_owned(), once::text(&order.sk)),
        ]),
        update,
        condition: UNCHANGED.into(),
        names: &[("#status", "status")],
        values,
    }
}
