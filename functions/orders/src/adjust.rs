//! Adjusts stock: one transaction that moves it and records why.

use http::StatusCode;
use once::{Fingerprint, Fingerprints, IdempotencyKey, Patience, Session, Settled, settle_by};
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::problem::Problem;

use crate::answer::{Answer, Outcome};
use crate::body::{self, Object};
use crate::customer::Customer;
use crate::error::Error;
use crate::fault::{Fault, Faults};
use crate::ledger::{ANSWER_VERSION_NOW, Entry, ID_PREFIX, Reason, SORT_KEY_PREFIX};
use crate::level::spread_out;
use crate::moment::Moment;
use crate::movement::{Movement, Obstacle};
use crate::product::{Sku, partition};
use crate::record::{Record, item_of};
use crate::refusal::Refusal;
use crate::turns::{Attempt, Turns};

/// The largest quantity that one adjustment may add or remove.
const DELTA_MAX: i64 = 1_000_000_000;

const FINGERPRINT_VERSION_NOW: i64 = 1;

/// A valid request for an adjustment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Adjustment {
    delta: i64,
    reason: Reason,
}

impl Adjustment {
    /// Parses the body of `POST /products/{sku}/stock`.
    ///
    /// # Errors
    /// Returns all faults, each with its JSON pointer.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<Fault>> {
        body::read(body, Self::take)
    }

    /// The fingerprint under [`FINGERPRINT_VERSION_NOW`].
    fn fingerprint_now(&self) -> Fingerprint {
        let (delta, reason) = (self.delta.to_be_bytes(), self.reason.as_str());
        Fingerprint::of([b"adjustment".as_slice(), &delta, reason.as_bytes()])
    }

    fn take(mut object: Object<'_>, faults: &mut Faults) -> Option<Self> {
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
        match version {
            FINGERPRINT_VERSION_NOW => Some(self.fingerprint_now()),
            _ => None,
        }
    }
}

/// Adjusts a product's stock, or gives the first answer again.
///
/// # Errors
/// The key was used for another adjustment, or the outcome is not known.
pub(crate) async fn adjust(
    session: &Session<'_>,
    turns: &Turns<'_>,
    caller: &Caller,
    sku: &Sku,
    key: &IdempotencyKey,
    adjustment: &Adjustment,
    request_id: &str,
) -> Result<Answer, Error> {
    let by = Customer::try_from(caller)?;
    let now = Moment::from(session.world().now());
    let route = format!("POST /products/{sku}/stock");
    let name = once::decision_name(&caller.issuer, &caller.sub, &route, key);
    let fingerprint = adjustment.fingerprint_now();
    let entry = Entry {
        pk: partition(sku),
        sk: format!("{SORT_KEY_PREFIX}{name}"),
        delta: adjustment.delta,
        reason: adjustment.reason.clone(),
        by: by.as_str().to_owned(),
        at: now,
        answer_version: ANSWER_VERSION_NOW,
        fingerprint: fingerprint.as_str().to_owned(),
        fingerprint_version: FINGERPRINT_VERSION_NOW,
    };
    let mut reason = "";
    let refuse = |obstacle: Obstacle| {
        let problem = problem(sku, adjustment, obstacle).with("request_id", request_id);
        reason = problem.kind();
        let place = (entry.pk.clone(), entry.sk.clone());
        let refusal = Refusal::new(place, &problem, &fingerprint, FINGERPRINT_VERSION_NOW, None);
        item_of(&refusal).ok()
    };
    let wanted = (sku, adjustment.delta, entry.sk.as_str());
    let hints = turns.hints;
    let mut movement = Movement::new(session, wanted, item_of(&entry)?, hints, Box::new(refuse));
    let attempt = Attempt {
        id: &format!("{ID_PREFIX}{name}"),
        products: vec![sku.as_str()],
        shards: vec![(sku.as_str(), movement.shard())],
        record: (&entry.pk, &entry.sk),
        fingerprints: adjustment,
    };
    let write = settle_by(session, Patience::default(), &mut movement, adjustment);
    let settled = turns.around(session, &attempt, write).await;
    let to_spread = movement.to_spread();
    drop(movement);
    match settled? {
        Settled::Done(_) => {
            hints.forget_available(sku.as_str());
            if let Some((shards, from)) = to_spread {
                spread(session, sku, shards, from).await;
            }
            entry.answer(Outcome::Adjusted)
        }
        Settled::Before(record) => Record::read(record)?.replay(),
        Settled::Refused(record) => Record::read(record)?.answer(Outcome::Refused(reason)),
    }
}

/// Spreads what came in over the product's shards, before the answer: after it, a function
/// may be frozen. An order that needs pieces which were not spread moves them itself.
async fn spread(session: &Session<'_>, sku: &Sku, shards: u32, from: u32) {
    if let Err(unsettled) = spread_out(session, sku, shards, from).await {
        let cause = format!("{unsettled:?}");
        tracing::warn!(sku = sku.as_str(), cause, "stock was not spread evenly");
    }
}

/// Says why an adjustment is refused.
fn problem(sku: &Sku, adjustment: &Adjustment, obstacle: Obstacle) -> Problem {
    match obstacle {
        Obstacle::UnknownProduct => {
            let line: Value = json!({"sku": sku.as_str(), "reason": "unknown-product"});
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown-product",
                "Unknown product",
                format!("There is no product {sku}. Describe it first."),
            )
            .with("lines", vec![line])
        }
        Obstacle::TooFew(available) => Problem::new(
            StatusCode::CONFLICT,
            "stock-would-be-negative",
            "The stock would be negative",
            format!(
                "{sku} has {available} left, {} cannot be taken away.",
                -adjustment.delta
            ),
        )
        .with("available", available),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(delta: &str, reason: &str) -> Result<Adjustment, Vec<Fault>> {
        Adjustment::parse(format!(r#"{{"delta": {delta}, "reason": "{reason}"}}"#).as_bytes())
    }

    #[test]
    fn an_adjustment_has_a_reason_and_a_delta_other_than_0() {
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

    #[test]
    fn a_refusal_says_what_is_left_and_what_cannot_be_taken_away() {
        let sku = "TEA".parse().unwrap();
        let adjustment = parse("-4", "x").unwrap();
        let problem = problem(&sku, &adjustment, Obstacle::TooFew(3));
        assert_eq!(
            (problem.status().as_u16(), problem.kind()),
            (409, "stock-would-be-negative")
        );
        let body: Value = serde_json::from_str(&problem.body()).unwrap();
        assert_eq!(body["detail"], "TEA has 3 left, 4 cannot be taken away.");
        assert_eq!(body["available"], 3);
    }

    #[test]
    fn a_product_that_nobody_described_cannot_be_adjusted() {
        let sku = "TEA".parse().unwrap();
        let problem = problem(&sku, &parse("1", "x").unwrap(), Obstacle::UnknownProduct);
        assert_eq!(
            (problem.status().as_u16(), problem.kind()),
            (422, "unknown-product")
        );
    }
}
