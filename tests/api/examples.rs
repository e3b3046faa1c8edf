//! Sends the examples of openapi.yaml, and compares the answers with the examples of answers.

use std::collections::{BTreeMap, BTreeSet};

use local::serve::Options;
use serde_json::Value;

use crate::support::description::DESCRIPTION;
use crate::support::harness::{CUSTOMER, STAFF, Shop};

/// A request of the story. `{id}` is the order that an earlier request placed.
struct Step {
    route: &'static str,
    path: &'static str,
    /// The example of the request's body.
    sent: Option<&'static str>,
    /// The example of the answer.
    answered: &'static str,
    status: u16,
}

const fn step(
    route: &'static str,
    path: &'static str,
    sent: Option<&'static str>,
    status: u16,
    answered: &'static str,
) -> Step {
    Step {
        route,
        path,
        sent,
        answered,
        status,
    }
}

/// Everything that the examples do, in the order in which it can happen to the demo products.
#[rustfmt::skip]
const STORY: [Step; 18] = [
    step("GET /products", "/products?limit=1", None, 200, "one-product"),
    step("GET /products/{sku}", "/products/TEA-01", None, 200, "a-product"),
    step("GET /products/{sku}", "/products/NO-TEA", None, 404, "nothing-there"),
    step("POST /orders", "/orders", Some("two-teas"), 201, "two-teas-placed"),
    step("POST /orders", "/orders", Some("too-many-teas"), 409, "too-many-teas-refused"),
    step("POST /orders", "/orders", Some("no-tea"), 400, "no-tea-refused"),
    step("GET /orders", "/orders", None, 200, "own-orders"),
    step("GET /orders/{id}", "/orders/{two-teas}", None, 200, "an-order"),
    step("POST /orders/{id}/confirm", "/orders/{two-teas}/confirm", Some("a-payment"), 200, "a-payment-taken"),
    step("POST /orders/{id}/confirm", "/orders/{two-teas}/confirm", Some("another-payment"), 409, "another-payment-refused"),
    step("POST /orders/{id}/fulfil", "/orders/{two-teas}/fulfil", Some("a-parcel"), 200, "a-parcel-sent"),
    step("POST /orders/{id}/returns", "/orders/{two-teas}/returns", Some("one-tea-back"), 201, "one-tea-taken-back"),
    step("POST /orders", "/orders", Some("a-basket"), 201, "a-basket-placed"),
    step("POST /orders/{id}/cancel", "/orders/{a-basket}/cancel", Some("nothing"), 200, "nothing-left"),
    step("PUT /products/{sku}", "/products/CUP-01", Some("a-cup"), 201, "a-cup-described"),
    step("POST /products/{sku}/stock", "/products/CUP-01/stock", Some("ten-cups"), 201, "ten-cups-added"),
    step("POST /products/{sku}/stock", "/products/CUP-01/stock", Some("eleven-cups-less"), 409, "eleven-cups-refused"),
    step("PUT /products/{sku}", "/products/CUP-01", Some("a-cup-for-a-sale"), 200, "a-cup-spread"),
];

/// Every example of the file, by name.
fn examples() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect(&DESCRIPTION.document, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name != "examples" {
                    collect(member, found);
                    continue;
                }
                for (name, example) in member.as_object().unwrap() {
                    let value = &example["value"];
                    let before = found.insert(name.clone(), value.clone());
                    assert!(
                        before.is_none_or(|before| before == *value),
                        "two examples have the name {name}"
                    );
                }
            }
        }
        Value::Array(members) => members.iter().for_each(|it| collect(it, found)),
        _ => {}
    }
}

/// The value without what differs each time: ids, moments and cursors.
fn settled(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let varies = ["request_id", "next_cursor"].contains(&name.as_str());
                let value = match value {
                    Value::String(_) if varies => "varies".into(),
                    value => settled(value),
                };
                (name.clone(), value)
            };
            members.iter().map(member).collect()
        }
        Value::Array(members) => members.iter().map(settled).collect(),
        Value::String(text) => {
            let prefixes = ["ord_", "ret_", "adj_"].into_iter();
            let mut prefixes = prefixes.filter(|prefix| text.starts_with(prefix));
            match prefixes.next() {
                Some(prefix) if text.len() == 30 => prefix.into(),
                _ if text.parse::<jiff::Timestamp>().is_ok() => "a moment".into(),
                _ => value.clone(),
            }
        }
        value => value.clone(),
    }
}

/// Each example is one that its schema allows: the answers are held to it by the harness.
async fn tell(shop: &Shop, step: &Step, placed: &mut BTreeMap<String, String>) {
    let examples = examples();
    let (_, operation) = DESCRIPTION
        .operations()
        .find(|(route, _)| route == step.route)
        .unwrap();
    let mut path = step.path.to_owned();
    for (name, id) in &*placed {
        path = path.replace(&format!("{{{name}}}"), id);
    }
    let method = step.route.split(' ').next().unwrap().parse().unwrap();
    let scopes = format!("{CUSTOMER} {STAFF}");
    let mut request = shop.request(method, &path).by("demo", &scopes);
    if let Some(sent) = step.sent {
        let body = &operation["requestBody"]["content"]["application/json"];
        let example = &body["examples"][sent]["value"];
        assert!(example.is_object(), "{} has no example {sent}", step.route);
        let fault = DESCRIPTION.invalid(step.route, &body["schema"], example);
        assert_eq!(fault.is_some(), step.status == 400, "{sent}: {fault:?}");
        request = request.key(sent).json(example);
    }
    let answer = request.send().await;
    answer.assert(step.status);
    let expected = settled(&examples[step.answered]);
    assert_eq!(settled(&answer.json()), expected, "{}", step.answered);
    if step.status == 201 {
        let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
        placed.extend(step.sent.map(|sent| (sent.to_owned(), id)));
    }
}

#[tokio::test]
async fn every_example_of_the_description_is_what_the_api_answers() {
    let options = Options {
        schedules: false,
        ..Options::in_memory()
    };
    let shop = Shop::of(local::serve::start(options).await.unwrap());
    let mut placed = BTreeMap::new();
    for step in &STORY {
        tell(&shop, step, &mut placed).await;
    }
    shop.assert_conserved().await;
    shop.running.stop().await;
}

#[test]
fn every_example_of_the_description_is_in_the_story() {
    let sent = STORY.iter().filter_map(|step| step.sent);
    let told: BTreeSet<&str> = STORY.iter().map(|step| step.answered).chain(sent).collect();
    let examples = examples();
    let written: BTreeSet<&str> = examples.keys().map(String::as_str).collect();
    assert_eq!(told, written);
}
