//! Owns the adjusting of stock: one transaction that moves it and records why.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::problem::Problem;

use crate::answer::{Answer, Outcome};
use crate::customer::Customer;
use crate::error::Error;
use crate::json::{Fault, Faults, Object};
use crate::moment::Moment;
use crate::product::{SHARD, Sku, partition, stock_key};
use crate::redis::{Attempt, Visit};
use crate::refusal::Refusal;
use crate::text::Text;
use once::classify::FailedEffect;
use once::derive::{self, Fingerprint, Fingerprints};
use once::key::IdempotencyKey;
use once::settle::Settled;
use once::store::Session;
use once::{Effect, Intent, Item, number, number_of};

/// The most that one adjustment may bring or take away.
pub const DELTA_MAX: i64 = 1_000_000_000;

const FINGERPRINT_VERSION_NOW: i64 = 1;

const ANSWER_VERSION_NOW: i64 = 1;

const ID_PREFIX: &str = "adj_";

/// Moves stock that came or went …
const ADJUST: &str =
    "SET available = available + :d, received = received + :d, version = version + :one";

/// … unless there is no such product or it would leave less than none. That
/// `available + :d` is not negative cannot be said in a condition; this can.
const ADJUST_CONDITION: &str = "attribute_exists(pk) AND available >= :minus_d";

/// Why stock came or went.
type Reason = Text<200>;

/// A valid adjustment that nobody has decided about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Adjustment {
    delta: i64,
    reason: Reason,
}

/// An adjustment that was made, as the table holds it: the ledger, never deleted.
#[derive(Debug, Deserialize, Serialize)]
struct Entry {
    pk: String,
    sk: String,
    delta: i64,
    reason: Reason,
    by: String,
    at: Moment,
    answer_version: i64,
    fingerprint: String,
    fingerprint_version: i64,
}

/// An adjustment as the client sees it: never the new stock, so that a replay
/// can be identical.
#[derive(Serialize)]
struct EntryView<'entry> {
    id: String,
    sku: &'entry str,
    delta: i64,
    reason: &'entry str,
    at: String,
}

impl Adjustment {
    /// Parses the body of `POST /products/{sku}/stock`.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its pointer.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::default();
        let adjustment = Self::read(body, &mut faults);
        faults.or(adjustment)
    }

    fn read(body: &[u8], faults: &mut Faults) -> Option<Self> {
        let mut object = Object::of_body(body, faults)?;
        let delta = object.integer("delta", &(-DELTA_MAX..=DELTA_MAX), faults);
        let reason = object.text("reason", faults);
        if delta == Some(0) {
            faults.add("/delta", "must not be 0");
        }
        object.end(faults);
        Some(Self {
            delta: delta?,
            reason: reason?,
        })
    }
}

impl Fingerprints for Adjustment {
    fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
        (version == 1).then(|| {
            let delta = self.delta.to_be_bytes();
            Fingerprint::of([
                b"adjustment".as_slice(),
                &delta,
                self.reason.as_str().as_bytes(),
            ])
        })
    }
}

/// Adjusts a product's stock, or tells what was decided about it before.
///
/// # Errors
/// The key was used for another adjustment, or the outcome is not known.
pub async fn adjust(
    session: &Session<'_>,
    redis: &Visit<'_>,
    caller: &Caller,
    sku: &Sku,
    key: &IdempotencyKey,
    adjustment: &Adjustment,
    request_id: &str,
) -> Result<Answer, Error> {
    let by = Customer::try_from(caller).map_err(|error| Error::NoCaller(error.to_string()))?;
    let now = Moment::from(session.world().now());
    let route = format!("POST /products/{sku}/stock");
    let name = derive::name(&caller.issuer, &caller.sub, &route, key);
    let fingerprint = adjustment
        .fingerprint(FINGERPRINT_VERSION_NOW)
        .ok_or_else(Error::unreadable)?;
    let entry = Entry {
        pk: partition(sku),
        sk: format!("ADJ#{name}"),
        delta: adjustment.delta,
        reason: adjustment.reason.clone(),
        by: by.as_str().to_owned(),
        at: now,
        answer_version: ANSWER_VERSION_NOW,
        fingerprint: fingerprint.as_str().to_owned(),
        fingerprint_version: FINGERPRINT_VERSION_NOW,
    };
    let intent = Intent {
        record: serde_dynamo::to_item(&entry)
            .map_err(|error| Error::Internal(error.to_string()))?,
        effects: vec![movement(sku, adjustment.delta)],
    };
    let mut reason = "";
    let refuse = |failed: &[FailedEffect]| {
        let problem = judge(sku, adjustment, failed)?.with("request_id", request_id);
        reason = problem.kind();
        let place = (entry.pk.clone(), entry.sk.clone());
        let refusal = Refusal::new(place, &problem, &fingerprint, FINGERPRINT_VERSION_NOW, None);
        serde_dynamo::to_item(refusal).ok()
    };
    let attempt = Attempt {
        name: &format!("{ID_PREFIX}{name}"),
        products: vec![sku.as_str()],
        intent: &intent,
        fingerprints: adjustment,
        answers: &|record| before(record.clone()).is_ok(),
    };
    match redis.settle(session, &attempt, refuse).await? {
        Settled::Done => adjusted(&entry, Outcome::Adjusted),
        Settled::Before(record) => before(record),
        Settled::Refused(record) => Refusal::read(&record)?
            .ok_or_else(|| Error::Internal("a refusal is none".to_owned()))?
            .into_answer(Outcome::Refused(reason)),
    }
}

