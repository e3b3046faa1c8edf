//! Counts what each request costs, where the SDK sends it to the database.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::types::ConsumedCapacity;
use lambda_http::{Request, RequestExt as _};
use lambda_runtime::Context;
use orders::{App, Config, handle};
use serde_json::{Value, json};
use shared::world::World;
use template::Kind;

use crate::support::harness::{Shop, line, order_of, orders_table, shop};

/// Counts the requests that are sent, and the units that responses report.
#[derive(Clone, Debug, Default)]
struct Meter(Arc<Mutex<Reading>>);

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) round_trips: u32,
    pub(super) write_units: f64,
    pub(super) read_units: f64,
    /// The bytes of the requests' bodies.
    pub(super) sent_bytes: usize,
}

/// The units that these consumed together.
fn units<'capacity>(consumed: impl IntoIterator<Item = &'capacity ConsumedCapacity>) -> f64 {
    let units = consumed
        .into_iter()
        .filter_map(ConsumedCapacity::capacity_units);
    units.sum()
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut reading = self.0.lock().unwrap();
        reading.round_trips += 1;
        reading.sent_bytes += context.request().body().bytes().map_or(0, <[u8]>::len);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else {
            return Ok(());
        };
        let mut reading = self.0.lock().unwrap();
        if let Some(output) = output.downcast_ref::<TransactWriteItemsOutput>() {
            reading.write_units += units(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<PutItemOutput>() {
            reading.write_units += units(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<UpdateItemOutput>() {
            reading.write_units += units(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<GetItemOutput>() {
            reading.read_units += units(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<QueryOutput>() {
            reading.read_units += units(output.consumed_capacity());
        } else if let Some(output) = output.downcast_ref::<BatchGetItemOutput>() {
            reading.read_units += units(output.consumed_capacity());
        }
        Ok(())
    }
}

/// The orders function, with a client that counts.
pub(super) struct Metered<'shop> {
    shop: &'shop Shop,
    app: App,
    meter: Meter,
}

impl<'shop> Metered<'shop> {
    pub(super) fn new(shop: &'shop Shop) -> Self {
        let (_, spec) = shop.running.template.function(Kind::Orders).unwrap();
        let var = |name: &str| match name {
            "TABLE_NAME" => Some(orders_table(&shop.running)),
            "AWS_REGION" => Some("us-east-1".to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            _ => spec.environment.get(name).cloned(),
        };
        let meter = Meter::default();
        let config = shop
            .running
            .dynamodb()
            .config()
            .to_builder()
            .interceptor(meter.clone());
        let client = Client::from_conf(config.build());
        Self {
            shop,
            app: App::with_client(&Config::from_env(var).unwrap(), client, World::real()).unwrap(),
            meter,
        }
    }

    /// Sends a request to the function. Returns its status and its cost.
    pub(super) async fn cost(
        &self,
        route: &str,
        id: &str,
        headers: &Value,
        body: &Value,
    ) -> (u16, Reading) {
        *self.meter.0.lock().unwrap() = Reading::default();
        let response = handle(&self.app, event(route, id, headers, body))
            .await
            .unwrap();
        let reading = *self.meter.0.lock().unwrap();
        (response.0.status().as_u16(), reading)
    }

    /// Opens the connection as a start in Lambda does. Returns its cost.
    async fn connect(&self) -> Reading {
        *self.meter.0.lock().unwrap() = Reading::default();
        self.app.connect().await;
        *self.meter.0.lock().unwrap()
    }

    async fn place(&self, key: &str, body: &Value) -> (u16, Reading) {
        let headers = json!({"content-type": "application/json", "idempotency-key": key});
        self.cost("POST /orders", "", &headers, body).await
    }
}

/// Scopes that the function itself asks for.
const SCOPES: &str = "orders:confirm orders:fulfil orders:read:any";

/// An event as the gateway sends it, with ten seconds left.
fn event(route: &str, id: &str, headers: &Value, body: &Value) -> Request {
    let (route, query) = route.split_once('?').unwrap_or((route, ""));
    let (method, path) = route.split_once(' ').unwrap();
    let path = path.replace("{id}", id).replace("{sku}", id);
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.to_owned(), value.into()))
    };
    let parameters: serde_json::Map<String, Value> = query.split('&').filter_map(pair).collect();
    let event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path, "rawQueryString": query,
        "queryStringParameters": parameters,
        "headers": headers, "pathParameters": {"id": id, "sku": id}, "isBase64Encoded": false,
        "body": body.to_string(),
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "d", "domainPrefix": "d",
            "requestId": "request-1", "routeKey": route, "stage": "$default", "timeEpoch": 0,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "t"},
            "authorizer": {"lambda": {"issuer": "local", "sub": "demo", "scope": SCOPES}},
        },
    });
    let mut context = Context::default();
    let in_ten_seconds = World::real().now().as_millisecond() + 10_000;
    context.deadline = u64::try_from(in_ten_seconds).unwrap();
    lambda_http::request::from_str(&event.to_string())
        .unwrap()
        .with_lambda_context(context)
}

