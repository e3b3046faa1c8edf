//! Each test makes the protocol unsafe in one way, and the simulation must notice.
//!
//! The shipped functions run unchanged. The network changes their requests or the responses, as if
//! the functions had a mistake. A simulation that does not notice proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use database::Response;
use serde_json::{Value, json};
use simulator::Sabotage;
use simulator::request::{Key, Operation, Request};

use super::sabotage::*;

#[test]
fn an_order_without_the_condition_on_available_stock_is_caught() {
    assert_caught(
        forget("available >= :q", "attribute_exists(pk)"),
        "is negative",
    );
}

#[test]
fn an_order_without_the_conditions_on_the_offer_is_caught() {
    let weakened = "(sellable = :true OR sellable <> :true) AND currency = :c AND (unit_price = :p OR unit_price <> :p)";
    let condition = "sellable = :true AND currency = :c AND unit_price = :p";
    assert_caught(forget(condition, weakened), "were not on offer");
}

#[test]
fn an_adjustment_without_the_condition_on_available_stock_is_caught() {
    let weakened = "(available >= :minus_d OR available < :minus_d)";
    assert_caught(forget("available >= :minus_d", weakened), "is negative");
}

#[test]
fn a_decision_that_overwrites_an_earlier_one_is_caught() {
    let weakened = "(attribute_exists(pk) OR attribute_not_exists(pk))";
    assert_caught(forget("attribute_not_exists(pk)", weakened), "went from");
}

#[test]
fn a_change_of_an_order_at_any_version_is_caught() {
    assert_caught(
        forget("version = :read", "(version = :read OR version <> :read)"),
        "went from",
    );
}

#[test]
fn a_release_of_stock_that_is_not_taken_is_caught() {
    // A cancel or an expiry at any version gives stock back twice.
    let unchecked = [
        ("version = :read", "(version = :read OR version <> :read)"),
        ("taken >= :q", "attribute_exists(pk)"),
    ];
    assert_caught(forget_all(unchecked), "went from version");
}

#[test]
fn a_payment_that_confirms_two_orders_is_caught() {
    let condition = "attribute_not_exists(pk) OR order_id = :this";
    let weakened = "attribute_not_exists(pk) OR order_id = :this OR order_id <> :this";
    assert_caught(forget(condition, weakened), "confirmed");
}

#[test]
fn a_refusal_that_is_not_recorded_is_caught() {
    let unrecorded = OfRequests(|request: &mut Request| {
        (request.operation == Operation::PutItem).then(|| Response::ok(json!({})))
    });
    assert_caught(unrecorded, "the table says");
}

/// A function that got no answer reads the record, and takes its absence for a refusal.
#[derive(Default)]
struct AnswersFromARead {
    sent: Mutex<BTreeSet<String>>,
    refused: Mutex<BTreeSet<Key>>,
}

impl Sabotage for AnswersFromARead {
    fn request(&self, request: &mut Request, items: &BTreeMap<Key, Value>) -> Option<Response> {
        let record = request.keys.first()?.clone();
        if request.operation == Operation::PutItem {
            let is_unrecorded = self.refused.lock().unwrap().remove(&record);
            return is_unrecorded.then(|| Response::ok(json!({})));
        }
        let token = request.token()?.to_owned();
        let is_repeat = !self.sent.lock().unwrap().insert(token);
        let places = record.1 == "ORDER" && request.actions()[0].get("Put").is_some();
        if !is_repeat || !places || items.contains_key(&record) {
            return None;
        }
        let mut stock = items.get(&request.keys[1])?.clone();
        stock["available"] = json!({"N": "0"});
        let mut refusal = Response::cancelled(&["None", "ConditionalCheckFailed"]);
        refusal.reasons_mut()?[1]["Item"] = stock;
        self.refused.lock().unwrap().insert(record);
        Some(refusal)
    }
}

#[test]
fn a_refusal_decided_by_a_read_is_caught() {
    assert_caught(AnswersFromARead::default(), "the table says");
}

