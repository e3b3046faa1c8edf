//! The routes. Each parses its request before any I/O, then calls its handler.

use once::Session;

use crate::adjust::{Adjustment, adjust};
use crate::answer::Answer;
use crate::cancel;
use crate::confirm;
use crate::describe::{Description, describe};
use crate::draft::Draft;
use crate::error::Error;
use crate::fault::Fault;
use crate::fulfil;
use crate::hints::Hints;
use crate::incoming::Incoming;
use crate::list::{list_orders, list_products};
use crate::list_request::{OrdersRequest, PageRequest};
use crate::order_id::OrderId;
use crate::place::place;
use crate::precondition::Precondition;
use crate::product::{Sku, SkuError};
use crate::read::{read_order, read_product};
use crate::return_request::ReturnRequest;
use crate::returns::take_back;
use crate::turns::Turns;

/// Answers a request.
///
/// # Errors
/// The error that the client gets.
pub(crate) async fn serve(
    session: &Session<'_>,
    turns: &Turns<'_>,
    incoming: &Incoming,
) -> Result<Answer, Error> {
    match incoming.route.as_str() {
        // Boxed: the futures of these are large, and every other one would be as large.
        "POST /orders" => Box::pin(post_order(session, turns, incoming)).await,
        "GET /orders" => get_orders(session, incoming).await,
        "GET /orders/{id}" => get_order(session, incoming).await,
        "POST /orders/{id}/confirm" => post_confirm(session, incoming).await,
        "POST /orders/{id}/fulfil" => post_fulfil(session, incoming).await,
        "POST /orders/{id}/returns" => post_returns(session, incoming).await,
        "POST /orders/{id}/cancel" => post_cancel(session, incoming).await,
        "GET /products" => get_products(session, turns.hints, incoming).await,
        "GET /products/{sku}" => get_product(session, turns.hints, incoming).await,
        "PUT /products/{sku}" => Box::pin(put_product(session, turns.hints, incoming)).await,
        "POST /products/{sku}/stock" => Box::pin(post_stock(session, turns, incoming)).await,
        other => Err(Error::NotServed(other.to_owned())),
    }
}

async fn post_order(
    session: &Session<'_>,
    turns: &Turns<'_>,
    incoming: &Incoming,
) -> Result<Answer, Error> {
    let caller = incoming.caller()?;
    let key = incoming.idempotency_key()?;
    let draft = Draft::parse(incoming.json()?)?;
    place(session, turns, &caller, &key, &draft, &incoming.request_id).await
}

async fn get_order(session: &Session<'_>, incoming: &Incoming) -> Result<Answer, Error> {
    let caller = incoming.caller()?;
    let id = order_id(incoming)?;
    read_order(session, &caller, &id).await
}

async fn get_orders(session: &Session<'_>, incoming: &Incoming) -> Result<Answer, Error> {
    let caller = incoming.caller()?;
    let request = OrdersRequest::read(|name| incoming.query(name))?;
    list_orders(session, &caller, &request).await
}

async fn post_confirm(session: &Session<'_>, incoming: &Incoming) -> Result<Answer, Error> {
    let caller = incoming.caller()?;
    let id = order_id(incoming)?;
    let precondition = Precondition::of(incoming.headers())?;
    let payment = confirm::parse(incoming.json()?)?;
    confirm::confirm(session, &caller, &id, &payment, &precondition).await
}

async fn post_fulfil(session: &Session<'_>, incoming: &Incoming) -> Result<Answer, Error> {
    let caller = incoming.caller()?;
    let id = order_id(incoming)?;
    let precondition = Precondition::of(incoming.headers())?;
    let reference = fulfil::parse(incoming.json()?)?;
    fulfil::fulfil(session, &caller, &id, &reference, &precondition).await
}

async fn post_returns(session: &Session<'_>, incoming: &Incoming) -> Result<Answer, Error> {
    let caller = incoming.caller()?;
    let id = order_id(incoming)?;
    let key = incoming.idempotency_key()?;
    let request = ReturnRequest::parse(incoming.json()?)?;
    take_back(session, &caller, &id, &key, &request, &incoming.request_id).await
}

async fn post_cancel(session: &Session<'_>, incoming: &Incoming) -> Result<Answer, Error> {
    let caller = incoming.caller()?;
    let id = order_id(incoming)?;
    let precondition = Precondition::of(incoming.headers())?;
    if let Some(body) = incoming.optional_json()? {
        cancel::parse(body)?;
    }
    cancel::cancel(session, &caller, &id, &precondition).await
}

async fn get_products(
    session: &Session<'_>,
    hints: &Hints,
    incoming: &Incoming,
) -> Result<Answer, Error> {
    let request = PageRequest::read(|name| incoming.query(name))?;
    list_products(session, hints, &request).await
}

async fn get_product(
    session: &Session<'_>,
    hints: &Hints,
    incoming: &Incoming,
) -> Result<Answer, Error> {
    let sku = incoming.parameter("sku").parse();
    let sku = sku.map_err(|_| Error::NotFound("product"))?;
    read_product(session, hints, &sku).await
}

async fn put_product(
    session: &Session<'_>,
    hints: &Hints,
    incoming: &Incoming,
) -> Result<Answer, Error> {
    let sku = sku(incoming)?;
    let precondition = Precondition::of(incoming.headers())?;
    let description = Description::parse(incoming.json()?)?;
    describe(session, hints, &sku, &description, &precondition).await
}

async fn post_stock(
    session: &Session<'_>,
    turns: &Turns<'_>,
    incoming: &Incoming,
) -> Result<Answer, Error> {
    let caller = incoming.caller()?;
    let sku = sku(incoming)?;
    let key = incoming.idempotency_key()?;
    let adjustment = Adjustment::parse(incoming.json()?)?;
    adjust(
        session,
        turns,
        &caller,
        &sku,
        &key,
        &adjustment,
        &incoming.request_id,
    )
    .await
}

/// The order's id in the path. If no order can have it, there is no such order.
fn order_id(incoming: &Incoming) -> Result<OrderId, Error> {
    let id = incoming.parameter("id").parse();
    id.map_err(|_| Error::NotFound("order"))
}

/// The product in the path of a write. If no product can have it, that is a fault.
fn sku(incoming: &Incoming) -> Result<Sku, Error> {
    let sku = incoming.parameter("sku").parse();
    sku.map_err(|error: SkuError| vec![Fault::of_parameter("sku", error.to_string())].into())
}
