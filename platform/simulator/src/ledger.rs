//! What each record in the table adds to the books of its products.

use std::collections::BTreeMap;

use orders::Books;
use serde_json::Value;

use super::commit::Change;
use super::request::{number, text};

/// What an item adds to the books, by SKU. Empty for anything but orders, adjustments and
/// returns.
pub(crate) fn entries(item: Option<&Value>) -> Vec<(String, Books)> {
    let Some(item) = item else {
        return Vec::new();
    };
    let (pk, sk) = (text(item, "pk"), text(item, "sk"));
    let (Some(pk), Some(sk)) = (pk, sk) else {
        return Vec::new();
    };
    match (pk.split_once('#'), sk.split_once('#')) {
        (Some(("ORD", _)), None) => of_order(item),
        (Some(("ORD", _)), Some(("RET", _))) => of_return(item),
        (Some(("SKU", sku)), Some(("ADJ", _))) => {
            let delta = number(item, "delta").unwrap_or_default();
            vec![(sku.to_owned(), Books::of_adjustment(delta))]
        }
        _ => Vec::new(),
    }
}

/// What the records of a commit add to the books of one product.
pub(crate) fn recorded<'changes>(
    changes: &'changes [Change],
    side: impl Fn(&'changes Change) -> Option<&'changes Value>,
    sku: &str,
) -> Books {
    let entries = changes.iter().flat_map(|change| entries(side(change)));
    let own = entries.filter(|(other, _)| other == sku);
    own.fold(Books::default(), |sum, (_, books)| sum + books)
}

/// The maps of a list of an item.
pub(crate) fn maps<'item>(item: &'item Value, name: &str) -> impl Iterator<Item = &'item Value> {
    let list = item.get(name).and_then(|list| list.get("L")?.as_array());
    list.into_iter().flatten().filter_map(|map| map.get("M"))
}

/// The products and quantities of a list of an item.
pub(crate) fn quantities(item: &Value, name: &str) -> impl Iterator<Item = (String, i64)> {
    let goods = |goods| Some((text(goods, "sku")?.to_owned(), number(goods, "quantity")?));
    maps(item, name).filter_map(goods)
}

/// What left with an order and did not come back, by SKU.
pub(crate) fn out(order: Option<&Value>) -> BTreeMap<String, i64> {
    let mut out = BTreeMap::new();
    for (sku, books) in entries(order) {
        *out.entry(sku).or_default() += books.sent;
    }
    out
}

fn of_order(order: &Value) -> Vec<(String, Books)> {
    let status = text(order, "status").unwrap_or_default();
    let line = |line: &Value| {
        let sku = text(line, "sku")?;
        let back: i64 = quantities(order, "returned")
            .filter(|(other, _)| other == sku)
            .map(|(_, quantity)| quantity)
            .sum();
        let books = Books::of_line(status, number(line, "quantity")?, back)?;
        Some((sku.to_owned(), books))
    };
    maps(order, "lines").filter_map(line).collect()
}

fn of_return(entry: &Value) -> Vec<(String, Books)> {
    let restock = entry
        .get("restock")
        .and_then(|it| it.get("BOOL")?.as_bool());
    let line = |(sku, quantity)| Some((sku, Books::of_return(quantity, restock?)));
    quantities(entry, "lines").filter_map(line).collect()
}
