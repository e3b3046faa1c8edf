//! Starts a shop for a test, sends requests as its customers and staff, and checks after the test
//! that the stock adds up. Each answer must be one that openapi.yaml describes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::Method;
use jiff::{SignedDuration, Timestamp};
use local::serve::{Options, Running, start};
use serde_json::{Value, json};
use template::Kind;

pub(crate) use super::answer::Answer;
pub(crate) use super::books::{Item, integer, text};
use super::books::{assert_sound, is_order, items};
use crate::support::host::in_front_of;

/// All scopes that a customer may have.
pub(crate) const CUSTOMER: &str = "orders:read orders:write";

/// The scopes of the staff.
pub(crate) const STAFF: &str = "stock:write orders:confirm orders:fulfil orders:cancel:any \
    orders:read:any orders:read";

/// A running API without products.
pub(crate) struct Shop {
    pub(crate) running: Running,
    pub(crate) http: reqwest::Client,
    /// The container's program, if the requests go to it.
    container: Option<host::Running>,
    clock_offset_millis: Arc<AtomicI64>,
}

/// Runs a test on its own shop, then checks that shop's stock.
pub(crate) async fn shop(test: impl AsyncFnOnce(&Shop)) {
    let shop = Shop::open(usual_options().await).await;
    test(&shop).await;
    shop.assert_conserved().await;
    shop.running.stop().await;
}

/// All in memory; or in the database at `SUREFIRE_EMULATOR`, a server of moto, which then forgets what
/// it has.
async fn usual_options() -> Options {
    #[expect(
        clippy::disallowed_methods,
        reason = "`./check emulator` says where the second emulator is"
    )]
    let url = std::env::var("SUREFIRE_EMULATOR").ok();
    if let Some(url) = &url {
        let reset = reqwest::Client::new().post(format!("{url}/moto-api/reset"));
        assert_eq!(reset.send().await.unwrap().status(), 200);
    }
    Options {
        dynamodb: url,
        ..Options::in_memory()
    }
}

/// A request under construction.
pub(crate) struct Request<'shop> {
    shop: &'shop Shop,
    builder: reqwest::RequestBuilder,
}

impl Request<'_> {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn by(self, sub: &str, scope: &str) -> Self {
        let token = self.shop.running.token(sub, scope).unwrap();
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.builder = self.builder.json(body);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.builder = self.builder.body(body);
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let request = self.builder.build().unwrap();
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.shop.http.execute(request).await.unwrap();
        Answer::of(response).await.described(&method, &path)
    }
}

/// A line of an order, at 500 a unit.
pub(crate) fn line(sku: &str, quantity: i64) -> Value {
    json!({"sku": sku, "quantity": quantity, "unit_price": 500})
}

/// The body of an order of these lines.
pub(crate) fn order_of(lines: &[Value]) -> Value {
    json!({"currency": "KRW", "lines": lines})
}

