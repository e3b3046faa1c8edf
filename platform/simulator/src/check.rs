//! Checks the answers of a whole run: against each other, and against the table.

mod changed;
mod decided;
mod first;
mod refused;
mod returned;
mod seen;

use std::time::Duration;

use self::changed::changed;
use self::decided::decided;
use self::first::First;
use self::refused::refused;
use self::returned::returned;
use self::seen::{listed, product, read};
use super::functions::Answer;
use super::history::{Call, Wish};
use super::journal::Journal;

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
            Wish::Place { .. } | Wish::Adjust { .. } => decided(call, answer, ended, journal)
                .and_then(|()| refused(history, answer, ended, journal)),
            Wish::Return { id, body, .. } => returned(call, (id, body), answer, ended, journal),
            Wish::Confirm { id, .. } | Wish::Fulfil { id, .. } | Wish::Cancel { id, .. } => {
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

/// Checks that a description was written with the version and the price of the answer.
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
        shards,
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
            let states = journal.stock.products.get(sku).unwrap_or(&none);
            let was = states.iter().any(|state| {
                Some(state.details_version) == version
                    && state.unit_price == *unit_price
                    && state.from <= ended
            });
            if !was {
                return Err("the product never had this version with this price".to_owned());
            }
            // From the answer on, no shard sells under older terms.
            let sales = journal.stock.sales.get(sku);
            let later = sales
                .into_iter()
                .flatten()
                .find(|sale| ended < sale.at && Some(sale.details_version) < version);
            later.map_or(Ok(()), |sale| {
                Err(format!(
                    "after it, an order was sold under older terms: {sale:?}"
                ))
            })
        }
        409 if shards.is_some() => Ok(()),
        412 if if_match.is_some() => Ok(()),
        _ => Err("no client should get this answer".to_owned()),
    }
}