#[test]
fn reading_the_stocks_reasons_before_the_records_is_caught() {
    /// A refusal that is sent without being recorded, although the record's own condition failed.
    #[derive(Default)]
    struct StockFirst(Mutex<BTreeSet<Key>>);
    impl Sabotage for StockFirst {
        fn request(&self, request: &mut Request, _: &BTreeMap<Key, Value>) -> Option<Response> {
            let is_unrecorded = request.operation == Operation::PutItem
                && self.0.lock().unwrap().remove(request.keys.first()?);
            is_unrecorded.then(|| Response::ok(json!({})))
        }

        fn response(&self, request: &Request, response: &mut Response) {
            let Some(reasons) = response.reasons_mut() else {
                return;
            };
            let failed = |reason: &Value| reason["Code"] == "ConditionalCheckFailed";
            if reasons.len() > 1 && failed(&reasons[0]) && reasons[1..].iter().any(failed) {
                reasons[0] = json!({"Code": "None"});
                self.0.lock().unwrap().insert(request.keys[0].clone());
            }
        }
    }
    assert_caught(StockFirst::default(), "the table says");
}

#[test]
fn a_cancel_that_gives_no_stock_back_is_caught() {
    assert_caught(
        leave_out(|action| update(action).contains("available = available + :q, taken =")),
        "its stock",
    );
}

#[test]
fn an_adjustment_without_its_record_is_caught() {
    let entry = |action: &Value| sort_key(&action["Put"]).starts_with("ADJ#");
    assert_caught(leave_out(entry), "its ledger");
}

#[test]
fn an_order_that_takes_no_stock_is_caught() {
    assert_caught(
        leave_out(|action| update(action).contains("taken = taken + :q")),
        "were not on offer",
    );
}

#[test]
fn an_order_that_expires_by_time_to_live_is_caught() {
    let deleted = OfRequests(|request: &mut Request| {
        for action in request.actions_mut().into_iter().flatten() {
            if sort_key(&action["Put"]) == "ORDER" {
                let end = action["Put"]["Item"]["hold_expires_at"]["S"]
                    .as_str()
                    .unwrap_or_default();
                let seconds = end.parse::<i64>().unwrap_or_default() / 1_000;
                action["Put"]["Item"]["expires_at"] = json!({"N": seconds.to_string()});
            }
        }
        None
    });
    assert_caught(deleted, "to none");
}

#[test]
fn a_cancelled_transaction_that_hides_its_first_reason_is_caught() {
    // A client that asks again never learns that its order was placed.
    let hidden = OfAnswers(|_: &Request, response: &mut Response| {
        if let Some(first) = response
            .reasons_mut()
            .and_then(|reasons| reasons.first_mut())
        {
            *first = json!({"Code": "None"});
        }
    });
    assert_caught(hidden, "no definitive answer");
}

#[test]
fn a_cancelled_transaction_that_is_reported_as_committed_is_caught() {
    let claimed = OfAnswers(|request: &Request, response: &mut Response| {
        if request.operation == Operation::TransactWriteItems && response.reasons().is_some() {
            *response = Response::ok(json!({}));
        }
    });
    assert_caught(claimed, "the table says");
}

#[test]
fn one_token_for_all_transactions_is_caught() {
    let reused = OfRequests(|request: &mut Request| {
        if request.operation == Operation::TransactWriteItems {
            request.body["ClientRequestToken"] = "always the same".into();
        }
        None
    });
    assert_caught(reused, "no definitive answer");
}

#[test]
fn a_wrong_copy_of_the_existing_record_is_caught() {
    let other = OfAnswers(|_: &Request, response: &mut Response| {
        let reasons = response.reasons_mut().into_iter().flatten();
        for total in reasons.filter_map(|reason| reason.pointer_mut("/Item/total/N")) {
            *total = "1".into();
        }
    });
    assert_caught(other, "different bytes");
}
