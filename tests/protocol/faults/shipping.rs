//! Each test makes fulfilments or returns unsafe in one way, and the simulation must notice.

use database::Response;
use serde_json::{Value, json};
use simulator::Sabotage;
use simulator::request::{Operation, Request};

use super::sabotage::*;

/// Part of the update of each write.
const FULFIL: &str = "fulfilment_reference = :reference";
const SHIP: &str = "shipped = if_not_exists(shipped, :zero) + :q";
const RETURN: &str = "return_count = :count";
const WRITE_OFF: &str = "received = received - :q";
const CANCEL: &str = "cancelled_at = :now";

const UNCHANGED: &str = "version = :read";
const ANY_VERSION: &str = "(version = :read OR version <> :read)";

/// A change that does not notice that the goods of the order have left.
fn blind_to_shipping(change: &'static str) -> impl Sabotage {
    change_writes(move |write: &mut Value| {
        let update = write["UpdateExpression"].as_str().unwrap_or_default();
        if update.contains(change) {
            let condition = "(version = :read OR #status = :left)";
            write["ConditionExpression"] = condition.into();
            write["ExpressionAttributeValues"][":left"] = json!({"S": "fulfilled"});
        } else if update.contains(SHIP) {
            // The stock's own condition is a second guard against shipping twice.
            write["ConditionExpression"] = "attribute_exists(pk)".into();
        }
    })
}

#[test]
fn an_order_that_ships_twice_is_caught() {
    assert_caught(blind_to_shipping(FULFIL), "went from version");
}

#[test]
fn a_fulfilment_of_an_order_at_any_version_is_caught() {
    assert_caught(forget_in(FULFIL, UNCHANGED, ANY_VERSION), "went from");
}

#[test]
fn a_return_of_more_than_was_shipped_is_caught() {
    let weaken = change_writes(|write: &mut Value| {
        let update = write["UpdateExpression"].as_str().unwrap_or_default();
        if update.contains(RETURN) {
            write["ConditionExpression"] = ANY_VERSION.into();
        } else if update.contains("shipped = shipped - :q") {
            write["ConditionExpression"] = "attribute_exists(pk)".into();
        }
    });
    assert_caught(weaken, "came back");
}

#[test]
fn a_cancel_after_the_goods_left_is_caught() {
    let expected = "went from fulfilled to cancelled";
    assert_caught(blind_to_shipping(CANCEL), expected);
}

#[test]
fn goods_that_come_back_without_a_record_are_caught() {
    let record = |action: &Value| sort_key(&action["Put"]).starts_with("RET#");
    assert_caught(leave_out(record), "came back, and 0 returns say");
}

#[test]
fn a_refused_return_that_is_not_recorded_is_caught() {
    let unrecorded = OfRequests(|request: &mut Request| {
        let refuses = request.operation == Operation::PutItem;
        let is_return = request.keys.first()?.1.starts_with("RET#");
        (refuses && is_return).then(|| Response::ok(json!({})))
    });
    assert_caught(unrecorded, "the table says");
}

#[test]
fn a_fulfilment_that_moves_no_stock_is_caught() {
    assert_caught(
        leave_out(|action| update(action).contains(SHIP)),
        "without its stock",
    );
}

#[test]
fn a_write_off_that_still_counts_as_received_is_caught() {
    let kept = change_writes(|write: &mut Value| {
        let update = write["UpdateExpression"].as_str().unwrap_or_default();
        if update.contains(WRITE_OFF) {
            let kept = update.replace(&format!("{WRITE_OFF}, "), "");
            write["UpdateExpression"] = kept.into();
        }
    });
    assert_caught(kept, "is not received");
}

#[test]
fn goods_that_are_restocked_but_stay_shipped_are_caught() {
    let kept = change_writes(|write: &mut Value| {
        let update = write["UpdateExpression"].as_str().unwrap_or_default();
        if update.contains("shipped = shipped - :q, available") {
            let kept = update.replace("shipped = shipped - :q, ", "");
            write["UpdateExpression"] = kept.into();
        }
    });
    assert_caught(kept, "is not received");
}

#[test]
fn a_return_that_is_not_counted_in_its_order_is_caught() {
    assert_caught(
        leave_out(|action| update(action).contains(RETURN)),
        "without a change of the order",
    );
}
