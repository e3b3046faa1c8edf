//! Reads the keys of an index, and the items behind them.
//!
//! An index gives keys in order, but lags behind the table. The items are then read
//! with strong consistency, so a list never shows an older state than an earlier
//! answer.

use std::collections::HashMap;

use once::{Item, Pace, Page, Session, text_of};

use crate::error::Error;

/// Reads a page of an index. Repeats the read until it has an answer or the time is over.
pub(crate) async fn query(session: &Session<'_>, page: &Page<'_>) -> Result<Vec<Item>, Error> {
    let mut pace = Pace::default();
    let read = pace.read(session, || session.query(page));
    read.await?.ok_or(Error::Unavailable)
}

/// Reads the items of these keys, strongly consistent, in the keys' order.
/// Items that no longer exist are left out.
pub(crate) async fn read_in_order(
    session: &Session<'_>,
    keys: &[Item],
) -> Result<Vec<Item>, Error> {
    let unread: Vec<Item> = keys.iter().map(primary_key).collect();
    if unread.is_empty() {
        return Ok(Vec::new());
    }
    let mut found: HashMap<String, Item> = HashMap::with_capacity(keys.len());
    let mut pace = Pace::default();
    let send = |unread: &Vec<Item>| session.batch_get(unread.clone());
    let read = pace.repeat(session, unread, send, |(items, rest), unread| {
        found.extend(items.into_iter().map(|item| (partition(&item), item)));
        *unread = rest;
        Ok::<_, Error>(unread.is_empty().then_some(()))
    });
    read.await?.ok_or(Error::Unavailable)?;
    Ok(keys
        .iter()
        .filter_map(|key| found.remove(&partition(key)))
        .collect())
}

fn primary_key(item: &Item) -> Item {
    ["pk", "sk"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())))
        .collect()
}

/// The partition key identifies an item: a list has one item of each partition.
fn partition(item: &Item) -> String {
    text_of(item, "pk").unwrap_or_default().to_owned()
}
