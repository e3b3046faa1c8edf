//! The auditor finds what was lost, doubled or changed by hand, and names it.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Context, LambdaEvent};
use local::serve::Options;
use orders::auditor::{self, Auditor};
use serde_json::{Value, json};
use shared::world::World;

use super::sweeping::fill;
use crate::support::harness::{Shop, orders_table, text};
use crate::support::meter::Meter;

mod inconclusive;
mod pace;
mod shards;

type Item = HashMap<String, AttributeValue>;

/// The primary key of a product's stock.
pub(crate) fn stock_key(sku: &str) -> Item {
    key(&format!("SKU#{sku}"), "STOCK#0")
}

/// A primary key.
pub(crate) fn key(pk: &str, sk: &str) -> Item {
    let part = |name: &str, value: &str| (name.to_owned(), AttributeValue::S(value.to_owned()));
    HashMap::from([part("pk", pk), part("sk", sk)])
}

/// The real world, in which waits between two passes are over at once, after what happens in each.
/// Requests still end in time.
fn impatient<Done>(in_wait: impl Fn() -> Done + Send + Sync + 'static) -> World
where
    Done: Future<Output = ()> + Send + 'static,
{
    let (clock, random, timer) = (World::real(), World::real(), World::real());
    World::new(
        move || clock.machine_now(),
        move |bytes| random.fill(bytes),
        move |duration| {
            let timer = timer.clone();
            let long_wait = (10 <= duration.as_secs()).then(&in_wait);
            Box::pin(async move {
                match long_wait {
                    Some(happens) => happens.await,
                    None => timer.sleep(duration).await,
                }
            })
        },
    )
}

async fn audit_with(shop: &Shop, read_units_max: &str, seconds: i64) -> Value {
    audit_in(impatient(async || ()), shop, read_units_max, seconds).await
}

async fn audit_in(world: World, shop: &Shop, read_units_max: &str, seconds: i64) -> Value {
    let client = shop.running.dynamodb();
    audit_by(client, world, shop, read_units_max, seconds * 1_000).await
}

/// Audits with this client, in an invocation that may run for so many milliseconds.
async fn audit_by(
    client: Client,
    world: World,
    shop: &Shop,
    read_units_max: &str,
    milliseconds: i64,
) -> Value {
    let table = orders_table(&shop.running);
    let var = |name: &str| match name {
        "TABLE_NAME" => Some(table.clone()),
        "AUDIT_READ_UNITS_MAX" => Some(read_units_max.to_owned()),
        "AUDIT_WAIT_SECONDS" => None,
        _ => Some("x".to_owned()),
    };
    let config = auditor::config(var).unwrap();
    let now = world.machine_now().as_millisecond();
    let auditor = Auditor::with_client(&config, client, world).unwrap();
    let mut context = Context::default();
    context.deadline = u64::try_from(now + milliseconds).unwrap();
    let event = LambdaEvent::new(Value::Null, context);
    auditor::handle(&auditor, event).await.unwrap()
}

/// Audits, in an invocation that may run for this many seconds.
pub(crate) async fn audit_within(shop: &Shop, seconds: i64) -> Value {
    audit_with(shop, "", seconds).await
}

/// A shop with every kind of record: orders of each status, returns, and a refusal.
async fn busy_shop() -> Shop {
    let shop = Shop::open(Options::in_memory()).await;
    shop.stock("TEA-01", 20).await;
    shop.stock("CUP-01", 5).await;
    shop.adjust("TEA-01", "lost", -1).await.assert(201);
    shop.adjust("TEA-01", "too-many", -99).await.assert(409);
    shop.place("pending", "TEA-01", 2).await.assert(201);
    shop.place("too-many", "CUP-01", 9).await.assert(409);
    shop.confirmed("confirmed", "TEA-01", 3).await;
    let id = shop.confirmed("cancelled", "CUP-01", 1).await;
    shop.cancel("demo", &id).await.assert(200);
    let sent = shop.fulfilled("sent", "TEA-01", 4).await;
    for (name, restock) in [("return-1", true), ("return-2", false)] {
        let back = shop.give_back(&sent, name, &[("TEA-01", 1)], restock);
        back.await.assert(201);
    }
    let sound = audit_within(&shop, 900).await;
    assert_eq!(sound["outcome"], "sound", "{sound}");
    assert_eq!(sound["passes"], 1);
    assert_eq!(sound["orders"], 4);
    assert_eq!(sound["products"], 2);
    shop
}

/// The items whose keys begin so.
async fn items(shop: &Shop, pk: &str, sk: &str) -> Vec<BTreeMap<String, AttributeValue>> {
    let all = shop.items().await.into_iter();
    all.filter(|item| text(item, "pk").starts_with(pk) && text(item, "sk").starts_with(sk))
        .filter(|item| text(item, "status") != "rejected")
        .collect()
}

async fn remove(shop: &Shop, item: &BTreeMap<String, AttributeValue>) {
    let (client, table) = (shop.running.dynamodb(), orders_table(&shop.running));
    let place = key(text(item, "pk"), text(item, "sk"));
    let delete = client.delete_item().table_name(table);
    delete.set_key(Some(place)).send().await.unwrap();
}

async fn put(shop: &Shop, item: BTreeMap<String, AttributeValue>) {
    let (client, table) = (shop.running.dynamodb(), orders_table(&shop.running));
    let item: Item = item.into_iter().collect();
    let put = client.put_item().table_name(table);
    put.set_item(Some(item)).send().await.unwrap();
}

/// Adds to a number of the stock of `TEA-01`.
async fn add(shop: &Shop, name: &str, units: i64) {
    add_to(shop, "TEA-01", name, units).await;
}

async fn add_to(shop: &Shop, sku: &str, name: &str, units: i64) {
    let (client, table) = (shop.running.dynamodb(), orders_table(&shop.running));
    let update = client.update_item().table_name(table);
    let update = update.set_key(Some(stock_key(sku)));
    let update = update.update_expression("ADD #name :units");
    let update = update.expression_attribute_names("#name", name);
    let units = AttributeValue::N(units.to_string());
    let update = update.expression_attribute_values(":units", units);
    update.send().await.unwrap();
}

/// What an audit finds wrong: kind, product or order, expected and found.
fn found(report: &Value) -> Vec<(String, String, i64, i64)> {
    let list = report["violations"].as_array().unwrap().iter();
    let found = list.map(|it| {
        let named = |name: &str| it[name].as_str().map(str::to_owned);
        (
            named("kind").unwrap(),
            named("product").or_else(|| named("order_id")).unwrap(),
            it["expected"].as_i64().unwrap(),
            it["found"].as_i64().unwrap(),
        )
    });
    found.collect()
}

/// Spoils the table of a busy shop, and checks what the auditor says.
async fn check(
    spoil: impl AsyncFnOnce(&Shop) -> Vec<(&'static str, String, i64, i64)>,
) -> (Value, Vec<Value>) {
    let shop = busy_shop().await;
    let expected = spoil(&shop).await;
    let meter = Meter::start();
    let report = audit_within(&shop, 900).await;
    let lines = meter.lines();
    drop(meter);
    assert_eq!(report["outcome"], "violated", "{report}");
    assert!(report["passes"].as_i64().unwrap() <= 3, "{report}");
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(kind, name, expected, found)| (kind.to_owned(), name, expected, found))
        .collect();
    assert_eq!(found(&report), expected, "{report}");
    shop.running.stop().await;
    (report, lines)
}

fn tea(kind: &'static str, expected: i64, found: i64) -> (&'static str, String, i64, i64) {
    (kind, "TEA-01".to_owned(), expected, found)
}

#[tokio::test]
async fn corrupted_stock_is_found_in_one_read() {
    let (report, lines) = check(async |shop| {
        add(shop, "available", 1).await;
        vec![tea("stock-does-not-add-up", 18, 19)]
    })
    .await;
    assert_eq!(report["passes"], 1, "one item proves it");
    let repair = json!({"available": 11, "taken": 5, "shipped": 2, "received": 18});
    assert_eq!(report["violations"][0]["repair"], repair);
    let line = lines
        .iter()
        .find(|line| line["service"] == "orders-auditor");
    let line = line.unwrap();
    assert_eq!(line["IntegrityViolation"], 1.0);
    assert_eq!(line["AuditInconclusive"], 0.0);
    assert_eq!(line["AuditorHeartbeat"], 1.0);
    assert_eq!(line["AuditReadUnits"], report["read_units"]);
}

#[tokio::test]
async fn stock_that_was_taken_for_nobody_is_found() {
    let (report, _) = check(async |shop| {
        add(shop, "available", -1).await;
        add(shop, "taken", 1).await;
        vec![tea("taken-differs", 5, 6)]
    })
    .await;
    assert_eq!(report["passes"], 2);
    let repair = json!({"available": 11, "taken": 5, "shipped": 2, "received": 18});
    assert_eq!(report["violations"][0]["repair"], repair);
}

#[tokio::test]
async fn a_lost_order_is_found() {
    check(async |shop| {
        let orders = items(shop, "ORD#", "ORDER").await;
        let pending = orders.iter().find(|it| text(it, "status") == "pending");
        remove(shop, pending.unwrap()).await;
        vec![tea("taken-differs", 3, 5)]
    })
    .await;
}

#[tokio::test]
async fn a_doubled_adjustment_is_found_and_named() {
    let mut names = Vec::new();
    let (report, _) = check(async |shop| {
        let mut entries = items(shop, "SKU#TEA-01", "ADJ#").await;
        let mut entry = entries.remove(0);
        let delta = entry["delta"].as_n().unwrap().parse::<i64>().unwrap();
        names.push(text(&entry, "sk").to_owned());
        entry.insert("sk".to_owned(), AttributeValue::S("ADJ#twice".to_owned()));
        put(shop, entry).await;
        names.push("ADJ#twice".to_owned());
        vec![tea("received-differs", 18 + delta, 18)]
    })
    .await;
    let alike = report["violations"][0]["alike"].as_array().unwrap();
    names.sort_unstable();
    let mut alike: Vec<_> = alike.iter().map(|it| it.as_str().unwrap()).collect();
    alike.sort_unstable();
    assert_eq!(alike, names);
}

#[tokio::test]
async fn a_return_without_its_order_and_a_payment_for_no_order_are_found() {
    check(async |shop| {
        let orders = items(shop, "ORD#", "ORDER").await;
        let sent = orders.iter().find(|it| text(it, "status") == "fulfilled");
        let sent = sent.unwrap();
        remove(shop, sent).await;
        let id = text(sent, "id").to_owned();
        vec![
            tea("shipped-differs", 0, 2),
            ("payment-without-order", id.clone(), 0, 1),
            ("return-without-order", id, 0, 2),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_return_that_its_order_does_not_count_is_found() {
    check(async |shop| {
        let mut returns = items(shop, "ORD#", "RET#").await;
        returns.retain(|it| *it["restock"].as_bool().unwrap());
        let mut entry = returns.remove(0);
        let id = text(&entry, "pk").trim_start_matches("ORD#").to_owned();
        entry.insert("sk".to_owned(), AttributeValue::S("RET#x".to_owned()));
        put(shop, entry).await;
        vec![("return-not-counted", id, 0, 1)]
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_did_not_confirm_its_order_is_found() {
    check(async |shop| {
        let orders = items(shop, "ORD#", "ORDER").await;
        let pending = orders.iter().find(|it| text(it, "status") == "pending");
        let id = text(pending.unwrap(), "id").to_owned();
        let mut payment = items(shop, "PAY#", "").await.remove(0);
        payment.insert("pk".to_owned(), AttributeValue::S("PAY#x".to_owned()));
        payment.insert("order_id".to_owned(), AttributeValue::S(id.clone()));
        put(shop, payment).await;
        vec![("payment-not-of-order", id, 0, 1)]
    })
    .await;
}

#[tokio::test]
async fn an_order_whose_payment_or_return_has_no_record_is_found() {
    check(async |shop| {
        let returns = items(shop, "ORD#", "RET#").await;
        let restocked = returns.iter().find(|it| *it["restock"].as_bool().unwrap());
        let restocked = restocked.unwrap();
        remove(shop, restocked).await;
        let sent = text(restocked, "pk").trim_start_matches("ORD#").to_owned();
        let payments = items(shop, "PAY#", "").await;
        let payment = payments.iter().find(|it| text(it, "order_id") == sent);
        remove(shop, payment.unwrap()).await;
        vec![
            ("order-without-payment", sent.clone(), 0, 1),
            ("return-without-record", sent, 0, 1),
        ]
    })
    .await;
}

#[tokio::test]
async fn a_product_that_is_gone_is_found() {
    check(async |shop| {
        remove(shop, &items(shop, "SKU#CUP-01", "STOCK#").await[0]).await;
        vec![("product-is-missing", "CUP-01".to_owned(), 1, 0)]
    })
    .await;
}

/// The page on deployments has what an audit of a million orders reads.
#[tokio::test]
async fn slow_an_audit_reads_what_the_page_on_costs_says() {
    const ORDERS: usize = 20_000;
    let shop = Shop::open(Options::in_memory()).await;
    shop.stock("TEA-01", 1_000_000).await;
    let id = shop.confirmed("key-1", "TEA-01", 1).await;
    let alone = audit_within(&shop, 900).await["read_units"]
        .as_f64()
        .unwrap();
    let order = items(&shop, &format!("ORD#{id}"), "ORDER").await.remove(0);
    let payment = items(&shop, "PAY#", "").await.remove(0);
    let text = |text: String| AttributeValue::S(text);
    let mut more = Vec::new();
    for number in 0..ORDERS {
        let (mut order, mut payment) = (order.clone(), payment.clone());
        let id = format!("ord_{number:026}");
        let reference = format!("pay-{number:05}");
        let digest = once::value_digest(&reference);
        order.insert("pk".to_owned(), text(format!("ORD#{id}")));
        order.insert("id".to_owned(), text(id.clone()));
        order.insert("payment_reference".to_owned(), text(reference));
        payment.insert("pk".to_owned(), text(format!("PAY#{digest}")));
        payment.insert("order_id".to_owned(), text(id));
        more.extend([order, payment].map(|item| item.into_iter().collect::<Vec<_>>()));
    }
    fill(&shop, more.into_iter()).await;
    let units = i64::try_from(ORDERS).unwrap();
    add(&shop, "taken", units).await;
    add(&shop, "available", -units).await;
    let report = audit_within(&shop, 900).await;
    assert_eq!(report["outcome"], "sound", "{report}");
    assert_eq!(report["passes"], 1);
    let read = report["read_units"].as_f64().unwrap() - alone;
    let million = read * 1e6 / f64::from(u32::try_from(ORDERS).unwrap());
    println!("{million:.0} read units for a million orders");
    let page = include_str!("../../docs/deploy.md");
    let thousands = (million / 5_000.0).round() * 5.0;
    let said = format!("about {thousands},000 read units for each million confirmed orders");
    assert!(page.contains(&said), "docs/deploy.md does not say {said:?}");
    shop.running.stop().await;
}
