//! The sweeper's cost grows with the number of overdue orders, not with the number of all orders.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use orders::Customer;
use orders::Draft;
use orders::Moment;
use orders::sweeper::Sweeper;
use orders::{Order, OrderId};
use serde_json::Value;
use shared::caller::Caller;
use shared::world::World;

use crate::support::harness::{Shop, orders_table, shop};

/// How many orders one batch writes at most.
const BATCH: usize = 25;

/// The item of a pending order of one `TEA-01`.
pub(crate) fn pending(number: usize, placed_at: Moment) -> Vec<(String, AttributeValue)> {
    let caller = Caller {
        issuer: "local".to_owned(),
        sub: "demo".to_owned(),
        scopes: [].into(),
        client_id: None,
    };
    let body =
        br#"{"currency": "KRW", "lines": [{"sku": "TEA-01", "quantity": 1, "unit_price": 500}]}"#;
    let id = OrderId::derive(&caller, &format!("key-{number}").parse().unwrap());
    let customer = Customer::try_from(&caller).unwrap();
    let order = Order::placed(&id, &customer, &Draft::parse(body).unwrap(), placed_at);
    let item: std::collections::HashMap<String, AttributeValue> =
        serde_dynamo::to_item(order).unwrap();
    item.into_iter().collect()
}

/// Writes items into the table.
pub(crate) async fn fill(shop: &Shop, orders: impl Iterator<Item = Vec<(String, AttributeValue)>>) {
    let table = &orders_table(&shop.running);
    let client = &shop.running.dynamodb();
    let orders: Vec<_> = orders.collect();
    let write = async |batch: Vec<Vec<(String, AttributeValue)>>| {
        let requests = batch.into_iter().map(|item| {
            let put = PutRequest::builder()
                .set_item(Some(item.into_iter().collect()))
                .build();
            WriteRequest::builder().put_request(put.unwrap()).build()
        });
        let write = client
            .batch_write_item()
            .request_items(table, requests.collect());
        let unwritten = write
            .send()
            .await
            .unwrap()
            .unprocessed_items
            .unwrap_or_default();
        assert!(unwritten.is_empty());
    };
    let batches: Vec<_> = orders.chunks(BATCH).map(<[_]>::to_vec).collect();
    stream::iter(batches).for_each_concurrent(4, write).await;
}

/// Sweeps a table of 50 overdue orders and `waiting` orders that are not overdue.
async fn sweep_among(waiting: usize) -> Value {
    let mut swept = Value::Null;
    shop(async |shop| {
        #[expect(
            clippy::disallowed_methods,
            reason = "orders are placed relative to now"
        )]
        let now = Moment::from(Timestamp::now());
        let total = i64::try_from(50 + waiting).unwrap();
        shop.stock("TEA-01", total).await;
        take(shop, total).await;
        let overdue = (0..50).map(|number| pending(number, now.plus_seconds(-3_600)));
        let waiting = (50..50 + waiting).map(|number| pending(number, now));
        fill(shop, overdue.chain(waiting)).await;
        swept = shop.sweep().await;
        assert_eq!(swept["expired"], 50, "{swept}");
        assert_eq!(shop.available("TEA-01").await, 50);
    })
    .await;
    swept
}

/// Takes from the stock what these orders hold.
async fn take(shop: &Shop, quantity: i64) {
    let update = shop
        .running
        .dynamodb()
        .update_item()
        .table_name(orders_table(&shop.running))
        .key("pk", AttributeValue::S("SKU#TEA-01".to_owned()))
        .key("sk", AttributeValue::S("STOCK#0".to_owned()))
        .update_expression("SET available = available - :q, taken = taken + :q")
        .expression_attribute_values(":q", AttributeValue::N(quantity.to_string()));
    update.send().await.unwrap();
}

#[tokio::test]
async fn slow_sweeping_50_overdue_orders_costs_the_same_among_100_000_orders() {
    let alone = sweep_among(0).await;
    let among = sweep_among(100_000).await;
    assert_eq!(among["round_trips"], alone["round_trips"]);
    // A transaction each, a look for marks, and for each of the 32 partitions a page and a batch.
    assert!(
        alone["round_trips"].as_i64().unwrap() <= 50 + 2 * 32 + 1,
        "{alone}"
    );
}

/// Requests leave, and no answer ever comes.
#[derive(Debug)]
struct Silence;

impl HttpConnector for Silence {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(std::future::pending())
    }
}

impl HttpClient for Silence {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Self)
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweeper_whose_clock_is_stopped_ends_before_its_deadline() {
    let engine = database::Engine::in_memory().unwrap();
    let client = database::connector::client(&engine);
    let client = Client::from_conf(client.config().to_builder().http_client(Silence).build());
    let began = tokio::time::Instant::now();
    let noon = Timestamp::constant(1_795_348_800, 0);
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the runtime is paused"
    )]
    let world = World::new(
        move || noon + began.elapsed(),
        |bytes| bytes.fill(1),
        |duration| Box::pin(tokio::time::sleep(duration)),
    );
    let world = world.with_clock(move || noon);
    let config = orders::sweeper::config(|_| Some("x".to_owned())).unwrap();
    let sweeper = Sweeper::with_client(&config, client, world).unwrap();
    let mut context = Context::default();
    context.deadline = u64::try_from(noon.as_millisecond()).unwrap() + 50_000;
    let swept = orders::sweeper::handle(&sweeper, LambdaEvent::new(Value::Null, context)).await;
    assert!(swept.is_err(), "nothing could be read: {swept:?}");
    let passed = began.elapsed().as_secs();
    assert!((40..50).contains(&passed), "{passed} s of 50");
}
