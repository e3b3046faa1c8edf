//! Checks the answers to confirmations, fulfilments and cancels: each agrees with the states that
//! the order had.

use std::time::Duration;

use serde_json::Value;

use super::seen::{during, is_of_that_time, unseen};
use crate::functions::Answer;
use crate::history::{Call, Wish};
use crate::journal::{Journal, OrderState};

/// The scopes of those who change any customer's order.
const SCOPE_CONFIRM: &str = "orders:confirm";
const SCOPE_FULFIL: &str = "orders:fulfil";
const SCOPE_CANCEL_ANY: &str = "orders:cancel:any";

/// Checks that the answer to a change of an order agrees with the order's states.
pub(crate) fn changed(
    call: &Call,
    id: &str,
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let none = Vec::new();
    let states = journal.orders.get(id).unwrap_or(&none);
    let order = Past {
        states,
        call,
        ended,
    };
    let kind = answer.kind();
    let said = (answer.status, kind.as_deref());
    let agrees = match &call.wish {
        Wish::Confirm {
            reference,
            if_match,
            ..
        } => match said {
            (412, _) => Some(order.had_other_than(*if_match)),
            (409, Some("payment-reference-used")) => {
                let payment = format!("PAY#{}", once::value_digest(reference));
                let used = journal.payments.get(&payment);
                Some(used.is_some_and(|other| other != id))
            }
            _ => order.confirmed(said, reference),
        },
        Wish::Fulfil {
            reference,
            if_match,
            ..
        } => match said {
            (412, _) => Some(order.had_other_than(*if_match)),
            _ => order.fulfilled(said, reference),
        },
        Wish::Cancel { if_match, .. } => match said {
            (412, _) => Some(order.had_other_than(*if_match)),
            _ => order.cancelled(said),
        },
        _ => None,
    };
    let shown = || {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        is_of_that_time(call, &body, ended, states)
    };
    let agrees = agrees.ok_or("no client should get this answer")?;
    let agrees = agrees && (answer.status != 200 || shown());
    if !agrees {
        return Err(format!("the order was {states:?}"));
    }
    Ok(())
}

/// The states of an order, as they concern the answer to a call.
struct Past<'journal> {
    states: &'journal [OrderState],
    call: &'journal Call,
    ended: Duration,
}

/// A status, and the kind of problem if it is one.
type Said<'answer> = (u16, Option<&'answer str>);

impl Past<'_> {
    /// Whether the order had a status before the answer.
    fn was(&self, status: &str) -> bool {
        let mut states = self.states.iter();
        states.any(|state| state.status == status && state.from <= self.ended)
    }

    /// Whether the order had a status during the call.
    fn had(&self, status: &str) -> bool {
        during(self.call, self.ended, self.states, |state| state.from)
            .any(|state| state.status == status)
    }

    /// Whether the client demanded a version, and the order had another one during the call.
    fn had_other_than(&self, if_match: Option<i64>) -> bool {
        during(self.call, self.ended, self.states, |state| state.from)
            .any(|state| if_match.is_some_and(|version| state.version != version))
    }

    /// Whether the answer to a confirmation is right. `None` if no client should get it.
    fn confirmed(&self, said: Said<'_>, reference: &String) -> Option<bool> {
        // Once it is there, it never changes: the journal checks this.
        let paid_by = self.states.iter().find_map(|it| it.reference.as_ref());
        Some(match said {
            (200, _) => self.was("confirmed") && paid_by == Some(reference),
            (409, Some("already-confirmed")) => self.was("confirmed") && paid_by != Some(reference),
            (409, Some("cancelled-unpaid")) => self.was("cancelled") && paid_by.is_none(),
            (410, Some("expired-unpaid")) => self.was("expired") && paid_by.is_none(),
            (404, _) => unseen(self.call, self.states, SCOPE_CONFIRM),
            _ => return None,
        })
    }

    /// Whether the answer to a fulfilment is right. `None` if no client should get it.
    fn fulfilled(&self, said: Said<'_>, reference: &String) -> Option<bool> {
        let parcel = self.states.iter().find_map(|it| it.parcel.as_ref());
        Some(match said {
            (200, _) => self.was("fulfilled") && parcel == Some(reference),
            (409, Some("already-fulfilled")) => self.was("fulfilled") && parcel != Some(reference),
            (409, Some("order-not-confirmed")) => self.had("pending"),
            (409, Some("order-cancelled")) => self.was("cancelled"),
            (410, Some("order-expired")) => self.was("expired"),
            (404, _) => unseen(self.call, self.states, SCOPE_FULFIL),
            _ => return None,
        })
    }

    /// Whether the answer to a cancel is right. `None` if no client should get it.
    fn cancelled(&self, said: Said<'_>) -> Option<bool> {
        Some(match said {
            (200, _) => self.was("cancelled"),
            (409, Some("order-fulfilled")) => self.was("fulfilled"),
            (410, Some("order-expired")) => self.was("expired"),
            (404, _) => unseen(self.call, self.states, SCOPE_CANCEL_ANY),
            _ => return None,
        })
    }
}
