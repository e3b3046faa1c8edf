//! Records that other releases made are answered with the same bytes, and those of this release
//! differ from them only where they must.
//!
//! `records/make.py` makes the files, with the program of each release.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local::serve::Options;
use serde_json::Value;

use crate::support::harness::{Answer, STAFF, Shop, orders_table, text};

/// Items and answers of the first release.
const FIRST: &str = include_str!("records/first.json");

/// Items of this release, and the answers of the first release to repeats of their requests.
const THIS_ANSWERED_BY_FIRST: &str = include_str!("records/this-answered-by-first.json");

type Item = HashMap<String, AttributeValue>;

fn records(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A value in DynamoDB's JSON.
fn value(json: &Value) -> AttributeValue {
    let (kind, inner) = json.as_object().unwrap().iter().next().unwrap();
    let text = || inner.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(inner.as_bool().unwrap()),
        "L" => AttributeValue::L(inner.as_array().unwrap().iter().map(value).collect()),
        "M" => AttributeValue::M(item(inner)),
        other => panic!("no record has a {other}"),
    }
}

fn item(json: &Value) -> Item {
    let attributes = json.as_object().unwrap().iter();
    attributes
        .map(|(name, json)| (name.clone(), value(json)))
        .collect()
}

/// A shop whose table has the items of a file.
async fn with_items(records: &Value, test: impl AsyncFnOnce(&Shop)) {
    let shop = Shop::open(Options::in_memory()).await;
    let client = shop.running.dynamodb();
    for json in records["items"].as_array().unwrap() {
        let put = client.put_item().table_name(orders_table(&shop.running));
        put.set_item(Some(item(json))).send().await.unwrap();
    }
    test(&shop).await;
    shop.assert_conserved().await;
    shop.running.stop().await;
}

async fn send(shop: &Shop, wanted: &Value) -> Answer {
    let path = wanted["path"].as_str().unwrap();
    let method = wanted["method"].as_str().unwrap().parse().unwrap();
    let scopes = format!("orders:write {STAFF}");
    let mut request = shop.request(method, path).by("demo", &scopes);
    if let Some(key) = wanted["key"].as_str() {
        request = request.key(key);
    }
    request.json(&wanted["body"]).send().await
}

/// Repeats every request of a file. The answers must be those that the file has, but for what this
/// release answers otherwise on purpose.
async fn assert_same_answers(records: &Value) {
    with_items(records, async |shop| {
        for wanted in records["repeats"].as_array().unwrap() {
            let answer = send(shop, wanted).await;
            let named = format!("{} {} {}", wanted["method"], wanted["path"], wanted["key"]);
            if wanted["status"] == 409 && wanted["answer"].as_str().unwrap().contains(CANCELLED) {
                // The first release did not say that a cancelled order had been paid.
                assert!(answer.assert(200).is_replay(), "{named}");
                assert_eq!(answer.header("order-status"), Some("cancelled"));
                continue;
            }
            assert_eq!(answer.status, wanted["status"], "{named}: {}", answer.body);
            assert_eq!(answer.body, wanted["answer"], "{named}");
            for (name, expected) in wanted["headers"].as_object().unwrap() {
                assert_eq!(answer.header(name), expected.as_str(), "{named} {name}");
            }
        }
    })
    .await;
}

const CANCELLED: &str = "urn:surefire:problem:order-cancelled";

#[tokio::test]
async fn records_of_the_first_release_are_answered_byte_for_byte() {
    assert_same_answers(&records(FIRST)).await;
}

#[tokio::test]
async fn the_first_release_answers_records_of_this_one_as_this_one_does() {
    assert_same_answers(&records(THIS_ANSWERED_BY_FIRST)).await;
}

#[tokio::test]
async fn an_order_of_the_first_release_is_fulfilled_and_returned() {
    with_items(&records(FIRST), async |shop| {
        let items = shop.items().await;
        assert!(items.iter().all(|item| !item.contains_key("shipped")));
        let confirmed = items.iter().find(|it| text(it, "status") == "confirmed");
        let id = text(confirmed.unwrap(), "id").to_owned();
        let available = shop.available("TEA-01").await;
        let fulfilled = shop.fulfil(&id, "parcel 7").await;
        assert_eq!(fulfilled.assert(200).json()["status"], "fulfilled");
        let goods = [("TEA-01", 2), ("CUP-01", 1)];
        shop.give_back(&id, "r-1", &goods, true).await.assert(201);
        assert_eq!(shop.available("TEA-01").await, available + 2);
        shop.give_back(&id, "r-2", &[("CUP-01", 2)], false)
            .await
            .assert(201);
        let more = shop.give_back(&id, "r-3", &[("CUP-01", 1)], true).await;
        more.assert_problem(409, "exceeds-shipped");
    })
    .await;
}

#[tokio::test]
async fn what_this_release_writes_differs_from_the_first_only_by_the_days_index_key() {
    let records = records(FIRST);
    let first: BTreeMap<_, Item> = records["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|json| {
            let key = ["pk", "sk"].map(|name| json[name]["S"].as_str().unwrap().to_owned());
            (key, item(json))
        })
        .collect();
    let order = first
        .values()
        .find(|it| it["sk"] == AttributeValue::S("ORDER".to_owned()));
    let millis = |it: &Item| it["created_at"].as_s().unwrap().parse::<i64>().unwrap();
    let now = Timestamp::from_millisecond(millis(order.unwrap())).unwrap();
    let options = Options::in_memory();
    let shop = Shop::open(Options {
        world: options.world.clone().with_clock(move || now),
        ..options
    })
    .await;
    let mut compared = 0;
    for wanted in &requests(&records) {
        send(&shop, wanted).await;
    }
    for ours in shop.items().await {
        let key = ["pk", "sk"].map(|name| text(&ours, name).to_owned());
        let theirs = &first[&key];
        for (name, value) in &ours {
            let same = theirs.get(name) == Some(value);
            // The clock of this test stands still. A refusal's answer names its request.
            let of_the_moment = [
                "at",
                "answer",
                "cancelled_at",
                "confirmed_at",
                "created_at",
                "expires_at",
                "hold_expires_at",
            ];
            let may_differ = name == "day_shard" || of_the_moment.contains(&name.as_str());
            assert!(same || may_differ, "{key:?} {name}: {value:?} {theirs:?}");
        }
        let missing = theirs.keys().find(|name| !ours.contains_key(*name));
        assert_eq!(missing, None, "{key:?}");
        compared += 1;
    }
    assert_eq!(compared, first.len());
    shop.running.stop().await;
}

/// The requests that made the items of a file: the repeats, and what has no key.
fn requests(records: &Value) -> Vec<Value> {
    records["made_by"].as_array().unwrap().clone()
}
