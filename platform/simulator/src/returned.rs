//! What must hold when goods come back: a return and its order change together, once, and say the
//! same.

use std::collections::BTreeMap;

use serde_json::Value;

use super::commit::Change;
use super::ledger::{out, quantities};
use super::request::{number, text};

/// Judges the record of a return: it is written once, with its order, and no more comes back than
/// was shipped. A refused return leaves the order as it is.
pub(crate) fn recorded(id: &str, change: &Change, changes: &[Change]) -> Result<(), String> {
    let (None, Some(new)) = (&change.old, &change.new) else {
        return Err(format!("a return of the order {id} was changed"));
    };
    if text(new, "status") == Some("rejected") {
        return Ok(());
    }
    let place = ("ORD#".to_owned() + id, "ORDER".to_owned());
    let order = changes.iter().find(|change| change.key == place);
    let Some(order) = order.and_then(|change| change.new.as_ref()) else {
        return Err(format!(
            "goods of the order {id} were returned without a change of the order"
        ));
    };
    let out = out(Some(order));
    if out.values().any(|quantity| *quantity < 0) {
        return Err(format!(
            "more of the order {id} came back than was shipped: {out:?} are still out"
        ));
    }
    Ok(())
}

/// Judges a change of a fulfilled order: what came back is what one return in the same commit says.
pub(crate) fn counted(
    id: &str,
    (old, new): (&Value, &Value),
    changes: &[Change],
) -> Result<(), String> {
    let partition = "ORD#".to_owned() + id;
    let is_return =
        |change: &&Change| change.key.0 == partition && change.key.1.starts_with("RET#");
    let returns: Vec<_> = changes.iter().filter(is_return).collect();
    let mut said: BTreeMap<String, i64> = BTreeMap::new();
    for entry in returns.iter().filter_map(|change| change.new.as_ref()) {
        for (sku, quantity) in quantities(entry, "lines") {
            *said.entry(sku).or_default() += quantity;
        }
    }
    let mut back = out(Some(old));
    for (sku, still_out) in out(Some(new)) {
        *back.entry(sku).or_default() -= still_out;
    }
    back.retain(|_, quantity| *quantity != 0);
    if returns.len() != 1 || back != said {
        let count = returns.len();
        return Err(format!(
            "{back:?} of the order {id} came back, and {count} returns say {said:?}"
        ));
    }
    let counted = |order| number(order, "return_count").unwrap_or_default();
    if counted(new) != counted(old) + 1 {
        return Err(format!("the order {id} did not count its return"));
    }
    Ok(())
}
