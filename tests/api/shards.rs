//! A product whose stock is spread over several shards: it is sold to the last piece, and nobody is
//! told "sold out" before it is.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::shop;
use crate::support::harness::{Answer, Shop, integer, line, order_of, orders_table, text};

mod odd;
mod rolling;

type Item = BTreeMap<String, AttributeValue>;

/// Describes a product of so many shards at 500 KRW. Many shards take more than the time of one
/// request on a busy machine: then the answer asks for the same again.
async fn describe_many(shop: &Shop, sku: &str, shards: u32) -> Answer {
    for _ in 0..20 {
        let answer = shop.describe(sku, &json!({"shards": shards})).await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("{sku} was never described");
}

/// Describes a product of so many shards at 500 KRW, and adds stock.
async fn spread(shop: &Shop, sku: &str, shards: u32, quantity: i64) {
    describe_many(shop, sku, shards).await.assert(201);
    if quantity != 0 {
        shop.adjust(sku, &format!("stock-{sku}"), quantity)
            .await
            .assert(201);
    }
}

/// The stock items of a product, by their shard.
async fn shards(shop: &Shop, sku: &str) -> Vec<Item> {
    let items = shop.items().await;
    let own = format!("SKU#{sku}");
    let is_own = |item: &Item| {
        let pk = text(item, "pk");
        text(item, "sk").starts_with("STOCK#") && (pk == own || pk.starts_with(&format!("{own}#")))
    };
    let mut shards: Vec<Item> = items.into_iter().filter(is_own).collect();
    let number = |item: &Item| -> u32 {
        text(item, "sk")
            .trim_start_matches("STOCK#")
            .parse()
            .unwrap()
    };
    shards.sort_by_key(number);
    shards
}

async fn available_in(shop: &Shop, sku: &str) -> Vec<i64> {
    let shards = shards(shop, sku).await;
    shards
        .iter()
        .map(|item| integer(item, "available"))
        .collect()
}

/// Changes attributes of a shard, as nothing but a test would.
async fn tamper(
    shop: &Shop,
    sku: &str,
    shard: u32,
    update: &str,
    values: &[(&str, AttributeValue)],
) {
    let (pk, sk) = match shard {
        0 => (format!("SKU#{sku}"), "STOCK#0".to_owned()),
        other => (format!("SKU#{sku}#{other}"), format!("STOCK#{other}")),
    };
    let mut request = shop
        .running
        .dynamodb()
        .update_item()
        .table_name(orders_table(&shop.running))
        .key("pk", AttributeValue::S(pk))
        .key("sk", AttributeValue::S(sk))
        .update_expression(update);
    for (name, value) in values {
        request = request.expression_attribute_values(*name, value.clone());
    }
    request.send().await.unwrap();
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn reasons(answer: &Answer) -> Vec<(String, String, Value)> {
    let lines = answer.json()["lines"].as_array().unwrap().clone();
    let reason = |line: &Value| {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        (text("sku"), text("reason"), line["available"].clone())
    };
    lines.iter().map(reason).collect()
}

#[tokio::test]
async fn a_product_of_one_shard_is_stored_and_shown_as_ever() {
    shop(async |shop| {
        spread(shop, "TEA", 1, 5).await;
        shop.place("key-1", "TEA", 2).await.assert(201);
        shop.describe("TEA", &json!({})).await.assert(200);
        let items = shards(shop, "TEA").await;
        let names: Vec<&str> = items[0].keys().map(String::as_str).collect();
        assert_eq!(items.len(), 1);
        assert_eq!(
            names,
            [
                "available",
                "created_at",
                "currency",
                "details_version",
                "name",
                "owner",
                "pk",
                "received",
                "sellable",
                "sk",
                "taken",
                "unit_price",
                "version"
            ]
        );
        let read = shop.get("/products/TEA").send().await;
        assert_eq!(read.json().get("shards"), None);
    })
    .await;
}

#[tokio::test]
async fn a_delivery_is_spread_over_all_shards() {
    shop(async |shop| {
        spread(shop, "TEA", 12, 50).await;
        let has = available_in(shop, "TEA").await;
        assert!(has.iter().all(|has| (4..=6).contains(has)), "{has:?}");
        assert_eq!(has.iter().sum::<i64>(), 50);
        let read = shop.get("/products/TEA").send().await.assert(200).json();
        assert_eq!(
            (&read["available"], &read["shards"]),
            (&json!(50), &json!(12))
        );
        // A repeat moves nothing, and its bytes are the same.
        let again = shop.adjust("TEA", "stock-TEA", 50).await;
        assert!(again.is_replay());
        assert_eq!(available_in(shop, "TEA").await, has);
    })
    .await;
}

#[tokio::test]
async fn a_product_is_sold_to_the_last_piece_and_only_then_refused() {
    shop(async |shop| {
        spread(shop, "TEA", 5, 23).await;
        for key in 0..23 {
            shop.place(&format!("key-{key}"), "TEA", 1)
                .await
                .assert(201);
        }
        let refused = shop.place("too-late", "TEA", 1).await;
        refused.assert_problem(409, "out-of-stock");
        assert_eq!(
            reasons(&refused),
            [("TEA".to_owned(), "out-of-stock".to_owned(), json!(0))]
        );
        assert_eq!(available_in(shop, "TEA").await, [0; 5]);
        // A repeat of an order that was placed is answered as ever, and so is the refusal.
        assert!(shop.place("key-0", "TEA", 1).await.assert(201).is_replay());
        let again = shop.place("too-late", "TEA", 1).await;
        assert_eq!(again.assert(409).body, refused.body);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_no_shard_has_is_collected_from_several() {
    shop(async |shop| {
        spread(shop, "TEA", 4, 12).await;
        shop.place("most", "TEA", 11).await.assert(201);
        let refused = shop.place("too-many", "TEA", 2).await;
        refused.assert_problem(409, "out-of-stock");
        assert_eq!(refused.json()["lines"][0]["available"], 1);
        shop.place("last", "TEA", 1).await.assert(201);
        let taken: Vec<i64> = shards(shop, "TEA")
            .await
            .iter()
            .map(|item| integer(item, "taken"))
            .collect();
        assert_eq!(taken.iter().sum::<i64>(), 12);
        // An order takes each line from one shard.
        assert!(taken.contains(&11), "{taken:?}");
    })
    .await;
}

#[tokio::test]
async fn an_order_is_cancelled_fulfilled_and_returned_in_the_shards_it_came_from() {
    shop(async |shop| {
        spread(shop, "TEA", 3, 9).await;
        let id = shop.place("one", "TEA", 7).await.order_id();
        shop.cancel("demo", &id).await.assert(200);
        let id = shop.fulfilled("two", "TEA", 8).await;
        shop.give_back(&id, "r-1", &[("TEA", 3)], true)
            .await
            .assert(201);
        shop.give_back(&id, "r-2", &[("TEA", 2)], false)
            .await
            .assert(201);
        assert_eq!(available_in(shop, "TEA").await.iter().sum::<i64>(), 4);
        shop.place("three", "TEA", 4).await.assert(201);
        shop.pass_seconds(1_000);
        assert_eq!(shop.sweep().await["expired"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_loss_is_taken_from_as_many_shards_as_it_needs_or_refused() {
    shop(async |shop| {
        spread(shop, "TEA", 4, 12).await;
        shop.adjust("TEA", "lost", -8).await.assert(201);
        let refused = shop.adjust("TEA", "more", -5).await;
        refused.assert_problem(409, "stock-would-be-negative");
        assert_eq!(refused.json()["available"], 4);
        assert_eq!(
            shop.adjust("TEA", "more", -5).await.assert(409).body,
            refused.body
        );
        shop.adjust("TEA", "rest", -4).await.assert(201);
        assert_eq!(available_in(shop, "TEA").await, [0; 4]);
    })
    .await;
}

#[tokio::test]
async fn an_adjustment_of_a_product_that_grew_finds_its_shards() {
    shop(async |shop| {
        // The environment has learnt that there is one shard.
        spread(shop, "TEA", 1, 5).await;
        shop.place("too-many", "TEA", 9).await.assert(409);
        shop.describe("TEA", &json!({"shards": 3}))
            .await
            .assert(200);
        shop.adjust("TEA", "more", 7).await.assert(201);
        let has = available_in(shop, "TEA").await;
        assert!(
            has.len() == 3 && has.iter().all(|has| (3..=5).contains(has)),
            "{has:?}"
        );
        shop.adjust("TEA", "lost", -12).await.assert(201);
    })
    .await;
}

#[tokio::test]
async fn a_product_never_has_fewer_shards_than_before() {
    shop(async |shop| {
        spread(shop, "TEA", 4, 0).await;
        let fewer = shop.describe("TEA", &json!({"shards": 3})).await;
        fewer.assert_problem(409, "fewer-shards");
        assert_eq!(fewer.json()["shards"], 4);
        let etag = shop.describe("TEA", &json!({})).await;
        assert_eq!(etag.assert(200).json()["shards"], 4);
        describe_many(shop, "TEA", 64).await.assert(200);
        assert_eq!(shards(shop, "TEA").await.len(), 64);
        let body = shop.describe("TEA", &json!({"shards": 65})).await;
        body.assert_problem(400, "invalid-request");
    })
    .await;
}

#[tokio::test]
async fn a_new_price_reaches_every_shard_before_its_answer() {
    shop(async |shop| {
        spread(shop, "TEA", 6, 30).await;
        let terms = json!({"unit_price": 700, "quantity_max": 9});
        let changed = shop.describe("TEA", &terms).await;
        assert_eq!(changed.assert(200).json()["available"], 30);
        for item in shards(shop, "TEA").await {
            assert_eq!(integer(&item, "unit_price"), 700);
            assert_eq!(integer(&item, "quantity_max"), 9);
            assert_eq!(integer(&item, "details_version"), 2);
            assert!(!item.contains_key("expiry_shard"), "{item:?}");
        }
        let old = shop.place("old", "TEA", 1).await;
        old.assert_problem(409, "price-changed");
        shop.describe("TEA", &json!({"sellable": false}))
            .await
            .assert(200);
        for item in shards(shop, "TEA").await {
            assert_eq!(item["sellable"], AttributeValue::Bool(false));
            assert!(!item.contains_key("quantity_max"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_line_that_is_proved_short_refuses_the_order_and_takes_nothing() {
    shop(async |shop| {
        spread(shop, "TEA", 3, 9).await;
        spread(shop, "CUP", 2, 4).await;
        shop.stock("MUG", 2).await;
        let of = |tea: i64, cup: i64, mug: i64| {
            order_of(&[line("TEA", tea), line("CUP", cup), line("MUG", mug)])
        };
        let refused = shop.place_as("demo", "cups", &of(8, 5, 1)).await;
        refused.assert_problem(409, "out-of-stock");
        assert_eq!(
            reasons(&refused),
            [("CUP".to_owned(), "out-of-stock".to_owned(), json!(4))]
        );
        let refused = shop.place_as("demo", "both", &of(10, 5, 1)).await;
        assert_eq!(reasons(&refused).len(), 2, "{}", refused.body);
        // The line of a product of one shard is proved by the transaction.
        let refused = shop.place_as("demo", "mugs", &of(10, 5, 3)).await;
        assert_eq!(reasons(&refused)[0].0, "MUG");
        shop.place_as("demo", "all", &of(9, 4, 2)).await.assert(201);
        for sku in ["TEA", "CUP", "MUG"] {
            assert_eq!(available_in(shop, sku).await.iter().sum::<i64>(), 0);
        }
    })
    .await;
}

#[tokio::test]
async fn an_order_that_collects_more_than_a_transaction_holds_is_placed() {
    shop(async |shop| {
        for sku in ["A", "B"] {
            spread(shop, sku, 64, 64).await;
        }
        let both = order_of(&[line("A", 64), line("B", 63)]);
        shop.place_as("demo", "all", &both).await.assert(201);
        assert_eq!(available_in(shop, "A").await, [0; 64]);
        assert_eq!(available_in(shop, "B").await.iter().sum::<i64>(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_page_of_products_ends_where_its_shards_are_too_many() {
    shop(async |shop| {
        for sku in ["A", "B", "C", "D"] {
            spread(shop, sku, 64, 70).await;
        }
        shop.stock("E", 3).await;
        let first = shop
            .get("/products?limit=100")
            .send()
            .await
            .assert(200)
            .json();
        let products = first["products"].as_array().unwrap();
        assert_eq!(products.len(), 3);
        assert!(products.iter().all(|product| product["available"] == 70));
        let cursor = first["next_cursor"].as_str().unwrap();
        let rest = shop.get(&format!("/products?cursor={cursor}")).send().await;
        let rest = rest.assert(200).json();
        let skus: Vec<_> = rest["products"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["sku"])
            .collect();
        assert_eq!(skus, ["D", "E"]);
        assert_eq!(rest["next_cursor"], Value::Null);
    })
    .await;
}
