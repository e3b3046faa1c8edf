//! For each route, calls that succeed and calls that fail, with the headers that only their answers
//! have.
//!
//! A route that is missing here fails the tests: add its calls when you add a route.

use http::Method;
use serde_json::json;

use super::api::{Api, Call, Origin, adjustment, product};
use super::expected::Maker;
use crate::support::harness::{line, order_of};

/// A call and its expected answer.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) call: Call,
    pub(super) maker: Maker,
    pub(super) status: u16,
    /// The headers that only this answer has.
    pub(super) own: Vec<(&'static str, &'static str)>,
}

const ETAG_1: (&str, &str) = ("etag", "\"1\"");
const ETAG_2: (&str, &str) = ("etag", "\"2\"");
const ETAG_3: (&str, &str) = ("etag", "\"3\"");
const REPLAYED: (&str, &str) = ("idempotent-replayed", "true");
const PLACED: (&str, &str) = ("location", "*");

/// A product with stock, and one without.
pub(super) const IN_STOCK: &str = "TEA-01";
pub(super) const SOLD_OUT: &str = "TEA-02";

fn orders(call: Call, status: u16, own: &[(&'static str, &'static str)]) -> Row {
    Row {
        call,
        maker: Maker::Orders,
        status,
        own: own.to_vec(),
    }
}

fn place(api: &Api, key: &str, sku: &str, quantity: i64) -> Call {
    Call::new(Method::POST, "/orders")
        .by_customer(api)
        .key(key)
        .json(&order_of(&[line(sku, quantity)]))
}

async fn placed(api: &Api) -> String {
    let call = place(api, &api.unique("order"), IN_STOCK, 1);
    let answer = api.send(&call, Origin::Absent).await;
    answer.assert(201).order_id()
}

fn confirm(api: &Api, id: &str, reference: &str) -> Call {
    Call::new(Method::POST, format!("/orders/{id}/confirm"))
        .by_customer(api)
        .json(&json!({"payment_reference": reference}))
}

fn cancel(api: &Api, id: &str) -> Call {
    Call::new(Method::POST, format!("/orders/{id}/cancel")).by_customer(api)
}

fn fulfil(api: &Api, id: &str, reference: &str) -> Call {
    Call::new(Method::POST, format!("/orders/{id}/fulfil"))
        .by_customer(api)
        .json(&json!({"reference": reference}))
}

fn give_back(api: &Api, id: &str, quantity: i64) -> Call {
    let lines = [json!({"sku": IN_STOCK, "quantity": quantity})];
    Call::new(Method::POST, format!("/orders/{id}/returns"))
        .by_customer(api)
        .key(&api.unique("return"))
        .json(&json!({"lines": lines, "restock": true}))
}

/// An order that was paid.
async fn confirmed(api: &Api) -> String {
    let id = placed(api).await;
    let call = confirm(api, &id, &api.unique("pay"));
    api.send(&call, Origin::Absent).await.assert(200);
    id
}

/// An order whose goods left.
async fn fulfilled(api: &Api) -> String {
    let id = confirmed(api).await;
    let call = fulfil(api, &id, "parcel");
    api.send(&call, Origin::Absent).await.assert(200);
    id
}

fn put(api: &Api, sku: &str) -> Call {
    Call::new(Method::PUT, format!("/products/{sku}"))
        .by_customer(api)
        .json(&product())
}

fn adjust(api: &Api, sku: &str, delta: i64) -> Call {
    Call::new(Method::POST, format!("/products/{sku}/stock"))
        .by_customer(api)
        .key(&api.unique("adjust"))
        .json(&adjustment(delta))
}

fn get(api: &Api, path: impl Into<String>) -> Call {
    Call::new(Method::GET, path).by_customer(api)
}

