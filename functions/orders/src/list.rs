//! Lists the caller's orders, newest first, and the products.
//!
//! The index gives keys in order, but lags behind the table. The items are then
//! read with strong consistency, so a list never shows an older state than an
//! earlier answer.

use std::collections::HashMap;

use http::StatusCode;
use once::{Item, Pace, Page, Session, text, text_of};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::caller::Caller;

use crate::answer::{Answer, Outcome};
use crate::cursor::Cursor;
use crate::customer::Customer;
use crate::error::Error;
use crate::fault::Fault;
use crate::order::{Order, OrderView};
use crate::product::{OWNER, Product, ProductView};

/// The number of entries of a page, unless the client sets a limit.
const LIMIT_DEFAULT: i32 = 20;

/// The most entries of a page: one batch read takes no more.
const LIMIT_MAX: i32 = 100;

/// The index of a customer's orders, by age. It also lists the products, under an
/// owner of their own.
pub const BY_OWNER: &str = "by_owner";

/// The page that a client requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PageRequest<'request> {
    limit: i32,
    cursor: Option<&'request str>,
}

impl<'request> PageRequest<'request> {
    /// Reads `limit` and `cursor`.
    ///
    /// # Errors
    /// The limit is not a number from 1 to 100.
    pub(crate) fn read(
        limit: Option<&str>,
        cursor: Option<&'request str>,
    ) -> Result<Self, Vec<Fault>> {
        let limit = match limit {
            None => LIMIT_DEFAULT,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or_else(|| {
                    let detail = format!("must be an integer from 1 to {LIMIT_MAX}");
                    vec![Fault::of_parameter("limit", detail)]
                })?,
        };
        Ok(Self { limit, cursor })
    }
}

#[derive(Serialize)]
struct Orders<'orders> {
    orders: Vec<OrderView<'orders>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct Products<'products> {
    products: Vec<ProductView<'products>>,
    next_cursor: Option<String>,
}

/// Lists the caller's orders, newest first.
///
/// # Errors
/// The cursor is not one of this list.
pub(crate) async fn list_orders(
    session: &Session<'_>,
    caller: &Caller,
    request: &PageRequest<'_>,
) -> Result<Answer, Error> {
    let customer = Customer::try_from(caller)?;
    let (items, next_cursor) = page(session, customer.as_str(), false, request).await?;
    let orders: Vec<Order> = parse(items)?;
    let list = Orders {
        orders: orders.iter().map(Order::view).collect(),
        next_cursor,
    };
    Answer::json(Outcome::Read, StatusCode::OK, &list)
}

/// Lists the products, in the order they were first described.
///
/// # Errors
/// The cursor is not one of this list.
pub(crate) async fn list_products(
    session: &Session<'_>,
    request: &PageRequest<'_>,
) -> Result<Answer, Error> {
    let (items, next_cursor) = page(session, OWNER, true, request).await?;
    let products: Vec<Product> = parse(items)?;
    let list = Products {
        products: products.iter().map(Product::view).collect(),
        next_cursor,
    };
    Answer::json(Outcome::Read, StatusCode::OK, &list)
}

/// Reads one page: keys of the index, then the items, in the index's order.
async fn page(
    session: &Session<'_>,
    owner: &str,
    forward: bool,
    request: &PageRequest<'_>,
) -> Result<(Vec<Item>, Option<String>), Error> {
    let cursor = request.cursor.map(|cursor| Cursor::read(cursor, owner));
    let after = cursor.transpose()?.map(|cursor| cursor.key());
    let page = Page {
        index: BY_OWNER,
        condition: "#owner = :owner",
        names: &[("#owner", "owner")],
        values: Item::from([(":owner".to_owned(), text(owner))]),
        forward,
        // One key more than requested shows whether there is a next page.
        limit: request.limit + 1,
        after: after.as_ref(),
    };
    let mut keys = query(session, &page).await?;
    let limit = usize::try_from(request.limit).unwrap_or_default();
    let more = limit < keys.len();
    keys.truncate(limit);
    let next = keys.last().filter(|_| more).and_then(Cursor::after);
    let items = read_in_order(session, &keys).await?;
    Ok((items, next.map(|cursor| cursor.write())))
}

fn parse<T: DeserializeOwned>(items: Vec<Item>) -> Result<Vec<T>, Error> {
    serde_dynamo::from_items(items)
        .map_err(|error| Error::Internal(format!("an item cannot be read: {error}")))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_1_to_100_entries_and_20_by_default() {
        assert_eq!(PageRequest::read(None, None).unwrap().limit, 20);
        assert_eq!(PageRequest::read(Some("1"), None).unwrap().limit, 1);
        assert_eq!(PageRequest::read(Some("100"), None).unwrap().limit, 100);
        for bad in ["", "0", "101", "-1", "1.0", " 1", "x", "99999999999"] {
            assert!(PageRequest::read(Some(bad), None).is_err(), "{bad}");
        }
    }
}
