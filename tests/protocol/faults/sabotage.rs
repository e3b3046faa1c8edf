//! Ways to make the protocol unsafe, and the worlds that must notice.

use std::collections::BTreeMap;
use std::sync::Arc;

use database::Response;
use serde_json::Value;
use simulator::request::{Key, Operation, Request};
use simulator::{Plan, Sabotage, run};

/// How many worlds are run at most until one notices.
const SEEDS: u64 = 100;

/// Runs worlds until one has the violation `expected`. What is unsafe shows in several ways, and a
/// world may have another one first.
#[track_caller]
pub(super) fn assert_caught(sabotage: impl Sabotage + 'static, expected: &str) {
    let plan = Plan {
        sabotage: Some(Arc::new(sabotage)),
        operations: 60,
        ..Plan::default()
    };
    let mut others = String::new();
    for seed in 1..=SEEDS {
        let outcome = run(seed, &plan).unwrap();
        let all = outcome.violations.join("\n");
        if all.contains(expected) {
            println!("caught by seed {seed}: {all}");
            return;
        }
        others.push_str(&all);
    }
    panic!("not caught in {SEEDS} worlds, but: {others}");
}

/// Changes every request.
pub(super) struct OfRequests<F>(pub(super) F);

impl<F: Fn(&mut Request) -> Option<Response> + Send + Sync> Sabotage for OfRequests<F> {
    fn request(&self, request: &mut Request, _: &BTreeMap<Key, Value>) -> Option<Response> {
        self.0(request)
    }
}

/// Changes every response.
pub(super) struct OfAnswers<F>(pub(super) F);

impl<F: Fn(&Request, &mut Response) + Send + Sync> Sabotage for OfAnswers<F> {
    fn response(&self, request: &Request, response: &mut Response) {
        self.0(request, response);
    }
}

/// Replaces `part` by `instead` in the condition of every write.
pub(super) fn forget(part: &'static str, instead: &'static str) -> impl Sabotage {
    forget_in("", part, instead)
}

/// Replaces `part` by `instead` in the condition of every write whose update contains `of`.
pub(super) fn forget_in(
    of: &'static str,
    part: &'static str,
    instead: &'static str,
) -> impl Sabotage {
    change_writes(move |write| {
        let updates = write["UpdateExpression"].as_str().unwrap_or_default();
        let condition = write["ConditionExpression"].as_str();
        if let Some(condition) = condition.filter(|_| updates.contains(of)) {
            // DynamoDB refuses unused placeholders: the new condition or the update must use them.
            write["ConditionExpression"] = condition.replace(part, instead).into();
        }
    })
}

/// Replaces several parts in the condition of every write.
pub(super) fn forget_all<const N: usize>(
    parts: [(&'static str, &'static str); N],
) -> impl Sabotage {
    change_writes(move |write| {
        let Some(condition) = write["ConditionExpression"].as_str() else {
            return;
        };
        let weaken = |condition: String, (part, instead)| condition.replace(part, instead);
        let weakened = parts.into_iter().fold(condition.to_owned(), weaken);
        write["ConditionExpression"] = weakened.into();
    })
}

/// Changes every write: a single one, and each action of a transaction.
pub(super) fn change_writes(change: impl Fn(&mut Value) + Send + Sync) -> impl Sabotage {
    OfRequests(move |request: &mut Request| {
        if request.operation != Operation::TransactWriteItems {
            if request.operation.writes() {
                change(&mut request.body);
            }
            return None;
        }
        for action in request.actions_mut().into_iter().flatten() {
            let writes = action.as_object_mut();
            let writes = writes.into_iter().flat_map(serde_json::Map::values_mut);
            writes.for_each(&change);
        }
        None
    })
}

/// Removes the unwanted actions from every transaction.
pub(super) fn leave_out(unwanted: impl Fn(&Value) -> bool + Send + Sync) -> impl Sabotage {
    OfRequests(move |request: &mut Request| {
        if let Some(actions) = request.actions_mut() {
            actions.retain(|action| !unwanted(action));
        }
        None
    })
}

pub(super) fn sort_key(put: &Value) -> &str {
    put["Item"]["sk"]["S"].as_str().unwrap_or_default()
}

pub(super) fn update(action: &Value) -> &str {
    action["Update"]["UpdateExpression"]
        .as_str()
        .unwrap_or_default()
}