/// A well-formed call of a route. What it names may not exist: use it to test answers of the gateway
/// and answers when the database fails.
pub(super) fn any(api: &Api, route: &str) -> Call {
    match route {
        "POST /orders" => place(api, &api.unique("any"), IN_STOCK, 1),
        "GET /orders" => get(api, "/orders"),
        "GET /orders/{id}" => get(api, format!("/orders/{NOBODYS}")),
        "POST /orders/{id}/confirm" => confirm(api, NOBODYS, "pay"),
        "POST /orders/{id}/cancel" => cancel(api, NOBODYS),
        "POST /orders/{id}/fulfil" => fulfil(api, NOBODYS, "parcel"),
        "POST /orders/{id}/returns" => give_back(api, NOBODYS, 1),
        "GET /products" => get(api, "/products"),
        "GET /products/{sku}" => get(api, format!("/products/{IN_STOCK}")),
        "PUT /products/{sku}" => put(api, IN_STOCK),
        "POST /products/{sku}/stock" => adjust(api, IN_STOCK, 1),
        other => panic!("tests/cors/calls.rs has no call of {other}; add one"),
    }
}

/// A valid order id that no order has.
const NOBODYS: &str = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Calls of a route that succeed. Each may be sent only once.
pub(super) async fn successes(api: &Api, route: &str) -> Vec<Row> {
    match route {
        "POST /orders" => {
            let first = place(api, &api.unique("order"), IN_STOCK, 1);
            let repeated = place(api, &api.unique("order"), IN_STOCK, 1);
            api.send(&repeated, Origin::Absent).await.assert(201);
            let replay = [ETAG_1, PLACED, REPLAYED, ("order-status", "pending")];
            vec![
                orders(first, 201, &[ETAG_1, PLACED]),
                orders(repeated, 201, &replay),
            ]
        }
        "GET /orders/{id}" => {
            let id = placed(api).await;
            vec![orders(get(api, format!("/orders/{id}")), 200, &[ETAG_1])]
        }
        "POST /orders/{id}/confirm" => {
            let id = placed(api).await;
            let call = confirm(api, &id, &api.unique("pay"));
            vec![orders(call, 200, &[ETAG_2])]
        }
        "POST /orders/{id}/cancel" => {
            let id = placed(api).await;
            let first = cancel(api, &id).header("if-match", "\"1\"");
            let repeated = cancel(api, &id);
            vec![
                orders(first, 200, &[ETAG_2]),
                orders(
                    repeated,
                    200,
                    &[ETAG_2, REPLAYED, ("order-status", "cancelled")],
                ),
            ]
        }
        "POST /orders/{id}/fulfil" => {
            let id = confirmed(api).await;
            let first = fulfil(api, &id, "parcel 1");
            let repeated = fulfil(api, &id, "parcel 1");
            let replay = [ETAG_3, REPLAYED, ("order-status", "fulfilled")];
            vec![
                orders(first, 200, &[ETAG_3]),
                orders(repeated, 200, &replay),
            ]
        }
        "POST /orders/{id}/returns" => {
            let id = fulfilled(api).await;
            let first = give_back(api, &id, 1);
            let repeated = first.clone();
            vec![orders(first, 201, &[]), orders(repeated, 201, &[REPLAYED])]
        }
        "PUT /products/{sku}" => {
            let sku = api.unique("NEW");
            vec![
                orders(put(api, &sku), 201, &[ETAG_1]),
                orders(put(api, &sku), 200, &[ETAG_2]),
            ]
        }
        "GET /products/{sku}" => vec![orders(any(api, route), 200, &[ETAG_1])],
        "POST /products/{sku}/stock" => vec![orders(any(api, route), 201, &[])],
        _ => vec![orders(any(api, route), 200, &[])],
    }
}

