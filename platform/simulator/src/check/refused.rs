//! Checks that nobody was told "sold out" too early: a refusal for lack of stock is true at some
//! moment between the request that it decided and its record.

use std::time::Duration;

use serde_json::Value;

use super::seen::TORN_MAX;
use crate::functions::Answer;
use crate::history::Call;
use crate::journal::Journal;

/// Checks a refusal. It names the request that it decided.
pub(crate) fn refused(
    history: &[Call],
    answer: &Answer,
    ended: Duration,
    journal: &Journal,
) -> Result<(), String> {
    let Ok(body) = serde_json::from_str::<Value>(&answer.body) else {
        return Ok(());
    };
    let member = |name: &str| body.get(name).and_then(Value::as_str);
    let number = member("request_id").and_then(|id| id.strip_prefix("call-")?.parse().ok());
    let decided = number.and_then(|number: usize| history.get(number));
    let (Some(decided), 409) = (decided, answer.status) else {
        return Ok(());
    };
    let lines = body.get("lines").and_then(Value::as_array);
    for line in lines.into_iter().flatten() {
        let of = |name: &str| line.get(name);
        let requested = of("requested").and_then(Value::as_i64);
        let (Some("out-of-stock"), Some(sku), Some(requested)) = (
            of("reason").and_then(Value::as_str),
            of("sku").and_then(Value::as_str),
            requested,
        ) else {
            continue;
        };
        // A delivery can be committed and not be seen yet, as long as nobody has its answer. An order that
        // came after it can be seen all the same.
        let span = (decided.began, ended);
        let fewest = journal.stock.fewest(sku, span, TORN_MAX);
        if fewest.is_none_or(|fewest| requested <= fewest) {
            return Err(format!(
                "there were always enough of {sku}: at least {fewest:?}, and {requested} were wanted"
            ));
        }
    }
    Ok(())
}
