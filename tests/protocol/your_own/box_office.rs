//! Owns the booking of seats, each once for a key: `once` in another business.

use aws_sdk_dynamodb::types::AttributeValue;
use once::{
    Effect, FINGERPRINT, FINGERPRINT_VERSION, FailedEffect, Fingerprint, Fingerprints,
    IdempotencyKey, Intent, Item, Session, Settled, Unsettled, settle,
};

/// Who asks for which seat, under a key of theirs.
pub(crate) struct Request<'text> {
    pub(crate) customer: &'text str,
    pub(crate) key: &'text IdempotencyKey,
    pub(crate) seat: &'text str,
}

/// What was decided; `replayed` if it was decided before.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) replayed: bool,
}

impl Request<'_> {
    /// Everything that makes two requests under one key the same request.
    fn asks_for(&self) -> Fingerprint {
        Fingerprint::of([self.seat.as_bytes()])
    }
}

impl Fingerprints for Request<'_> {
    fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
        (version == 1).then(|| self.asks_for())
    }
}

/// Books a seat, or tells what was decided under this key before.
pub(crate) async fn book(
    session: &Session<'_>,
    request: &Request<'_>,
) -> Result<Answer, Unsettled> {
    let name = once::decision_name("box-office", request.customer, "book", request.key);
    // A booking and its refusal have one primary key: only one of the two can ever be.
    let record = |status: &str| {
        Item::from([
            ("pk".to_owned(), text(format!("BOOKING#{name}"))),
            ("sk".to_owned(), text("BOOKING")),
            ("seat".to_owned(), text(request.seat)),
            ("status".to_owned(), text(status)),
            (FINGERPRINT.to_owned(), text(request.asks_for().as_str())),
            (FINGERPRINT_VERSION.to_owned(), number(1)),
        ])
    };
    let take = Effect {
        key: Item::from([
            ("pk".to_owned(), text(format!("SEAT#{}", request.seat))),
            ("sk".to_owned(), text("SEAT")),
        ]),
        update: "SET booking = :name",
        condition: "attribute_exists(pk) AND attribute_not_exists(booking)".into(),
        names: &[],
        values: Item::from([(":name".to_owned(), text(name.as_str()))]),
    };
    let intent = Intent {
        record: record("booked"),
        effects: vec![take],
    };
    // Asked only if a condition failed; the seat as it was then says why.
    let refuse = |failed: &[FailedEffect]| {
        let there_is_one = failed.iter().any(|seat| seat.item.is_some());
        let refused = if there_is_one { "taken" } else { "unknown" };
        Some(record(refused))
    };
    Ok(match settle(session, &intent, request, refuse).await? {
        Settled::Done => Answer::of(&intent.record, false),
        Settled::Refused(refusal) => Answer::of(&refusal, false),
        Settled::Before(record) => Answer::of(&record, true),
    })
}

impl Answer {
    fn of(record: &Item, replayed: bool) -> Self {
        let status = record.get("status").and_then(|status| status.as_s().ok());
        let status = status.cloned().unwrap_or_default();
        Self { status, replayed }
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
