//! Checks the answers of a whole run: against each other, and against the table.

use std::collections::BTreeMap;
use std::time::Duration;

use once::Fingerprints as _;
use orders::Adjustment;
use orders::Draft;
use orders::OrderId;
use serde_json::Value;

use super::functions::Answer;
use super::history::{Call, Wish};
use super::journal::{Decision, Journal, OrderState};
use super::request::Key;

/// The fingerprint version that this release writes.
const FINGERPRINT_VERSION: i64 = 1;

/// Checks every answer of a history.
pub(crate) fn check(history: &[Call], journal: &mut Journal) {
    let mut first = First::default();
    for call in history {
        let Some((answer, ended)) = call.answer.as_ref().zip(call.ended) else {
            continue;
        };
        if answer.status == 503 {
            continue;
        }
        let judged = match &call.wish {
            Wish::Place { .. } | Wish::Adjust { .. } => decided(call, answer, ended, journal),
            Wish::Confirm { id, .. } | Wish::Cancel { id, .. } => {
                changed(call, id, answer, ended, journal)
            }
            Wish::ReadOrder { id } => read(call, id, answer, ended, journal),
            Wish::ListOrders => listed(call, answer, ended, journal),
            Wish::ReadProduct { sku } => product(call, sku, answer, ended, journal),
            Wish::Describe { sku, .. } => described(call, sku, answer, ended, journal),
        };
        let complaint = || {
            format!(
                "call#{} ({}) was answered {answer}: {}",
                call.number,
                call.wish,
                judged.as_ref().err().map_or("", String::as_str)
            )
        };
        journal.check(judged.is_ok(), complaint);
        first.compare(call, answer, journal);
    }
}

/// The first answer to each write. Every later answer must have the same bytes.
#[derive(Default)]
struct First {
    bodies: BTreeMap<(&'static str, Key), (usize, String)>,
    made: BTreeMap<Key, usize>,
    owners: BTreeMap<String, (String, String)>,
}

impl First {
    fn compare(&mut self, call: &Call, answer: &Answer, journal: &mut Journal) {
        let (kind, place) = match (&call.wish, answer.status) {
            (Wish::Place { .. }, 201) => ("placed", place_of(call)),
            (Wish::Adjust { .. }, 201) => ("adjusted", place_of(call)),
            (Wish::Confirm { id, .. }, 200) => ("confirmed", Some((id.clone(), String::new()))),
            (Wish::Cancel { id, .. }, 200) => ("cancelled", Some((id.clone(), String::new()))),
            _ => return,
        };
        let Some(place) = place else { return };
        let number = call.number;
        if let (Wish::Place { key, .. }, Some(id)) = (&call.wish, answer.member("id")) {
            let name = (
                format!("{}#{}", call.caller.issuer, call.caller.sub),
                key.clone(),
            );
            let owner = self
                .owners
                .entry(id.to_string())
                .or_insert_with(|| name.clone());
            let same = *owner == name;
            journal.check(same, || {
                format!("the order {id} was returned for two different keys")
            });
        }
        if !answer.replayed() {
            let before = self
                .made
                .insert((kind.to_owned() + &place.0, place.1.clone()), number);
            journal.check(before.is_none(), || {
                format!("call#{number} and call#{before:?} both say that they were the first")
            });
        }
        let (earlier, body) = self
            .bodies
            .entry((kind, place))
            .or_insert_with(|| (number, answer.body.clone()));
        let same = *body == answer.body;
        journal.check(same, || {
            format!(
                "call#{number} and call#{earlier} got different bytes: {} and {body}",
                answer.body
            )
        });
    }
}

/// The primary key of the record that decides a call.
fn place_of(call: &Call) -> Option<Key> {
    let caller = &call.caller;
    match &call.wish {
        Wish::Place { key, .. } => {
            let id = OrderId::derive(caller, &key.parse().ok()?);
            Some((id.partition(), "ORDER".to_owned()))
        }
        Wish::Adjust { sku, key, .. } => {
            let route = format!("POST /products/{sku}/stock");
            let name = once::decision_name(&caller.issuer, &caller.sub, &route, &key.parse().ok()?);
            Some((format!("SKU#{sku}"), format!("ADJ#{name}")))
        }
        _ => None,
    }
}

fn fingerprint_of(call: &Call) -> Option<String> {
    let fingerprint = match &call.wish {
        Wish::Place { body, .. } => Draft::parse(body.as_bytes())
            .ok()?
            .fingerprint(FINGERPRINT_VERSION)?,
        Wish::Adjust { body, .. } => Adjustment::parse(body.as_bytes())
            .ok()?
            .fingerprint(FINGERPRINT_VERSION)?,
        _ => return None,
    };
    Some(fingerprint.as_str().to_owned())
}

/// Checks that an answer under an idempotency key is a decision that the table held.
fn decided(call: &Call, answer: &Answer, ended: Duration, journal: &Journal) -> Result<(), String> {
    let place = place_of(call).ok_or("the key is not valid")?;
    let fingerprint = fingerprint_of(call).ok_or("the body is not valid")?;
    let none = Vec::new();
    let known = journal.decisions.get(&place).unwrap_or(&none);
    let overlap = |decision: &&Decision| {
        decision.from <= ended && decision.until.is_none_or(|until| call.began <= until)
    };
    let mut overlapping = known.iter().filter(overlap);
    let agrees = match (answer.status, answer.kind().as_deref()) {
        (201, _) => overlapping.any(|it| it.refusal.is_none() && it.fingerprint == fingerprint),
        (422, Some("idempotency-key-reused")) => {
            overlapping.any(|it| it.fingerprint != fingerprint)
        }
        (status @ (409 | 422), Some(_)) => overlapping.any(|it| {
            let refused = it.refusal.as_ref().map(|(status, body)| (*status, body));
            refused == Some((status, &answer.body)) && it.fingerprint == fingerprint
        }),
        _ => return Err("no client should get this answer".to_owned()),
    };
    if !agrees {
        return Err(format!("the table says {known:?}"));
    }
    Ok(())
}

/// Checks that the answer to a confirmation or a cancel agrees with the order's states.
fn changed(
    call: &Call,
    id: &str,
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let none = Vec::new();
    let states = journal.orders.get(id).unwrap_or(&none);
    let was = |status: &str| {
        states
            .iter()
            .any(|it| it.status == status && it.from <= ended)
    };
    let reference = match &call.wish {
        Wish::Confirm { reference, .. } => Some(reference),
        _ => None,
    };
    let confirmed_by = states.iter().find_map(|it| it.reference.as_ref());
    let conditional = matches!(
        &call.wish,
        Wish::Confirm {
            if_match: Some(_),
            ..
        } | Wish::Cancel {
            if_match: Some(_),
            ..
        }
    );
    let agrees = match (answer.status, answer.kind().as_deref()) {
        (200, _) if reference.is_some() => was("confirmed") && confirmed_by == reference,
        (200, _) => was("cancelled"),
        (409, Some("order-cancelled")) => was("cancelled") && reference.is_some(),
        (409, Some("already-confirmed")) => was("confirmed") && confirmed_by != reference,
        (409, Some("payment-reference-used")) => {
            let payment = reference.map(|it| format!("PAY#{}", once::value_digest(it)));
            let used = payment.and_then(|payment| journal.payments.get(&payment));
            used.is_some_and(|other| other != id)
        }
        (410, _) => was("expired") && !states.iter().any(|it| it.status == "confirmed"),
        (412, _) => conditional,
        (404, _) => unseen(call, states, reference.is_none()),
        _ => return Err("no client should get this answer".to_owned()),
    };
    if !agrees {
        return Err(format!("the order was {states:?}"));
    }
    Ok(())
}

/// Whether 404 is right: the order did not exist yet, or is another customer's.
fn unseen(call: &Call, states: &[OrderState], own_only: bool) -> bool {
    let owner = format!("{}#{}", call.caller.issuer, call.caller.sub);
    let known = states.iter().find(|it| it.from <= call.began);
    known.is_none_or(|state| own_only && state.owner != owner)
}

/// Whether the order had this version and status at some moment during the call.
fn is_of_that_time(call: &Call, order: &Value, ended: Duration, states: &[OrderState]) -> bool {
    let version = order.get("version").and_then(Value::as_i64);
    let status = order.get("status").and_then(Value::as_str);
    (1..).zip(states).any(|(next, state)| {
        let until = states.get(next).map(|next: &OrderState| next.from);
        Some(state.version) == version
            && Some(state.status.as_str()) == status
            && state.from <= ended
            && until.is_none_or(|until| call.began <= until)
    })
}

fn read(
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
        404 => unseen(call, states, true),
        _ => return Err("no client should get this answer".to_owned()),
    };
    if !agrees {
        return Err(format!("the order was {states:?}"));
    }
    Ok(())
}

