//! Checks answers under an idempotency key: each is a decision that the table held.

use std::time::Duration;

use once::Fingerprints as _;
use orders::{Adjustment, Draft, OrderId, ReturnRequest};

use crate::functions::Answer;
use crate::history::{Call, Wish};
use crate::journal::{Decision, Journal};
use crate::request::Key;

/// The fingerprint version that this release writes. An order with a reference or metadata has
/// another one, which gives the same fingerprint.
const FINGERPRINT_VERSION: i64 = 1;

/// The primary key of the record that decides a call.
pub(crate) fn place_of(call: &Call) -> Option<Key> {
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
        Wish::Return { id, key, .. } => {
            let route = format!("POST /orders/{id}/returns");
            let name = once::decision_name(&caller.issuer, &caller.sub, &route, &key.parse().ok()?);
            Some((format!("ORD#{id}"), format!("RET#{name}")))
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
        Wish::Return { body, .. } => ReturnRequest::parse(body.as_bytes())
            .ok()?
            .fingerprint(FINGERPRINT_VERSION)?,
        _ => return None,
    };
    Some(fingerprint.as_str().to_owned())
}

/// Checks that an answer under an idempotency key is a decision that the table held.
pub(crate) fn decided(
    call: &Call,
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
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