/// An attribute's size as DynamoDB counts it ("Item sizes and formats").
fn bytes_of(value: &aws_sdk_dynamodb::types::AttributeValue) -> usize {
    use aws_sdk_dynamodb::types::AttributeValue;
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len().div_ceil(2) + 1,
        AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + bytes_of(value)).sum::<usize>(),
        AttributeValue::M(map) => {
            3 + map
                .iter()
                .map(|(name, value)| 1 + name.len() + bytes_of(value))
                .sum::<usize>()
        }
        other => panic!("an order has no {other:?}"),
    }
}

#[tokio::test]
async fn placing_takes_one_round_trip_and_two_write_units_per_item_and_kilobyte() {
    shop(async |shop| {
        for lines in [1_u32, 3, 20] {
            let skus: Vec<_> = (0..lines).map(|n| format!("P-{lines}-{n}")).collect();
            for sku in &skus {
                shop.stock(sku, 10).await;
            }
            let body = order_of(&skus.iter().map(|sku| line(sku, 1)).collect::<Vec<_>>());
            let metered = Metered::new(shop);
            let before = shop.count_orders().await;
            let (status, reading) = metered.place(&format!("key-{lines}"), &body).await;
            assert_eq!((status, shop.count_orders().await), (201, before + 1));
            assert_eq!(reading.round_trips, 1);
            let kilobytes = order_kilobytes_of(shop, lines).await;
            // Each of the three indexes takes one unit.
            let expected = 2.0 * (f64::from(lines) + kilobytes) + 3.0;
            assert!(
                (reading.write_units - expected).abs() < f64::EPSILON,
                "{lines} lines, {kilobytes} KB: {} units, not {expected}",
                reading.write_units
            );
        }
    })
    .await;
}

/// What an order took in the release before products had shards. The other requests are in the
/// table of docs/api.md.
#[tokio::test]
async fn an_order_of_a_product_of_one_shard_costs_what_it_did_before_there_were_shards() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let metered = Metered::new(shop);
        let order = order_of(&[line("TEA-01", 1)]);
        let (status, reading) = metered.place("placed", &order).await;
        assert_eq!(status, 201);
        let expected = Reading {
            round_trips: 1,
            write_units: 7.0,
            read_units: 0.0,
            sent_bytes: 1_445,
        };
        assert_eq!(reading, expected);
    })
    .await;
}

/// The size of the order with this many lines, in kilobytes rounded up.
async fn order_kilobytes_of(shop: &Shop, lines: u32) -> f64 {
    let items = shop.items().await;
    let order = items.iter().find(|item| {
        let count = item
            .get("lines")
            .and_then(|lines| lines.as_l().ok())
            .map(Vec::len);
        count == usize::try_from(lines).ok()
    });
    let bytes: usize = order
        .unwrap()
        .iter()
        .map(|(name, value)| name.len() + bytes_of(value))
        .sum();
    f64::from(u32::try_from(bytes.div_ceil(1_024)).unwrap())
}

#[tokio::test]
async fn a_replay_takes_one_round_trip_and_a_refusal_two() {
    shop(async |shop| {
        shop.stock("TEA-01", 1).await;
        let metered = Metered::new(shop);
        let round_trips = async |key: &str, quantity: i64| {
            let (status, reading) = metered
                .place(key, &order_of(&[line("TEA-01", quantity)]))
                .await;
            (status, reading.round_trips)
        };
        assert_eq!(round_trips("placed", 1).await, (201, 1));
        assert_eq!(
            round_trips("placed", 1).await,
            (201, 1),
            "the replay of an order"
        );
        assert_eq!(round_trips("placed", 2).await, (422, 1), "a reused key");
        assert_eq!(round_trips("refused", 1).await, (409, 2));
        assert_eq!(
            round_trips("refused", 1).await,
            (409, 1),
            "the replay of a refusal"
        );
    })
    .await;
}

#[tokio::test]
async fn invalid_input_takes_no_round_trip() {
    shop(async |shop| {
        let metered = Metered::new(shop);
        let (status, reading) = metered.place("key", &json!({"lines": []})).await;
        assert_eq!((status, reading.round_trips), (400, 0));
        let headers = json!({"content-type": "application/json"});
        let body = order_of(&[line("TEA-01", 1)]);
        let (status, reading) = metered.cost("POST /orders", "", &headers, &body).await;
        assert_eq!((status, reading.round_trips), (400, 0));
    })
    .await;
}

