//! A table with one product, a clock that moves only by waiting, and a network with accidents.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use database::{Engine, Response, connector};
use jiff::Timestamp;
use once::{
    Effect, FINGERPRINT, FINGERPRINT_VERSION, FailedEffect, Fingerprint, Fingerprints, Intent,
    Item, Plan, Planned, Session, Settled, Store, Unsettled, World, number, settle, text,
};
use serde_json::{Value, json};

const TABLE: &str = "table";

/// When each test begins.
const NOON: Timestamp = Timestamp::constant(1_795_348_800, 0);

/// What happens to one request.
pub(crate) enum Accident {
    /// The request never arrives, and no answer comes.
    LoseRequest,
    /// The request is applied, and no answer comes.
    LoseAnswer,
    /// The connection breaks before the request arrives.
    Break,
    /// The database answers with this instead.
    Answer(Response),
    /// The database writes this item before it reads the request.
    First(Value),
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) body: Value,
    pub(crate) at: Duration,
}

/// A table, and the way to it.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    wire: Wire,
    began: tokio::time::Instant,
}

#[derive(Clone)]
struct Wire {
    engine: Engine,
    script: Arc<Mutex<VecDeque<Accident>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
    began: tokio::time::Instant,
}

impl Stage {
    /// A table in which one product has a stock. Needs a runtime whose clock is paused.
    pub(crate) fn with_stock(stock: i64) -> Self {
        Self::with_random(stock, 0)
    }

    /// The same. Each draw of randomness is this byte plus the number of draws before.
    pub(crate) fn with_random(stock: i64, first: u8) -> Self {
        let engine = Engine::in_memory().unwrap();
        engine.create_keyed(TABLE).unwrap();
        let began = tokio::time::Instant::now();
        let wire = Wire {
            engine: engine.clone(),
            script: Arc::default(),
            sent: Arc::default(),
            began,
        };
        let config = connector::client(&engine).config().to_builder();
        let client = Client::from_conf(config.http_client(wire.clone()).build());
        let draws = AtomicU8::new(first);
        #[expect(
            clippy::disallowed_methods,
            reason = "the clock of the runtime is paused"
        )]
        let world = World::new(
            move || NOON + began.elapsed(),
            move |bytes| bytes.fill(draws.fetch_add(1, Ordering::Relaxed)),
            |duration| Box::pin(tokio::time::sleep(duration)),
        );
        let store = Store::new(client, TABLE.to_owned(), world).unwrap();
        let stage = Self {
            engine,
            store,
            wire,
            began,
        };
        stage.put(&json!({
            "pk": {"S": "TEA"}, "sk": {"S": "STOCK"}, "stock": {"N": stock.to_string()},
        }));
        stage
    }

    /// The clock, the randomness and the timer of the stage.
    pub(crate) fn world(&self) -> World {
        self.session(0).world().clone()
    }

    /// A client whose requests pass the wire.
    pub(crate) fn client(&self) -> Client {
        let config = connector::client(&self.engine).config().to_builder();
        Client::from_conf(config.http_client(self.wire.clone()).build())
    }

    /// An invocation that may take this long.
    pub(crate) fn session(&self, milliseconds: u64) -> Session<'_> {
        self.store
            .session(self.store.now() + Duration::from_millis(milliseconds))
    }

    /// The accidents of the next requests, one for each.
    pub(crate) fn script(&self, accidents: impl IntoIterator<Item = Accident>) {
        self.wire.script.lock().unwrap().extend(accidents);
    }

    /// The requests that were sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.wire.sent.lock().unwrap().clone()
    }

    /// The tokens of the transactions that were sent so far.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let token = |sent: &Sent| Some(sent.body["ClientRequestToken"].as_str()?.to_owned());
        self.sent().iter().filter_map(token).collect()
    }

    /// How many milliseconds passed.
    pub(crate) fn milliseconds(&self) -> u128 {
        self.began.elapsed().as_millis()
    }

    /// Writes an item past the wire.
    pub(crate) fn put(&self, item: &Value) {
        put(&self.engine, item);
    }

    /// Reads an item past the wire.
    pub(crate) fn item(&self, pk: &str, sk: &str) -> Option<Value> {
        let get = json!({"TableName": TABLE, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}});
        let answer = self.engine.call("GetItem", get).unwrap();
        answer.body.get("Item").cloned()
    }

    /// How much of the product is left.
    pub(crate) fn stock(&self) -> i64 {
        let item = self.item("TEA", "STOCK").unwrap();
        item["stock"]["N"].as_str().unwrap().parse().unwrap()
    }

    /// Takes a quantity under the key `1`, within ten seconds.
    pub(crate) async fn take(&self, quantity: i64) -> Result<Settled, Unsettled> {
        self.take_within(&self.session(10_000), quantity).await
    }

    pub(crate) async fn take_within(
        &self,
        session: &Session<'_>,
        quantity: i64,
    ) -> Result<Settled, Unsettled> {
        let take = Take(quantity);
        let refuse = |failed: &[FailedEffect]| {
            let stock = failed.first()?.item.as_ref()?.get("stock")?.as_n().ok()?;
            Some(take.record(&format!("refused, {stock} left")))
        };
        settle(session, &take.intent(), &take, refuse).await
    }
}