impl Shop {
    /// Opens a shop without demo products, whose clock the test can put forward.
    pub(crate) async fn open(options: Options) -> Self {
        let clock_offset_millis = Arc::new(AtomicI64::new(0));
        let offset = Arc::clone(&clock_offset_millis);
        #[expect(
            clippy::disallowed_methods,
            reason = "the shop's clock is the real one, put forward"
        )]
        let now =
            move || Timestamp::now() + SignedDuration::from_millis(offset.load(Ordering::Relaxed));
        let options = Options {
            seed: false,
            // Tests run the sweeper themselves.
            schedules: false,
            world: options.world.with_clock(now),
            ..options
        };
        let running = start(options.clone()).await.unwrap();
        Self {
            container: in_front_of(&running, &options).await,
            running,
            http: reqwest::Client::new(),
            clock_offset_millis,
        }
    }

    /// A shop on a server that the test has started.
    pub(crate) fn of(running: Running) -> Self {
        Self {
            running,
            http: reqwest::Client::new(),
            container: None,
            clock_offset_millis: Arc::default(),
        }
    }

    /// Where the requests go.
    pub(crate) fn address(&self) -> SocketAddr {
        let container = self.container.as_ref();
        container.map_or(self.running.address, |container| container.address)
    }

    /// Puts the shop's clock forward.
    pub(crate) fn pass_seconds(&self, seconds: i64) {
        self.clock_offset_millis
            .fetch_add(seconds * 1_000, Ordering::Relaxed);
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Request<'_> {
        Request {
            shop: self,
            builder: self
                .http
                .request(method, format!("http://{}{path}", self.address())),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Request<'_> {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Request<'_> {
        self.request(Method::POST, path)
    }

    /// Describes a product at 500 KRW and adds stock. Neither may have been done before.
    pub(crate) async fn stock(&self, sku: &str, quantity: i64) {
        self.describe(sku, &json!({})).await.assert(201);
        if quantity != 0 {
            self.adjust(sku, &format!("stock-{sku}"), quantity)
                .await
                .assert(201);
        }
    }

    /// Describes a product, with `changes` to the usual members.
    pub(crate) async fn describe(&self, sku: &str, changes: &Value) -> Answer {
        let mut body = json!({
            "name": "A product", "unit_price": 500, "currency": "KRW", "sellable": true,
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        let request = self.request(Method::PUT, &format!("/products/{sku}"));
        request.by("staff", STAFF).json(&body).send().await
    }

    pub(crate) async fn adjust(&self, sku: &str, key: &str, delta: i64) -> Answer {
        let request = self.post(&format!("/products/{sku}/stock"));
        let body = json!({"delta": delta, "reason": "a test"});
        request.by("staff", STAFF).key(key).json(&body).send().await
    }

    /// Places an order of one product as the customer `demo`.
    pub(crate) async fn place(&self, key: &str, sku: &str, quantity: i64) -> Answer {
        self.place_as("demo", key, &order_of(&[line(sku, quantity)]))
            .await
    }

    pub(crate) async fn place_as(&self, sub: &str, key: &str, body: &Value) -> Answer {
        let request = self.post("/orders").by(sub, CUSTOMER).key(key);
        request.json(body).send().await
    }

    pub(crate) async fn read(&self, sub: &str, id: &str) -> Answer {
        self.get(&format!("/orders/{id}"))
            .by(sub, CUSTOMER)
            .send()
            .await
    }

    pub(crate) async fn cancel(&self, sub: &str, id: &str) -> Answer {
        self.post(&format!("/orders/{id}/cancel"))
            .by(sub, CUSTOMER)
            .send()
            .await
    }

    pub(crate) async fn confirm(&self, id: &str, reference: &str) -> Answer {
        let request = self
            .post(&format!("/orders/{id}/confirm"))
            .by("payments", STAFF);
        request
            .json(&json!({"payment_reference": reference}))
            .send()
            .await
    }

    /// Places an order of one product and confirms it.
    pub(crate) async fn confirmed(&self, key: &str, sku: &str, quantity: i64) -> String {
        let id = self.place(key, sku, quantity).await.assert(201).order_id();
        self.confirm(&id, &format!("pay-{key}")).await.assert(200);
        id
    }

    /// Places an order of one product, confirms and fulfils it.
    pub(crate) async fn fulfilled(&self, key: &str, sku: &str, quantity: i64) -> String {
        let id = self.confirmed(key, sku, quantity).await;
        self.fulfil(&id, &format!("parcel-{key}")).await.assert(200);
        id
    }

    pub(crate) async fn fulfil(&self, id: &str, reference: &str) -> Answer {
        let request = self
            .post(&format!("/orders/{id}/fulfil"))
            .by("shipping", STAFF);
        request.json(&json!({"reference": reference})).send().await
    }

    /// Takes goods of an order back.
    pub(crate) async fn give_back(
        &self,
        id: &str,
        key: &str,
        goods: &[(&str, i64)],
        restock: bool,
    ) -> Answer {
        let line = |(sku, quantity): &(&str, i64)| json!({"sku": sku, "quantity": quantity});
        let lines: Vec<_> = goods.iter().map(line).collect();
        let request = self
            .post(&format!("/orders/{id}/returns"))
            .by("shipping", STAFF);
        let request = request.key(key);
        request
            .json(&json!({"lines": lines, "restock": restock}))
            .send()
            .await
    }

    /// How many units of a product can be ordered.
    pub(crate) async fn available(&self, sku: &str) -> i64 {
        let answer = self.get(&format!("/products/{sku}")).send().await;
        answer.assert(200).json()["available"].as_i64().unwrap()
    }

    /// Runs the sweeper once and returns its report.
    pub(crate) async fn sweep(&self) -> Value {
        let (sweeper, _) = self.running.template.function(Kind::OrdersSweeper).unwrap();
        let invoked = self
            .running
            .functions
            .invoke(sweeper, json!({}), None)
            .await;
        invoked.unwrap()
    }

    /// Runs the auditor once and returns its report.
    pub(crate) async fn audit(&self) -> Value {
        let (auditor, _) = self.running.template.function(Kind::OrdersAuditor).unwrap();
        let functions = &self.running.functions;
        functions.invoke(auditor, json!({}), None).await.unwrap()
    }

    /// All items of the orders table.
    pub(crate) async fn items(&self) -> Vec<Item> {
        items(self.running.dynamodb(), &orders_table(&self.running)).await
    }

    /// Checks for each product that its stock agrees with its orders, adjustments and returns.
    pub(crate) async fn assert_conserved(&self) {
        assert_sound(&self.items().await);
    }

    /// How many orders there are, without refusals.
    pub(crate) async fn count_orders(&self) -> usize {
        self.items()
            .await
            .iter()
            .filter(|item| is_order(item))
            .count()
    }
}

/// The name of the table that the orders function uses.
pub(crate) fn orders_table(running: &Running) -> String {
    let (_, orders) = running.template.function(Kind::Orders).unwrap();
    orders.environment["TABLE_NAME"].clone()
}
