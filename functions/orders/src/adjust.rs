//! Adjusts stock: one transaction that moves it and records why.

use http::StatusCode;
use once::{
    Effect, FailedEffect, Fingerprint, Fingerprints, IdempotencyKey, Intent, Item, Session,
    Settled, number, number_of, settle,
};
use serde_json::{Value, json};
use shared::caller::Caller;
use shared::problem::Problem;

use crate::answer::{Answer, Outcome};
use crate::body::{self, Object};
use crate::customer::Customer;
use crate::error::Error;
use crate::fault::{Fault, Faults};
use crate::ledger::{ANSWER_VERSION_NOW, Entry, ID_PREFIX, Reason, SORT_KEY_PREFIX};
use crate::moment::Moment;
use crate::product::{SHARD, Sku, partition, stock_key};
use crate::record::{Record, item_of};
use crate::refusal::Refusal;
use crate::turns::{Attempt, Turns};

/// The largest quantity that one adjustment may add or remove.
const DELTA_MAX: i64 = 1_000_000_000;

const FINGERPRINT_VERSION_NOW: i64 = 1;

/// Adds stock to a product, or takes it away …
const ADJUST: &str =
    "SET available = available + :d, received = received + :d, version = version + :one";

/// … if there is such a product and its stock stays at 0 or more. A condition
/// cannot compute `available + :d`, so it compares with `-:d`.
const ADJUST_CONDITION: &str = "attribute_exists(pk) AND available >= :minus_d";

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
    let intent = Intent {
        record: item_of(&entry)?,
        effects: vec![movement(sku, adjustment.delta)],
    };
    let mut reason = "";
    let refuse = |failed: &[FailedEffect]| {
        let problem = judge(sku, adjustment, failed)?.with("request_id", request_id);
        reason = problem.kind();
        let place = (entry.pk.clone(), entry.sk.clone());
        let refusal = Refusal::new(place, &problem, &fingerprint, FINGERPRINT_VERSION_NOW, None);
        item_of(&refusal).ok()
    };
    let attempt = Attempt {
        id: &format!("{ID_PREFIX}{name}"),
        products: vec![sku.as_str()],
        record: &intent.record,
        fingerprints: adjustment,
    };
    let write = settle(session, &intent, adjustment, refuse);
    match turns.around(session, &attempt, write).await? {
        Settled::Done => entry.answer(Outcome::Adjusted),
        Settled::Before(record) => Record::read(record)?.replay(),
        Settled::Refused(record) => Record::read(record)?.answer(Outcome::Refused(reason)),
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
    fn an_adjustment_moves_what_came_in_and_needs_what_it_takes_away() {
        for delta in [-3, 4] {
            let movement = movement(&"TEA".parse().unwrap(), delta);
            assert_eq!(movement.values[":d"], number(delta));
            assert_eq!(movement.values[":minus_d"], number(-delta));
            assert_eq!(&*movement.condition, ADJUST_CONDITION);
        }
    }

    #[test]
    fn stock_can_become_0_and_not_less() {
        let sku = "TEA".parse().unwrap();
        let judged = |available: i64, delta: &str| {
            let stock = Item::from([("available".to_owned(), number(available))]);
            let failed = [FailedEffect {
                index: 0,
                item: Some(stock),
            }];
            judge(&sku, &parse(delta, "x").unwrap(), &failed)
        };
        assert!(judged(3, "-3").is_none());
        assert!(judged(3, "1").is_none());
        let problem = judged(3, "-4").unwrap();
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
        let failed = [FailedEffect {
            index: 0,
            item: None,
        }];
        let adjustment = parse("1", "x").unwrap();
        let problem = judge(&"TEA".parse().unwrap(), &adjustment, &failed).unwrap();
        assert_eq!(
            (problem.status().as_u16(), problem.kind()),
            (422, "unknown-product")
        );
        assert!(judge(&"TEA".parse().unwrap(), &adjustment, &[]).is_none());
    }
}
