//! Records what functions do on their tables, and checks that their roles allow exactly that.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use discord::fault::Fault;
use http::{HeaderMap, Method};
use local::serve::Options;
use serde_json::{Value, json};
use template::Kind;
use tokio::net::TcpListener;

use super::list;
use super::permissions::{Grants, arn, needed};
use crate::api::auditing::{self, stock_key};
use crate::support::harness::{CUSTOMER, STAFF, Shop, line, order_of, orders_table};

/// A proxy to the database. It records which IAM action each request needs, and on which table or index.
#[derive(Clone, Default)]
struct Watched {
    seen: Arc<Mutex<BTreeSet<(String, String)>>>,
    url: String,
    http: reqwest::Client,
}

impl Watched {
    async fn before(url: String) -> (Self, String) {
        let watched = Self {
            url,
            ..Self::default()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(watched.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (watched, address)
    }

    fn note(&self, target: &str, body: &Value) {
        let operation = target.rsplit('.').next().unwrap_or_default();
        let table = |body: &Value| body["TableName"].as_str().unwrap_or_default().to_owned();
        let mut seen = self.seen.lock().unwrap();
        match operation {
            // A transaction needs the permission of each of its actions.
            "TransactWriteItems" => {
                for action in list(&body["TransactItems"]) {
                    let (name, action) = action.as_object().unwrap().iter().next().unwrap();
                    let name = if name == "ConditionCheck" {
                        "ConditionCheckItem".to_owned()
                    } else {
                        format!("{name}Item")
                    };
                    seen.insert((name, table(action)));
                }
            }
            "BatchGetItem" => {
                for table in body["RequestItems"].as_object().unwrap().keys() {
                    seen.insert((operation.to_owned(), table.clone()));
                }
            }
            _ => {
                let index = body["IndexName"].as_str();
                let index = index
                    .map(|name| format!("/index/{name}"))
                    .unwrap_or_default();
                seen.insert((operation.to_owned(), table(body) + &index));
            }
        }
    }

    /// The permissions that requests needed since the last call.
    fn taken(&self) -> Grants {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        let grant = |(action, on)| {
            (
                format!("dynamodb:{action}"),
                arn("dynamodb", &format!("table/{on}")),
            )
        };
        seen.into_iter().map(grant).collect()
    }
}

async fn pass(
    State(watched): State<Watched>,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let target = headers
        .get("x-amz-target")
        .map(|value| value.to_str().unwrap());
    watched.note(
        target.unwrap_or_default(),
        &serde_json::from_slice(&body).unwrap_or_default(),
    );
    let mut request = watched.http.post(&watched.url).body(body);
    for name in [
        "x-amz-target",
        "content-type",
        "authorization",
        "x-amz-date",
    ] {
        request = request.header(name, headers.get(name).cloned().unwrap());
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap())
}

/// Makes the orders function do everything that it can do.
pub(super) async fn use_orders(shop: &Shop) {
    shop.stock("TEA-01", 10).await;
    let tag = shop
        .get("/products/TEA-01")
        .send()
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let put = shop
        .request(Method::PUT, "/products/TEA-01")
        .by("staff", STAFF)
        .header("if-match", &tag);
    let body = json!({"name": "Tea", "unit_price": 500, "currency": "KRW", "sellable": true});
    put.json(&body).send().await.assert(200);
    shop.adjust("TEA-01", "too-much", -99).await.assert(409);
    let placed = shop.place("key-1", "TEA-01", 1).await;
    placed.assert(201);
    assert!(shop.place("key-1", "TEA-01", 1).await.is_replay());
    shop.place("key-2", "TEA-01", 99).await.assert(409);
    shop.place_as("demo", "key-3", &order_of(&[line("NONE-01", 1)]))
        .await
        .assert(422);
    shop.read("demo", &placed.order_id()).await.assert(200);
    for path in ["/orders", "/products"] {
        shop.get(path).by("demo", CUSTOMER).send().await.assert(200);
    }
    shop.confirm(&placed.order_id(), "pay-1").await.assert(200);
    shop.cancel("demo", &placed.order_id()).await.assert(200);
    let shipped = shop.fulfilled("key-5", "TEA-01", 1).await;
    let goods = [("TEA-01", 1)];
    let back = shop.give_back(&shipped, "return-1", &goods, true).await;
    back.assert(201);
    let of_day = shop.get("/orders?day=2026-11-26").by("staff", STAFF);
    of_day.send().await.assert(200);
    shop.place("key-4", "TEA-01", 1).await.assert(201);
}

/// Sends one alert that is delivered and two that are returned to the queue.
pub(super) async fn use_alerts(shop: &Shop) {
    let (forwarder, _) = shop
        .running
        .template
        .function(Kind::AlertForwarder)
        .unwrap();
    // An alarm, so that its incident is read and written too.
    let alarm = json!({"AlarmName": "a", "NewStateValue": "ALARM", "StateChangeTime": "2026-11-25T12:00:00.000+0000",
        "Trigger": {}});
    let alert = |id: &str| {
        let text = if id == "m-1" {
            alarm.to_string()
        } else {
            "Something broke.".to_owned()
        };
        json!({"Records": [{
            "messageId": id, "receiptHandle": id, "eventSource": "aws:sqs", "attributes": {}, "awsRegion": "eu-west-1",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:1:alerts",
            "body": json!({"Type": "Notification", "MessageId": id, "TopicArn": "arn:aws:sns:eu-west-1:1:alerts",
                "Subject": "A test", "Message": text, "Timestamp": "2026-11-25T12:00:00.000Z"}).to_string(),
        }]})
    };
    let functions = &shop.running.functions;
    let delivered = functions
        .invoke(forwarder, alert("m-1"), None)
        .await
        .unwrap();
    assert_eq!(delivered["batchItemFailures"], json!([]));
    // After a 502, Discord may have posted the message, so the claim is kept. After a rate limit, it has
    // not, so the claim is released.
    let bad_gateway = [Fault::Status(502), Fault::Status(502), Fault::Status(502)];
    let limited = [Fault::LimitedByEdge {
        retry_after: Some(3_600),
    }];
    for (id, faults) in [("m-2", &bad_gateway[..]), ("m-3", &limited[..])] {
        shop.running.discord.fail(faults.iter().cloned());
        let kept = functions.invoke(forwarder, alert(id), None).await.unwrap();
        assert_eq!(
            kept["batchItemFailures"].as_array().map(Vec::len),
            Some(1),
            "{kept}"
        );
    }
}

#[tokio::test]
async fn functions_use_exactly_the_permissions_on_tables_that_their_roles_have() {
    // The second shop's functions use the first shop's database, through the proxy.
    let keeper = Shop::open(Options::in_memory()).await;
    let (watched, url) = Watched::before(keeper.running.dynamodb_url.clone()).await;
    let shop = Shop::open(Options {
        dynamodb: Some(url),
        ..Options::in_memory()
    })
    .await;
    let on_tables = |logical: &str| -> Grants {
        let needed = needed().remove(logical).unwrap().into_iter();
        let needed = needed.map(|(action, on)| (action.to_owned(), on));
        needed
            .filter(|(action, _)| action.starts_with("dynamodb:"))
            .collect()
    };
    watched.taken();

    use_orders(&shop).await;
    assert_eq!(watched.taken(), on_tables("OrdersFunction"));

    shop.pass_seconds(3_600);
    assert_eq!(shop.sweep().await["expired"], 1);
    assert_eq!(watched.taken(), on_tables("OrdersSweeperFunction"));

    assert_eq!(shop.audit().await["outcome"], "sound");
    let scan = on_tables("OrdersAuditorFunction").into_iter();
    let scan: Grants = scan
        .filter(|(action, _)| action.ends_with("Scan"))
        .collect();
    assert_eq!(watched.taken(), scan);
    // It reads single items only when something differs.
    let (client, table) = (keeper.running.dynamodb(), orders_table(&shop.running));
    let moved = async |units: i64| {
        let update = client.update_item().table_name(&table);
        let update = update.set_key(Some(stock_key("TEA-01")));
        let update = update.update_expression("SET taken = taken + :n, available = available - :n");
        let units = AttributeValue::N(units.to_string());
        update
            .expression_attribute_values(":n", units)
            .send()
            .await
            .unwrap();
    };
    moved(1).await;
    assert_eq!(
        auditing::audit_within(&shop, 10).await["outcome"],
        "inconclusive"
    );
    assert_eq!(watched.taken(), on_tables("OrdersAuditorFunction"));
    moved(-1).await;

    use_alerts(&shop).await;
    assert_eq!(watched.taken(), on_tables("AlertForwarderFunction"));

    shop.assert_conserved().await;
    shop.running.stop().await;
    keeper.running.stop().await;
}