/// The wish to take a quantity of the product.
pub(crate) struct Take(pub(crate) i64);

impl Take {
    pub(crate) fn record(&self, status: &str) -> Item {
        Item::from([
            ("pk".to_owned(), text("KEY#1")),
            ("sk".to_owned(), text("RECORD")),
            ("status".to_owned(), text(status)),
            (FINGERPRINT.to_owned(), text(self.print().as_str())),
            (FINGERPRINT_VERSION.to_owned(), number(1)),
        ])
    }

    /// The same record in DynamoDB's JSON.
    pub(crate) fn wire_record(&self, status: &str, fingerprint_version: i64) -> Value {
        json!({
            "pk": {"S": "KEY#1"}, "sk": {"S": "RECORD"}, "status": {"S": status},
            FINGERPRINT: {"S": self.print().as_str()},
            FINGERPRINT_VERSION: {"N": fingerprint_version.to_string()},
        })
    }

    pub(crate) fn effect(&self) -> Effect {
        Effect {
            key: Item::from([
                ("pk".to_owned(), text("TEA")),
                ("sk".to_owned(), text("STOCK")),
            ]),
            update: "SET #stock = #stock - :q",
            condition: "#stock >= :q".into(),
            names: &[("#stock", "stock")],
            values: Item::from([(":q".to_owned(), number(self.0))]),
        }
    }

    pub(crate) fn intent(&self) -> Intent {
        Intent {
            record: self.record("taken"),
            effects: vec![self.effect()],
        }
    }

    fn print(&self) -> Fingerprint {
        Fingerprint::of([self.0.to_be_bytes().as_slice()])
    }
}

impl Fingerprints for Take {
    fn fingerprint(&self, version: i64) -> Option<Fingerprint> {
        (version == 1).then(|| self.print())
    }
}

/// How a take of two that happened now ends.
pub(crate) fn taken() -> Settled {
    Settled::Done(Take(2).record("taken"))
}

/// A plan of several intents: each is tried after the one before it met another write, or
/// found its condition failed. The last one is tried for ever.
pub(crate) struct Ways(Vec<Intent>);

impl Ways {
    /// These intents, in this order.
    pub(crate) fn new(intents: impl IntoIterator<Item = Intent>) -> Self {
        let mut intents: Vec<_> = intents.into_iter().collect();
        intents.reverse();
        Self(intents)
    }

    fn next(&mut self) -> bool {
        let elsewhere = 1 < self.0.len();
        if elsewhere {
            self.0.pop();
        }
        elsewhere
    }
}

impl Plan for Ways {
    fn intent(&self) -> &Intent {
        self.0.last().unwrap()
    }

    async fn met_another(&mut self, _: &Session<'_>) -> Result<bool, Unsettled> {
        Ok(self.next())
    }

    async fn failed(&mut self, _: &Session<'_>, _: &[FailedEffect]) -> Result<Planned, Unsettled> {
        Ok(if self.next() {
            Planned::Attempt
        } else {
            Planned::Refusal(Take(2).record("refused"))
        })
    }
}

/// An error of DynamoDB, as an accident.
pub(crate) fn error(status: u16, name: &str) -> Accident {
    Accident::Answer(Response::error(status, name, ""))
}

/// A cancellation with these codes, as an accident.
pub(crate) fn cancelled(codes: &[&str]) -> Accident {
    Accident::Answer(Response::cancelled(codes))
}

fn put(engine: &Engine, item: &Value) {
    let put = json!({"TableName": TABLE, "Item": item});
    assert_eq!(engine.call("PutItem", put).unwrap().status, 200);
}

impl Wire {
    fn answer(&self, operation: &str, body: Value) -> HttpConnectorFuture {
        let response = self.engine.call(operation, body).unwrap();
        HttpConnectorFuture::ready(connector::write(&response))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (operation, body) = connector::read(&request).unwrap();
        self.sent.lock().unwrap().push(Sent {
            body: body.clone(),
            at: self.began.elapsed(),
        });
        let accident = self.script.lock().unwrap().pop_front();
        match accident {
            None => self.answer(&operation, body),
            Some(Accident::LoseRequest) => HttpConnectorFuture::new(std::future::pending()),
            Some(Accident::LoseAnswer) => {
                self.engine.call(&operation, body).unwrap();
                HttpConnectorFuture::new(std::future::pending())
            }
            Some(Accident::Break) => {
                HttpConnectorFuture::ready(Err(ConnectorError::io("reset".into())))
            }
            Some(Accident::Answer(response)) => {
                HttpConnectorFuture::ready(connector::write(&response))
            }
            Some(Accident::First(item)) => {
                put(&self.engine, &item);
                self.answer(&operation, body)
            }
        }
    }
}

impl HttpClient for Wire {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
