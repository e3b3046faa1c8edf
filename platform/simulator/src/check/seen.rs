//! Checks the answers to reads: each shows what the table held at some moment during the call.

use std::time::Duration;

use serde_json::Value;

use crate::functions::Answer;
use crate::history::Call;
use crate::journal::{Journal, OrderState};

/// For how long a transaction can be seen item by item.
pub(crate) const TORN_MAX: Duration = Duration::from_millis(300);

/// The scope of the staff who read any customer's order.
const SCOPE_READ_ANY: &str = "orders:read:any";

/// Whether 404 is right: the order did not exist yet, or is another customer's and the caller has
/// not the scope for any customer's.
pub(crate) fn unseen(call: &Call, states: &[OrderState], any: &str) -> bool {
    let owner = format!("{}#{}", call.caller.issuer, call.caller.sub);
    let known = states.iter().find(|it| it.from <= call.began);
    known.is_none_or(|state| !call.caller.may(any) && state.owner != owner)
}

/// The states that something had at some moment during a call. `from` says when a state began.
pub(crate) fn during<'states, State>(
    call: &Call,
    ended: Duration,
    states: &'states [State],
    from: impl Fn(&State) -> Duration,
) -> impl Iterator<Item = &'states State> {
    let began = call.began;
    (1..).zip(states).filter_map(move |(next, state)| {
        let until = states.get(next).map(&from);
        let overlaps = from(state) <= ended && until.is_none_or(|until| began <= until);
        overlaps.then_some(state)
    })
}

/// Whether the order had this version and status at some moment during the call.
pub(crate) fn is_of_that_time(
    call: &Call,
    order: &Value,
    ended: Duration,
    states: &[OrderState],
) -> bool {
    let version = order.get("version").and_then(Value::as_i64);
    let status = order.get("status").and_then(Value::as_str);
    during(call, ended, states, |state| state.from)
        .any(|state| Some(state.version) == version && Some(state.status.as_str()) == status)
}

/// Checks that an order was read as it was during the call.
pub(crate) fn read(
    call: &Call,
    id: &str,
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let none = Vec::new();
    let states = journal.orders.get(id).unwrap_or(&none);
    let agrees = match answer.status {
        200 => {
            let order: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            is_of_that_time(call, &order, ended, states)
        }
        404 => unseen(call, states, SCOPE_READ_ANY),
        _ => return Err("no client should get this answer".to_owned()),
    };
    if !agrees {
        return Err(format!("the order was {states:?}"));
    }
    Ok(())
}

/// Checks that a list has only the caller's own orders, each once and in a current state.
pub(crate) fn listed(
    call: &Call,
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let orders = answer.member("orders");
    let orders = orders
        .as_ref()
        .and_then(Value::as_array)
        .ok_or("the answer has no list")?;
    let owner = format!("{}#{}", call.caller.issuer, call.caller.sub);
    let mut seen = Vec::new();
    for order in orders {
        let id = order.get("id").and_then(Value::as_str).unwrap_or_default();
        if seen.contains(&id) {
            return Err(format!("{id} is listed twice"));
        }
        seen.push(id);
        let states = journal
            .orders
            .get(id)
            .ok_or_else(|| format!("{id} is not an order"))?;
        if states.iter().any(|state| state.owner != owner) {
            return Err(format!("{id} is another customer's"));
        }
        // A read of many items may see a transaction item by item, while it is still under way.
        if !is_of_that_time(call, order, ended, states) && !torn(call, order, states) {
            return Err(format!("{id} was {states:?}"));
        }
    }
    Ok(())
}

/// Whether an order is listed as it was just before a transaction that was still under way.
fn torn(call: &Call, order: &Value, states: &[OrderState]) -> bool {
    let began = call.began.saturating_sub(TORN_MAX);
    let earlier = Call {
        began,
        ..call.clone()
    };
    is_of_that_time(&earlier, order, call.began, states)
}

/// Whether each shard of a product of several had a part of this sum at some moment during the
/// call, or just before it: they are read one by one, and a transaction is seen item by item.
fn is_sum_of_that_time(
    call: &Call,
    sku: &str,
    sum: Option<i64>,
    ended: Duration,
    journal: &Journal,
) -> bool {
    let Some((shards, sum)) = journal.stock.shards.get(sku).zip(sum) else {
        return false;
    };
    let began = call.began.saturating_sub(TORN_MAX);
    let call = Call {
        began,
        ..call.clone()
    };
    let (mut least, mut most) = (0, 0);
    for states in shards.values() {
        let during = during(&call, ended, states, |state| state.from);
        let parts: Vec<i64> = during.map(|state| state.available).collect();
        least += parts.iter().min().unwrap_or(&0);
        most += parts.iter().max().unwrap_or(&0);
    }
    1 < shards.len() && (least..=most).contains(&sum)
}

/// Checks that a product was read with stock that it had during the call.
pub(crate) fn product(
    call: &Call,
    sku: &str,
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let none = Vec::new();
    let states = journal.stock.products.get(sku).unwrap_or(&none);
    if answer.status == 404 && !states.iter().any(|state| state.from <= call.began) {
        return Ok(());
    }
    let seen = answer.member("available").and_then(|it| it.as_i64());
    let right = during(call, ended, states, |state| state.from)
        .any(|state| Some(state.available) == seen)
        || is_sum_of_that_time(call, sku, seen, ended, journal);
    if answer.status != 200 || !right {
        return Err("that was never the stock during the call".to_owned());
    }
    Ok(())
}
