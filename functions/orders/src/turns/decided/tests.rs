//! What Redis keeps of a decision, and what of it is trusted.

use http::StatusCode;
use shared::problem::Problem;

use super::*;
use crate::adjust::Adjustment;
use crate::draft::Draft;
use crate::ledger;
use crate::order::Order;
use crate::order::tests::{BODY as OURS, NOW, order};
use crate::refusal::Refusal;
use crate::status::Status;

const THEIRS: &[u8] = br#"{"currency": "KRW", "lines": [
    {"sku": "TEA-01", "quantity": 3, "unit_price": 19900}
]}"#;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_320_306).unwrap()
}

fn item(record: &impl Serialize) -> Item {
    serde_dynamo::to_item(record).unwrap()
}

fn with_status(status: Status) -> Item {
    item(&Order { status, ..order() })
}

fn refusal(hours_left: i64) -> Item {
    let problem = Problem::new(
        StatusCode::CONFLICT,
        "out-of-stock",
        "No",
        "TEA-01 \"0\" é".to_owned(),
    );
    let fingerprint = Draft::parse(OURS).unwrap().fingerprint(1).unwrap();
    let order = order();
    let end = now().as_second() + hours_left * 60 * 60;
    item(&Refusal::new(
        (order.pk, order.sk),
        &problem,
        &fingerprint,
        1,
        Some(end),
    ))
}

/// The record that a request for `body` under the order's key takes from an entry.
fn trusted_of(body: &[u8], text: &str) -> Option<Item> {
    let order = order();
    let key = (order.pk.as_str(), order.sk.as_str());
    trusted(text, key, &Draft::parse(body).unwrap(), now())
}

#[test]
fn a_decision_that_cannot_change_comes_back_as_it_was() {
    for record in [
        with_status(Status::Cancelled),
        with_status(Status::Expired),
        refusal(14 * 24),
    ] {
        let entry = entry(&record, now()).unwrap();
        assert_eq!(trusted_of(OURS, &entry), Some(record));
    }
    let adjustment = Adjustment::parse(br#"{"delta": -3, "reason": "broken"}"#).unwrap();
    let record = item(&ledger::Entry {
        pk: "SKU#TEA-01".to_owned(),
        sk: "ADJ#1".to_owned(),
        delta: -3,
        reason: "broken".parse().unwrap(),
        by: "local#a".to_owned(),
        at: NOW,
        answer_version: 1,
        fingerprint: adjustment.fingerprint(1).unwrap().as_str().to_owned(),
        fingerprint_version: 1,
    });
    let entry = entry(&record, now()).unwrap();
    let found = trusted(&entry, ("SKU#TEA-01", "ADJ#1"), &adjustment, now());
    assert_eq!(found, Some(record.clone()));
    let other = trusted(&entry, ("SKU#TEA-01", "ADJ#2"), &adjustment, now());
    assert_eq!(other, None);
}

#[test]
fn of_an_order_that_can_still_change_redis_keeps_only_that_it_was_placed() {
    for status in [Status::Pending, Status::Confirmed] {
        let record = with_status(status);
        let entry = entry(&record, now()).unwrap();
        assert!(
            !entry.contains("status") && !entry.contains("TEA-01"),
            "{entry}"
        );
        let mark = trusted_of(OURS, &entry).unwrap();
        assert!(!is_final(&mark));
        assert_eq!(mark.len(), MARK.len());
    }
}

#[test]
fn an_entry_of_another_request_or_another_decision_is_not_trusted() {
    for record in [
        with_status(Status::Cancelled),
        with_status(Status::Pending),
        refusal(14 * 24),
    ] {
        let entry = entry(&record, now()).unwrap();
        assert_eq!(trusted_of(THEIRS, &entry), None);
        let others = entry.replace(&order().pk, "ORD#ord_aaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_ne!(others, entry);
        assert_eq!(trusted_of(OURS, &others), None);
    }
}

#[test]
fn an_entry_of_another_form_or_version_is_not_trusted() {
    let good = entry(&with_status(Status::Cancelled), now()).unwrap();
    assert!(trusted_of(OURS, &good).is_some());
    let newer = good.replace("\"version\":1,\"record\"", "\"version\":2,\"record\"");
    let other_print = good.replace("\"fingerprint_version\":1", "\"fingerprint_version\":3");
    let more = good.replacen('{', "{\"more\":1,", 1);
    let cut: String = good.chars().take(good.len() / 2).collect();
    for bad in [newer, other_print, more, cut] {
        assert_ne!(bad, good);
        assert_eq!(trusted_of(OURS, &bad), None, "{bad}");
    }
    for bad in [
        "",
        "null",
        "{}",
        "[]",
        "1",
        "{\"version\":1,\"record\":[]}",
        "{\"version\":1,\"record\":{}}",
    ] {
        assert_eq!(trusted_of(OURS, bad), None, "{bad}");
    }
}

#[test]
fn redis_does_not_answer_with_a_refusal_in_its_last_day() {
    let long = entry(&refusal(14 * 24), now()).unwrap();
    assert!(trusted_of(OURS, &long).is_some());
    assert_eq!(entry(&refusal(23), now()), None);
    let end = now().as_second() + 14 * 24 * 60 * 60;
    let late = long.replace(&end.to_string(), &(now().as_second() + 60).to_string());
    assert_ne!(late, long);
    assert_eq!(
        trusted_of(OURS, &late),
        None,
        "a Redis restored from an old copy"
    );
}

#[test]
fn an_entry_that_would_be_too_large_is_not_kept() {
    let mut record = refusal(14 * 24);
    let long = "x".repeat(ENTRY_BYTES_MAX);
    record.insert(
        "answer".to_owned(),
        aws_sdk_dynamodb::types::AttributeValue::S(long),
    );
    assert_eq!(entry(&record, now()), None);
}
