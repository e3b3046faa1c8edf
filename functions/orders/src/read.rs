//! Reads one order or one product: one strong read, no write.

use http::StatusCode;
use once::{Item, Pace, Session, text};
use shared::caller::Caller;

use crate::answer::{Answer, Outcome};
use crate::available::available;
use crate::customer::Customer;
use crate::error::Error;
use crate::hints::Hints;
use crate::order::Order;
use crate::order_id::OrderId;
use crate::product::{Product, SHARD, Sku, stock_key};
use crate::record::Record;

/// The scope that reads every customer's orders.
pub(crate) const SCOPE_READ_ANY: &str = "orders:read:any";

/// Reads an order: the caller's own, or any with [`SCOPE_READ_ANY`].
///
/// # Errors
/// There is no such order, it is another customer's, or it was refused. The
/// caller gets the same error for all three, and must not learn which it is.
pub(crate) async fn read_order(
    session: &Session<'_>,
    caller: &Caller,
    id: &OrderId,
) -> Result<Answer, Error> {
    let customer = Customer::try_from(caller)?;
    let order = order(session, id).await?.ok_or(Error::NotFound("order"))?;
    if order.owner != customer.as_str() && !caller.may(SCOPE_READ_ANY) {
        return Err(Error::NotFound("order"));
    }
    let answer = Answer::json(Outcome::Read, StatusCode::OK, &order.view())?;
    Ok(answer.etag(order.version))
}

/// Reads a product.
///
/// # Errors
/// There is no such product.
pub(crate) async fn read_product(
    session: &Session<'_>,
    hints: &Hints,
    sku: &Sku,
) -> Result<Answer, Error> {
    let product = product(session, sku).await?;
    let product = product.ok_or(Error::NotFound("product"))?;
    let available = available_of(session, hints, &product).await?;
    let answer = Answer::json(Outcome::Read, StatusCode::OK, &product.view(available))?;
    Ok(answer.etag(product.details_version))
}

/// How many pieces of a product can be ordered.
///
/// # Errors
/// There was no answer in time.
pub(crate) async fn available_of(
    session: &Session<'_>,
    hints: &Hints,
    product: &Product,
) -> Result<i64, Error> {
    let sums = available(session, hints, std::slice::from_ref(product)).await?;
    sums.first().copied().ok_or(Error::Unavailable)
}

/// The product of a stock keeping unit, if there is one.
pub(crate) async fn product(session: &Session<'_>, sku: &Sku) -> Result<Option<Product>, Error> {
    let item = item(session, stock_key(sku, SHARD)).await?;
    item.map(parse_product).transpose()
}

/// Reads a product from its item.
pub(crate) fn parse_product(item: Item) -> Result<Product, Error> {
    serde_dynamo::from_item(item)
        .map_err(|error| Error::Internal(format!("a product cannot be read: {error}")))
}

/// The order with this id. `None` if no such order was placed.
pub(crate) async fn order(session: &Session<'_>, id: &OrderId) -> Result<Option<Order>, Error> {
    let item = item(session, id.key()).await?;
    let record = item.map(Record::read).transpose()?;
    Ok(record.and_then(Record::into_order))
}

/// An order as it is now. Orders are never deleted.
pub(crate) async fn again(session: &Session<'_>, order: &Order) -> Result<Order, Error> {
    let key = Item::from([
        ("pk".to_owned(), text(&order.pk)),
        ("sk".to_owned(), text(&order.sk)),
    ]);
    let record = item(session, key).await?.map(Record::read).transpose()?;
    let order = record.and_then(Record::into_order);
    order.ok_or(Error::NotFound("order"))
}

/// Reads an item. Repeats the read until it has an answer or the time is over.
async fn item(session: &Session<'_>, key: Item) -> Result<Option<Item>, Error> {
    let mut pace = Pace::default();
    let read = pace.read(session, || session.get(key.clone()));
    read.await?.ok_or(Error::Unavailable)
}
