//! Lists orders, newest first, and the products.

use http::StatusCode;
use once::{Item, Page, Session, text, text_of};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::caller::Caller;

use crate::answer::{Answer, Outcome};
use crate::available::available;
use crate::cursor::{Cursor, List};
use crate::customer::Customer;
use crate::day_cursor::DayCursor;
use crate::day_list;
use crate::error::Error;
use crate::hints::Hints;
use crate::index::{query, read_in_order};
use crate::list_request::{LIMIT_MAX, OrdersRequest, PageRequest, Which};
use crate::order::Order;
use crate::order_view::OrderView;
use crate::product::{OWNER, Product, ProductView};
use crate::read::SCOPE_READ_ANY;

/// The index of a customer's orders, by age. It also lists the products, under an
/// owner of their own.
pub const BY_OWNER: &str = "by_owner";

/// How many shards the products of one page have together at most. Each is a read.
const SHARDS_A_PAGE: u32 = 200;

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

/// Lists orders, newest first: the caller's own, or any with [`SCOPE_READ_ANY`].
///
/// With a status, a page examines at most [`LIMIT_MAX`] orders and shows those of
/// that status. So it can be short, or empty, and still not be the last.
///
/// # Errors
/// The cursor is not one of this list, or the caller may not read it.
pub(crate) async fn list_orders(
    session: &Session<'_>,
    caller: &Caller,
    request: &OrdersRequest<'_>,
) -> Result<Answer, Error> {
    if request.which != Which::Own && !caller.may(SCOPE_READ_ANY) {
        return Err(Error::Forbidden(SCOPE_READ_ANY));
    }
    let examined = match request.status {
        Some(_) => LIMIT_MAX,
        None => request.page.limit,
    };
    let own;
    let (orders, next_cursor) = match &request.which {
        Which::On(day) => {
            let cursor = request
                .page
                .cursor
                .map(|cursor| DayCursor::read(cursor, *day));
            let cursor = cursor.transpose()?;
            let keys = day_list::keys(session, *day, cursor.as_ref(), examined).await?;
            let (orders, listed, more) = select(session, &keys, examined, request).await?;
            let next = more
                .then(|| day_list::after(*day, cursor, listed))
                .flatten();
            (orders, next.map(|cursor| cursor.write()))
        }
        which => {
            let customer = match which {
                Which::Of(customer) => customer,
                Which::Own | Which::On(_) => {
                    own = Customer::try_from(caller)?;
                    &own
                }
            };
            let owner = customer.as_str();
            let keys = keys(session, List::Orders, owner, request.page.cursor, examined).await?;
            let (orders, listed, more) = select(session, &keys, examined, request).await?;
            let next = listed.last().filter(|_| more).and_then(Cursor::after);
            (orders, next.map(|cursor| cursor.write()))
        }
    };
    let list = Orders {
        orders: orders.iter().map(Order::view).collect(),
        next_cursor,
    };
    Answer::json(Outcome::Read, StatusCode::OK, &list)
}

/// Reads the orders of these keys, and takes those of the requested status until the
/// page is full. Returns them, the keys that were used, and whether there are more.
async fn select<'keys>(
    session: &Session<'_>,
    keys: &'keys [Item],
    examined: i32,
    request: &OrdersRequest<'_>,
) -> Result<(Vec<Order>, &'keys [Item], bool), Error> {
    let limit = usize::try_from(request.page.limit).unwrap_or_default();
    let examined = usize::try_from(examined).unwrap_or_default();
    let examined = keys.get(..examined).unwrap_or(keys);
    let mut orders = Vec::new();
    let mut used = examined.len();
    for order in parse::<Order>(read_in_order(session, examined).await?)? {
        if orders.len() == limit {
            // This order begins the next page.
            let first = examined
                .iter()
                .position(|key| text_of(key, "pk") == Some(&order.pk));
            used = first.unwrap_or(used);
            break;
        }
        if request.status.is_none_or(|status| status == order.status) {
            orders.push(order);
        }
    }
    let used = examined.get(..used).unwrap_or(examined);
    Ok((orders, used, used.len() < keys.len()))
}

/// Lists the products, in the order they were first described.
///
/// # Errors
/// The cursor is not one of this list.
pub(crate) async fn list_products(
    session: &Session<'_>,
    hints: &Hints,
    request: &PageRequest<'_>,
) -> Result<Answer, Error> {
    let mut keys = keys(
        session,
        List::Products,
        OWNER,
        request.cursor,
        request.limit,
    )
    .await?;
    let limit = usize::try_from(request.limit).unwrap_or_default();
    let mut more = limit < keys.len();
    keys.truncate(limit);
    let mut products: Vec<Product> = parse(read_in_order(session, &keys).await?)?;
    let shown = shown(&products);
    if shown < products.len() {
        more = true;
        products.truncate(shown);
        let last = products.last().map(|product| product.pk.as_str());
        let end = keys.iter().position(|key| text_of(key, "pk") == last);
        keys.truncate(end.map_or(keys.len(), |place| place + 1));
    }
    let next = keys.last().filter(|_| more).and_then(Cursor::after);
    let available = available(session, hints, &products).await?;
    let views = products.iter().zip(available);
    let list = Products {
        products: views.map(|(product, has)| product.view(has)).collect(),
        next_cursor: next.map(|cursor| cursor.write()),
    };
    Answer::json(Outcome::Read, StatusCode::OK, &list)
}

/// How many of these products one page shows: as many as have [`SHARDS_A_PAGE`] shards
/// together, and at least one.
fn shown(products: &[Product]) -> usize {
    let mut shards = 0;
    let fits = products.iter().take_while(|product| {
        shards += product.shards;
        shards <= SHARDS_A_PAGE
    });
    fits.count().max(1)
}

/// Reads the keys of the next `limit` items of an owner, and one more if there is one.
async fn keys(
    session: &Session<'_>,
    list: List,
    owner: &str,
    cursor: Option<&str>,
    limit: i32,
) -> Result<Vec<Item>, Error> {
    let cursor = cursor.map(|cursor| Cursor::read(cursor, list, owner));
    let after = cursor.transpose()?.map(|cursor| cursor.key());
    let page = Page {
        index: BY_OWNER,
        condition: "#owner = :owner",
        names: &[("#owner", "owner")],
        values: Item::from([(":owner".to_owned(), text(owner))]),
        forward: list.is_forward(),
        // One key more than requested shows whether there is a next page.
        limit: limit + 1,
        after: after.as_ref(),
    };
    query(session, &page).await
}

fn parse<T: DeserializeOwned>(items: Vec<Item>) -> Result<Vec<T>, Error> {
    serde_dynamo::from_items(items)
        .map_err(|error| Error::Internal(format!("an item cannot be read: {error}")))
}
