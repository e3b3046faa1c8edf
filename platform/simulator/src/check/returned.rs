//! Checks the answers to returns: each agrees with its order as it was.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::decided::decided;
use super::seen::{during, unseen};
use crate::functions::Answer;
use crate::history::Call;
use crate::journal::{Journal, OrderState};

/// The scope of the service that takes goods back, of any customer's order.
const SCOPE_FULFIL: &str = "orders:fulfil";

/// How many returns an order may have.
const RETURNS_MAX: i64 = 20;

/// Checks that the answer to a return is the decision under its key, and that a refusal gives the
/// reason that the order had for it.
pub(crate) fn returned(
    call: &Call,
    (id, body): (&str, &str),
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let none = Vec::new();
    let states = journal.orders.get(id).unwrap_or(&none);
    if answer.status == 404 {
        let right = unseen(call, states, SCOPE_FULFIL);
        return right
            .then_some(())
            .ok_or(format!("the order was {states:?}"));
    }
    decided(call, answer, ended, journal)?;
    let kind = answer.kind();
    let Some(kind) = kind.filter(|_| answer.status == 409) else {
        return Ok(());
    };
    let goods = goods(body).ok_or("the body is not valid")?;
    let reason = |state: &OrderState| refusal(state, &goods) == Some(kind.as_str());
    // A repeat gets the reason that there was at the first time.
    let right = if answer.replayed() {
        states.iter().any(|it| it.from <= ended && reason(it))
    } else {
        during(call, ended, states, |state| state.from).any(reason)
    };
    if !right {
        return Err(format!("the order was {states:?}"));
    }
    Ok(())
}

/// Why goods of an order in this state cannot come back.
fn refusal(state: &OrderState, goods: &BTreeMap<String, i64>) -> Option<&'static str> {
    let out = |sku: &String| state.out.get(sku).copied().unwrap_or_default();
    if state.status != "fulfilled" {
        Some("order-not-fulfilled")
    } else if RETURNS_MAX <= state.returns {
        Some("too-many-returns")
    } else if goods.iter().any(|(sku, quantity)| out(sku) < *quantity) {
        Some("exceeds-shipped")
    } else {
        None
    }
}

/// How many of each product a body returns.
fn goods(body: &str) -> Option<BTreeMap<String, i64>> {
    let body: Value = serde_json::from_str(body).ok()?;
    let mut goods = BTreeMap::new();
    for line in body.get("lines")?.as_array()? {
        let sku = line.get("sku")?.as_str()?.to_owned();
        *goods.entry(sku).or_default() += line.get("quantity")?.as_i64()?;
    }
    Some(goods)
}