fn movement(sku: &Sku, delta: i64) -> Effect {
    Effect {
        key: stock_key(sku, SHARD),
        update: ADJUST,
        condition: ADJUST_CONDITION.into(),
        names: &[],
        values: Item::from([
            (":d".to_owned(), number(delta)),
            (":minus_d".to_owned(), number(-delta)),
            (":one".to_owned(), number(1)),
        ]),
    }
}

fn before(record: Item) -> Result<Answer, Error> {
    if let Some(refusal) = Refusal::read(&record)? {
        return Ok(refusal.into_answer(Outcome::Replayed)?.replayed());
    }
    let entry: Entry = serde_dynamo::from_item(record)
        .map_err(|error| Error::Internal(format!("an adjustment cannot be read: {error}")))?;
    Ok(adjusted(&entry, Outcome::Replayed)?.replayed())
}

/// The answer to an adjustment; the same bytes however often it is told.
fn adjusted(entry: &Entry, outcome: Outcome) -> Result<Answer, Error> {
    if entry.answer_version != 1 {
        return Err(Error::unreadable());
    }
    let view = EntryView {
        id: format!("{ID_PREFIX}{}", entry.sk.trim_start_matches("ADJ#")),
        sku: entry.pk.trim_start_matches("SKU#"),
        delta: entry.delta,
        reason: entry.reason.as_str(),
        at: entry.at.to_string(),
    };
    Answer::json(outcome, StatusCode::CREATED, &view)
}

/// Says why an adjustment failed, from the item as it was when
/// [`ADJUST_CONDITION`] failed.
fn judge(sku: &Sku, adjustment: &Adjustment, failed: &[FailedEffect]) -> Option<Problem> {
    let Some(stock) = failed.first()?.item.as_ref() else {
        let line: Value = json!({"sku": sku.as_str(), "reason": "unknown-product"});
        return Some(
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown-product",
                "Unknown product",
                format!("There is no product {sku}. Describe it first."),
            )
            .with("lines", vec![line]),
        );
    };
    let available = number_of(stock, "available")?;
    let short = available + adjustment.delta < 0;
    short.then(|| {
        Problem::new(
            StatusCode::CONFLICT,
            "stock-would-be-negative",
            "The stock would be negative",
            format!(
                "{sku} has {available} left, {} cannot be taken away.",
                -adjustment.delta
            ),
        )
        .with("available", available)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(delta: &str, reason: &str) -> Result<Adjustment, Vec<Fault>> {
        Adjustment::parse(format!(r#"{{"delta": {delta}, "reason": "{reason}"}}"#).as_bytes())
    }

    #[test]
    fn an_adjustment_moves_something_for_a_reason() {
        assert!(parse("10", "delivery 42").is_ok());
        assert!(parse("-10", "broken").is_ok());
        for bad in ["0", "1.0", "1000000001", "-1000000001", "null", "\"1\""] {
            assert_eq!(parse(bad, "x").unwrap_err().len(), 1, "{bad}");
        }
        assert_eq!(parse("1", "").unwrap_err().len(), 1);
    }

    #[test]
    fn another_delta_or_reason_is_another_request() {
        let print = |delta, reason| parse(delta, reason).unwrap().fingerprint(1);
        assert_eq!(print("1", "a"), print("1", "a"));
        assert_ne!(print("1", "a"), print("-1", "a"));
        assert_ne!(print("1", "a"), print("1", "b"));
    }
}