/// Checks that a list has only the caller's own orders, each once and in a current state.
fn listed(call: &Call, answer: &Answer, ended: Duration, journal: &Journal) -> Result<(), String> {
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
    let longest = Duration::from_millis(300);
    let began = call.began.saturating_sub(longest);
    let earlier = Call {
        began,
        ..call.clone()
    };
    is_of_that_time(&earlier, order, call.began, states)
}

fn product(
    call: &Call,
    sku: &str,
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let none = Vec::new();
    let states = journal.products.get(sku).unwrap_or(&none);
    if answer.status == 404 && !states.iter().any(|state| state.from <= call.began) {
        return Ok(());
    }
    let seen = answer.member("available").and_then(|it| it.as_i64());
    let during = (1..).zip(states).any(|(next, state)| {
        let until = states.get(next).map(|next| next.from);
        Some(state.available) == seen
            && state.from <= ended
            && until.is_none_or(|until| call.began <= until)
    });
    if answer.status != 200 || !during {
        return Err("that was never the stock during the call".to_owned());
    }
    Ok(())
}

fn described(
    call: &Call,
    sku: &str,
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let Wish::Describe {
        if_match,
        unit_price,
        ..
    } = &call.wish
    else {
        return Ok(());
    };
    match answer.status {
        200 | 201 => {
            let tag = answer.headers.get("etag").map(|tag| tag.trim_matches('"'));
            let version: Option<i64> = tag.and_then(|tag| tag.parse().ok());
            let none = Vec::new();
            let states = journal.products.get(sku).unwrap_or(&none);
            let was = states.iter().any(|state| {
                Some(state.details_version) == version
                    && state.unit_price == *unit_price
                    && state.from <= ended
            });
            if was {
                Ok(())
            } else {
                Err("the product never had this version with this price".to_owned())
            }
        }
        412 if if_match.is_some() => Ok(()),
        _ => Err("no client should get this answer".to_owned()),
    }
}
