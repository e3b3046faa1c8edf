//! Targets of the orders function: a body, a cursor, and a whole request with its headers.

use arbitrary::Unstructured;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64URL};
use lambda_http::{Body, Response};
use orders::{Adjustment, Draft, ReturnRequest, handle};
use serde_json::{Value, json};
use shared::as_is::AsIs;

use crate::document::{changed, made};
use crate::stage::{block_on, orders, request as request_of, sample};

const BODY_NAMES: [&str; 14] = [
    "currency",
    "lines",
    "sku",
    "quantity",
    "unit_price",
    "reference",
    "metadata",
    "delta",
    "reason",
    "restock",
    "KRW",
    "TEA-01",
    "payment_reference",
    "note",
];

const CURSOR_NAMES: [&str; 16] = [
    "owner",
    "created_at",
    "pk",
    "sk",
    "day",
    "until",
    "after",
    "ORDER",
    "STOCK#0",
    "PRODUCT",
    "local#demo",
    "001795320306789",
    "999999999999999",
    "2026-11-22",
    "ORD#ord_abcdefghijklmnopqrstuvwxyz",
    "SKU#TEA-01",
];

/// The sample events of the orders function.
const EVENTS: [&str; 12] = [
    include_str!("../../events/orders/place-replay.json"),
    include_str!("../../events/orders/place-with-metadata.json"),
    include_str!("../../events/orders/adjust-stock.json"),
    include_str!("../../events/orders/put-product-new.json"),
    include_str!("../../events/orders/get.json"),
    include_str!("../../events/orders/get-product.json"),
    include_str!("../../events/orders/list.json"),
    include_str!("../../events/orders/list-of-day.json"),
    include_str!("../../events/orders/list-products.json"),
    include_str!("../../events/orders/cancel-stale.json"),
    include_str!("../../events/orders/confirm-amount.json"),
    include_str!("../../events/orders/return.json"),
];

/// Bodies: the input's bytes, or a JSON document that it decides.
pub(crate) fn body(data: &[u8]) {
    let parse = |body: &[u8]| {
        let faults = [
            Draft::parse(body).err(),
            Adjustment::parse(body).err(),
            ReturnRequest::parse(body).err(),
        ];
        for faults in faults.iter().flatten() {
            assert!((1..=20).contains(&faults.len()), "{} faults", faults.len());
        }
    };
    parse(data);
    let mut input = Unstructured::new(data);
    let usual = json!({
        "currency": "KRW", "reference": "basket 7", "metadata": {"gift": "yes"},
        "lines": [{"sku": "TEA-01", "quantity": 2, "unit_price": 19_900}, {"sku": "CUP", "quantity": 1, "unit_price": 0}],
    });
    parse(
        changed(&mut input, usual, &BODY_NAMES)
            .to_string()
            .as_bytes(),
    );
    parse(made(&mut input, &BODY_NAMES, 0).to_string().as_bytes());
}

/// Cursors of the three lists: the input's bytes as base64url, and JSON that it decides.
pub(crate) fn cursor(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let list = sample(
        input
            .choose(&[EVENTS[6], EVENTS[7], EVENTS[8]])
            .unwrap_or(&EVENTS[6]),
    );
    let usual = if list["routeKey"] == "GET /orders"
        && list["queryStringParameters"]["day"].is_string()
    {
        json!({"day": list["queryStringParameters"]["day"], "until": "001795320306789", "after": [null, null, null,
            ["001795320306000", "ord_abcdefghijklmnopqrstuvwxyz"], null, null, null, null]})
    } else {
        json!({"owner": "local#demo", "created_at": "001795320306789", "pk": "ORD#ord_abcdefghijklmnopqrstuvwxyz", "sk": "ORDER"})
    };
    let bytes = if input.arbitrary().unwrap_or(false) {
        input.take_rest().to_vec()
    } else {
        changed(&mut input, usual, &CURSOR_NAMES)
            .to_string()
            .into_bytes()
    };
    let mut event = list;
    let query = event["rawQueryString"].as_str().unwrap_or_default();
    event["rawQueryString"] = format!("{query}&cursor={}", BASE64URL.encode(bytes)).into();
    answered(&as_the_gateway_sends(event));
}

/// A sample event of the gateway with changes in any place: path, query, headers, context, body.
pub(crate) fn request(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let usual = sample(input.choose(&EVENTS).unwrap_or(&EVENTS[0]));
    let names = [
        "if-match",
        "if-none-match",
        "*",
        "\"1\"",
        "W/\"2\"",
        "idempotency-key",
        "x-forwarded-for",
        "::1, 10.0.0.1",
        "content-encoding",
        "gzip",
        "content-type",
        "origin",
        "cursor",
        "limit",
        "status",
        "day",
        "issuer",
        "sub",
        "scope",
        "orders:read:any",
        "body",
        "isBase64Encoded",
        "headers",
        "queryStringParameters",
        "pathParameters",
        "id",
        "sku",
    ];
    answered(&as_the_gateway_sends(changed(&mut input, usual, &names)));
}

/// The most of a query that the gateway passes on: it has 10,240 bytes for all headers.
const QUERY_BYTES_MAX: usize = 10_240;

/// The runtime makes a URL and a body of these members before the function runs, and panics if it cannot.
/// The gateway knows its own names, passes a query on only if HTTP allows it, and encodes bodies itself, so
/// a client cannot cause that.
fn as_the_gateway_sends(mut event: Value) -> Value {
    let query = event["rawQueryString"].as_str().unwrap_or_default();
    let mut encoded = String::new();
    for byte in query.bytes().take(QUERY_BYTES_MAX) {
        if byte.is_ascii_alphanumeric() || b"-._~=&%+".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(format!("%{byte:02X}").chars());
        }
    }
    if event.is_object() {
        event["rawQueryString"] = encoded.into();
        event["rawPath"] = "/orders".into();
    }
    let body = event["body"].as_str().unwrap_or_default();
    if BASE64.decode(body).is_err() && event.is_object() {
        event["isBase64Encoded"] = false.into();
    }
    for (place, name, value) in [
        ("/headers", "host", "127.0.0.1:3000"),
        ("/headers", "x-forwarded-proto", "http"),
        ("/requestContext", "domainName", "127.0.0.1"),
        ("/requestContext", "stage", "$default"),
    ] {
        if let Some(Value::Object(members)) = event.pointer_mut(place) {
            members.insert(name.to_owned(), value.into());
        }
    }
    event
}

/// Sends an event to the function, and checks what holds for every answer.
fn answered(event: &Value) {
    let Some(request) = request_of(event) else {
        return;
    };
    let Ok(AsIs(response)) = block_on(handle(&orders(), request));
    sound(&response);
}

/// No answer is an accident, a problem is a problem document, and nothing may be cached or framed.
fn sound(response: &Response<Body>) {
    let status = response.status();
    // 500 is what a defect gets, and what a context without a caller gets.
    let body = std::str::from_utf8(response.body()).unwrap();
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let problem: Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"], status.as_u16());
        for word in ["panicked", "src/", "dynamodb", "serde"] {
            assert!(!body.to_lowercase().contains(word), "{body}");
        }
    }
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(response.headers().contains_key("cache-control"));
    assert!(body.len() < 100_000, "{} bytes", body.len());
}