/// Calls of a route that the orders function refuses. Each may be sent only once.
pub(super) async fn refusals(api: &Api, route: &str) -> Vec<Row> {
    let too_large = "x".repeat(65 * 1024);
    let post = |path: &str| Call::new(Method::POST, path).by_customer(api);
    match route {
        "POST /orders" => {
            let key = api.unique("used");
            let used = place(api, &key, IN_STOCK, 1);
            api.send(&used, Origin::Absent).await.assert(201);
            let json = |call: Call| call.header("content-type", "application/json");
            vec![
                orders(post("/orders").json(&json!({})), 400, &[]),
                orders(post("/orders").key("k").json(&json!({})), 400, &[]),
                orders(json(post("/orders").key("k").body(too_large)), 413, &[]),
                orders(post("/orders").key("k").body("text"), 415, &[]),
                orders(place(api, &key, IN_STOCK, 2), 422, &[]),
                orders(place(api, &api.unique("none"), "NONE", 1), 422, &[]),
                orders(place(api, &api.unique("out"), SOLD_OUT, 1), 409, &[]),
            ]
        }
        "GET /orders" => vec![
            orders(get(api, "/orders?limit=0"), 400, &[]),
            orders(get(api, "/orders?status=pending"), 400, &[]),
        ],
        "GET /products" => vec![orders(get(api, "/products?limit=0"), 400, &[])],
        "GET /products/{sku}" => vec![orders(get(api, "/products/NONE"), 404, &[])],
        "POST /orders/{id}/confirm" => {
            let (paid, id) = (placed(api).await, placed(api).await);
            let used = api.unique("used");
            let call = confirm(api, &paid, &used);
            api.send(&call, Origin::Absent).await.assert(200);
            let stale = confirm(api, &id, "pay").header("if-match", "\"9\"");
            vec![
                orders(any(api, route), 404, &[]),
                orders(stale, 412, &[]),
                orders(confirm(api, &id, &used), 409, &[]),
            ]
        }
        "POST /orders/{id}/cancel" => {
            let stale = cancel(api, &placed(api).await).header("if-match", "\"9\"");
            vec![orders(stale, 412, &[]), orders(any(api, route), 404, &[])]
        }
        "POST /orders/{id}/fulfil" => {
            let (pending, id) = (placed(api).await, confirmed(api).await);
            let stale = fulfil(api, &id, "parcel").header("if-match", "\"9\"");
            vec![
                orders(any(api, route), 404, &[]),
                orders(stale, 412, &[]),
                orders(fulfil(api, &pending, "parcel"), 409, &[]),
            ]
        }
        "POST /orders/{id}/returns" => {
            let id = fulfilled(api).await;
            let path = format!("/orders/{id}/returns");
            vec![
                orders(any(api, route), 404, &[]),
                orders(give_back(api, &id, 2), 409, &[]),
                orders(post(&path).key("k").json(&json!({})), 400, &[]),
                orders(post(&path).json(&json!({})), 400, &[]),
            ]
        }
        "PUT /products/{sku}" => {
            let stale = put(api, IN_STOCK).header("if-match", "\"9\"");
            let bare = Call::new(Method::PUT, "/products/NEW").by_customer(api);
            vec![
                orders(stale, 412, &[]),
                orders(bare.json(&json!({})), 400, &[]),
            ]
        }
        "POST /products/{sku}/stock" => vec![orders(adjust(api, SOLD_OUT, -1), 409, &[])],
        _ => vec![orders(any(api, route), 404, &[])],
    }
}

/// Calls of a route that the gateway refuses without calling the function.
pub(super) fn gateway_refusals(api: &Api, route: &str) -> Vec<Row> {
    let row = |token: Option<&str>, status| {
        let mut call = any(api, route);
        call.headers.retain(|(name, _)| *name != "authorization");
        if let Some(token) = token {
            call = call.header("authorization", token);
        }
        gateway(call, status)
    };
    let narrow = api.running.token("demo", "nothing:here").unwrap();
    vec![
        row(None, 401),
        row(Some("Bearer nonsense"), 403),
        row(Some(&format!("Bearer {narrow}")), 403),
    ]
}

/// A call that the gateway answers without calling the function.
pub(super) fn gateway(call: Call, status: u16) -> Row {
    Row {
        call,
        maker: Maker::Gateway,
        status,
        own: Vec::new(),
    }
}
