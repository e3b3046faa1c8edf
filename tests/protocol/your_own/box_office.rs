//! Books seats, each once for a key: `once` in another business.

use once::{
    Effect, FINGERPRINT, FINGERPRINT_VERSION, FailedEffect, Fingerprint, Fingerprints,
    IdempotencyKey, Intent, Item, Session, Settled, Unsettled, decision_name, number, settle, text,
    text_of,
};

/// A customer's request for a seat, under a key that the customer chose.
pub(crate) struct Request<'text> {
    pub(crate) customer: &'text str,
    pub(crate) key: &'text IdempotencyKey,
    pub(crate) seat: &'text str,
}

/// The decision. `replayed` is true if it was made before.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) replayed: bool,
}

impl Request<'_> {
    /// A digest of everything that makes two requests the same.
    fn asks_for(&self) -> Fingerprint {
        Fingerprint::of([self.seat.as_bytes()])
    }
}

impl Fingerprints for Request<'_> {
    fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
        (version == 1).then(|| self.asks_for())
    }
}

/// Books a seat, or gives the first answer again.
pub(crate) async fn book(
    session: &Session<'_>,
    request: &Request<'_>,
) -> Result<Answer, Unsettled> {
    let name = decision_name("box-office", request.customer, "book", request.key);
    // A booking and its refusal have the same primary key, so only one of them can exist.
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
    // Called only if a condition failed. The seat as it was then says why.
    let refuse = |failed: &[FailedEffect]| {
        let there_is_one = failed.iter().any(|seat| seat.item.is_some());
        let refused = if there_is_one { "taken" } else { "unknown" };
        Some(record(refused))
    };
    Ok(match settle(session, &intent, request, refuse).await? {
        Settled::Done(record) => Answer::of(&record, false),
        Settled::Refused(refusal) => Answer::of(&refusal, false),
        Settled::Before(record) => Answer::of(&record, true),
    })
}

impl Answer {
    fn of(record: &Item, replayed: bool) -> Self {
        let status = text_of(record, "status").unwrap_or_default().to_owned();
        Self { status, replayed }
    }
}