#[tokio::test]
async fn confirming_and_cancelling_take_two_round_trips_and_confirming_moves_no_stock() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let id = shop.place("key", "TEA-01", 1).await.order_id();
        let metered = Metered::new(shop);
        let headers = json!({"content-type": "application/json"});
        let payment = json!({"payment_reference": "pay-1"});
        let route = "POST /orders/{id}/confirm";
        let (status, reading) = metered.cost(route, &id, &headers, &payment).await;
        assert_eq!((status, reading.round_trips), (200, 2));
        // Two units each for the order and the payment, and one for the index that the order
        // leaves.
        assert!(reading.write_units <= 2.0 + 2.0 + 1.0, "{reading:?}");
        let (status, reading) = metered.cost(route, &id, &headers, &payment).await;
        assert_eq!(
            (status, reading.round_trips),
            (200, 1),
            "a repeat only reads"
        );
        let (status, reading) = metered
            .cost("POST /orders/{id}/cancel", &id, &headers, &json!({}))
            .await;
        assert_eq!((status, reading.round_trips), (200, 2));
        assert_eq!(metered.shop.available("TEA-01").await, 10);
    })
    .await;
}

#[tokio::test]
async fn describing_a_product_reads_its_version_first_unless_the_client_sends_it() {
    shop(async |shop| {
        shop.stock("TEA-01", 1).await;
        let metered = Metered::new(shop);
        let put = async |headers: Value| {
            let body = json!({"name": "x", "unit_price": 1, "currency": "KRW", "sellable": true});
            let cost = metered
                .cost("PUT /products/{sku}", "TEA-01", &headers, &body)
                .await;
            (cost.0, cost.1.round_trips)
        };
        let json = "application/json";
        assert_eq!(put(json!({"content-type": json})).await, (200, 2));
        assert_eq!(
            put(json!({"content-type": json, "if-match": "*"})).await,
            (200, 2)
        );
        assert_eq!(
            put(json!({"content-type": json, "if-match": "\"3\""})).await,
            (200, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn a_start_opens_the_connection_with_one_read_and_writes_nothing() {
    shop(async |shop| {
        shop.stock("TEA-01", 1).await;
        let metered = Metered::new(shop);
        let before = shop.items().await;
        let reading = metered.connect().await;
        assert_eq!((reading.round_trips, reading.read_units), (1, 1.0));
        assert_eq!(shop.items().await, before);
        let (status, reading) = metered.place("key", &order_of(&[line("TEA-01", 1)])).await;
        assert_eq!((status, reading.round_trips), (201, 1));
    })
    .await;
}

#[tokio::test]
async fn a_start_without_a_database_ends_and_the_first_order_is_answered() {
    shop(async |shop| {
        let var = |name: &str| match name {
            "TABLE_NAME" => Some(orders_table(&shop.running)),
            "ALLOWED_ORIGINS" => Some("https://shop.example".to_owned()),
            // Nobody listens there.
            "AWS_ENDPOINT_URL_DYNAMODB" => Some("http://127.0.0.1:9".to_owned()),
            "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            _ => None,
        };
        let app = App::new(&Config::from_env(var).unwrap(), World::real()).unwrap();
        app.connect().await;
        let headers = json!({"content-type": "application/json"});
        let request = event("GET /products/{sku}", "TEA-01", &headers, &json!({}));
        // With one second left.
        let mut context = Context::default();
        let soon = World::real().now().as_millisecond() + 1_000;
        context.deadline = u64::try_from(soon).unwrap();
        let request = request.with_lambda_context(context);
        assert_eq!(handle(&app, request).await.unwrap().0.status(), 503);
    })
    .await;
}

#[tokio::test]
async fn a_placed_order_costs_the_same_with_ten_and_with_a_thousand_orders() {
    shop(async |shop| {
        shop.stock("TEA-01", 10_000).await;
        let metered = Metered::new(shop);
        let body = order_of(&[line("TEA-01", 1)]);
        let mut readings = Vec::new();
        for number in 0..=1_000 {
            let (status, reading) = metered.place(&format!("key-{number}"), &body).await;
            assert_eq!(status, 201);
            if [10, 1_000].contains(&number) {
                readings.push(reading);
            }
        }
        assert_eq!(readings[0], readings[1]);
        assert_eq!(readings[0].round_trips, 1);
    })
    .await;
}
