//! The database says less than it could: a condition that failed without its item, or an error
//! that nobody has listed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use database::Response;
use serde_json::Value;
use simulator::Sabotage;
use simulator::fault::Accident;
use simulator::history::Wish;
use simulator::request::{Key, Request};

use super::stage::*;

/// Answers the next writes in the database's place. `None` lets one pass.
#[derive(Default)]
struct Instead(Mutex<VecDeque<Option<Response>>>);

impl Sabotage for Instead {
    fn request(&self, request: &mut Request, _: &BTreeMap<Key, Value>) -> Option<Response> {
        if !request.operation.writes() {
            return None;
        }
        self.0.lock().unwrap().pop_front().flatten()
    }
}

/// Runs a test in which the next writes can be answered in the database's place.
fn instead(tea: i64, test: impl FnOnce(&Stage, &dyn Fn(Vec<Option<Response>>))) {
    let answers = Arc::<Instead>::default();
    let sabotage = Arc::clone(&answers);
    stage_with(tea, Some(sabotage), |stage| {
        test(stage, &|next| answers.0.lock().unwrap().extend(next));
    });
}

/// A cancellation with these codes, without the items that were in the way.
fn without_items(codes: &[&str]) -> Vec<Option<Response>> {
    vec![Some(Response::cancelled(codes))]
}

#[test]
fn stock_that_fails_without_its_item_is_not_recorded_as_an_unknown_product() {
    instead(5, |stage, next| {
        next(without_items(&["None", "ConditionalCheckFailed"]));
        let placed = stage.ask(&tea("key-1", 2));
        assert_eq!(placed.status, 201, "{placed}");
        next(without_items(&["None", "ConditionalCheckFailed"]));
        let refused = stage.ask(&tea("key-2", 9));
        assert_eq!(refused.kind().as_deref(), Some("out-of-stock"));
        next(without_items(&["None", "ConditionalCheckFailed"]));
        let adjusted = stage.ask(&Wish::stock("count", "TEA", -1));
        assert_eq!(adjusted.status, 201, "{adjusted}");
        let unknown = stage.ask(&Wish::order("key-3", "NONE", 1, 100));
        assert_eq!(unknown.kind().as_deref(), Some("unknown-product"));
    });
}

#[test]
fn an_order_that_fails_without_its_item_is_not_answered_as_missing() {
    instead(5, |stage, next| {
        let id = id(&stage.ask(&tea("key-1", 2)));
        let confirm = Wish::Confirm {
            id: id.clone(),
            reference: "pay-1".to_owned(),
            if_match: None,
        };
        next(without_items(&["ConditionalCheckFailed", "None"]));
        let confirmed = stage.ask(&confirm);
        assert_eq!(confirmed.status, 200, "{confirmed}");
        next(without_items(&["ConditionalCheckFailed", "None"]));
        let cancelled = stage.ask(&Wish::Cancel { id, if_match: None });
        assert_eq!(cancelled.status, 200, "{cancelled}");
    });
}

#[test]
fn a_product_that_fails_without_its_item_is_not_answered_as_changed() {
    instead(5, |stage, next| {
        let failed = Response::error(400, "ConditionalCheckFailedException", "");
        next(vec![Some(failed)]);
        let described = stage.ask(&describe(300, Some(1)));
        assert_eq!(described.status, 200, "{described}");
    });
}

fn describe(unit_price: i64, if_match: Option<i64>) -> Wish {
    Wish::Describe {
        sku: "TEA".to_owned(),
        unit_price,
        sellable: true,
        if_match,
        shards: None,
    }
}

#[test]
fn after_a_lost_answer_no_route_calls_the_end_a_defect() {
    instead(50, |stage, next| {
        let held = id(&stage.ask(&tea("held", 1)));
        let wishes = [
            tea("key-1", 2),
            Wish::stock("count", "TEA", 1),
            Wish::Confirm {
                id: held.clone(),
                reference: "pay-1".to_owned(),
                if_match: None,
            },
            Wish::Cancel {
                id: held,
                if_match: None,
            },
            describe(100, Some(1)),
        ];
        for wish in wishes {
            let expired = Response::error(400, "ExpiredTokenException", "");
            stage.next([goes_wrong(Accident::LoseAnswer { reset: true })]);
            next(vec![None, Some(expired)]);
            let answer = stage.ask(&wish);
            assert_eq!(
                (answer.status, answer.kind().as_deref()),
                (503, Some("outcome-unknown")),
                "{wish}: {answer}"
            );
            let found = stage.ask(&wish);
            assert!(found.status < 300, "{wish}: {found}");
        }
    });
}
