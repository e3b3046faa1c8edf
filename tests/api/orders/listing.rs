//! Lists: each page continues where the one before it ended.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shop;
use crate::support::harness::{CUSTOMER, Shop, line, order_of};

async fn page(shop: &Shop, query: &str) -> Value {
    let request = shop.get(&format!("/orders{query}")).by("demo", CUSTOMER);
    request.send().await.assert(200).json()
}

fn ids(page: &Value) -> Vec<String> {
    let orders = page["orders"].as_array().unwrap().iter();
    orders
        .map(|order| order["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_list_has_the_callers_orders_newest_first_in_their_current_state() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let mut placed = Vec::new();
        for n in 0..3 {
            shop.pass_seconds(1);
            placed.insert(
                0,
                shop.place(&format!("key-{n}"), "TEA-01", 1)
                    .await
                    .order_id(),
            );
        }
        shop.place_as("eve", "key", &order_of(&[line("TEA-01", 1)]))
            .await
            .assert(201);
        shop.cancel("demo", &placed[1]).await.assert(200);
        let list = page(shop, "").await;
        assert_eq!(ids(&list), placed);
        assert_eq!(list["next_cursor"], Value::Null);
        assert_eq!(list["orders"][1]["status"], "cancelled");
        assert_eq!(
            list["orders"][0],
            shop.read("demo", &placed[0]).await.json()
        );
    })
    .await;
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_an_order_while_others_arrive() {
    shop(async |shop| {
        shop.stock("TEA-01", 100).await;
        let mut expected = BTreeSet::new();
        for n in 0..25 {
            // Several orders share a millisecond. Their order in the list must still be well
            // defined.
            shop.pass_seconds(i64::from(n % 5 == 0));
            expected.insert(
                shop.place(&format!("key-{n}"), "TEA-01", 1)
                    .await
                    .order_id(),
            );
        }
        shop.place("refused", "NONE", 1).await.assert(422);
        let mut seen = Vec::new();
        let mut list = page(shop, "?limit=4").await;
        let mut pages = 1;
        loop {
            seen.extend(ids(&list));
            shop.pass_seconds(1);
            shop.place(&format!("late-{pages}"), "TEA-01", 1)
                .await
                .assert(201);
            let Some(cursor) = list["next_cursor"].as_str() else {
                break;
            };
            list = page(shop, &format!("?limit=4&cursor={cursor}")).await;
            pages += 1;
        }
        assert_eq!(pages, 7, "25 orders are 7 pages of 4");
        assert_eq!(seen.len(), expected.len(), "no order twice");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    })
    .await;
}

#[tokio::test]
async fn a_full_last_page_has_no_next_cursor() {
    shop(async |shop| {
        shop.stock("TEA-01", 100).await;
        for n in 0..4 {
            shop.place(&format!("key-{n}"), "TEA-01", 1)
                .await
                .assert(201);
        }
        assert_eq!(page(shop, "?limit=4").await["next_cursor"], Value::Null);
        assert!(page(shop, "?limit=3").await["next_cursor"].is_string());
    })
    .await;
}

#[tokio::test]
async fn a_forged_cursor_and_another_customers_cursor_are_refused() {
    shop(async |shop| {
        shop.stock("TEA-01", 100).await;
        for n in 0..3 {
            shop.place(&format!("key-{n}"), "TEA-01", 1)
                .await
                .assert(201);
        }
        let cursor = page(shop, "?limit=1").await["next_cursor"]
            .as_str()
            .unwrap()
            .to_owned();
        for (sub, query) in [
            ("eve", format!("?cursor={cursor}")),
            ("demo", "?cursor=nonsense".to_owned()),
            ("demo", "?cursor=".to_owned()),
            ("demo", "?limit=0".to_owned()),
            ("demo", "?limit=101".to_owned()),
        ] {
            let answer = shop
                .get(&format!("/orders{query}"))
                .by(sub, CUSTOMER)
                .send()
                .await;
            answer.assert_problem(400, "invalid-request");
        }
    })
    .await;
}

/// A cursor with these parts, whatever they are.
fn forged(owner: &str, created_at: &str, pk: &str, sk: &str) -> String {
    let cursor = serde_json::json!({
        "owner": owner, "created_at": created_at, "pk": pk, "sk": sk,
    });
    // The parts in the order in which the API writes them.
    let text = format!(
        r#"{{"owner":{},"created_at":{},"pk":{},"sk":{}}}"#,
        cursor["owner"], cursor["created_at"], cursor["pk"], cursor["sk"]
    );
    data_encoding::BASE64URL_NOPAD.encode(text.as_bytes())
}

#[tokio::test]
async fn a_cursor_whose_parts_no_item_can_have_is_refused_before_it_reaches_the_database() {
    shop(async |shop| {
        let (at, order) = ("001795320306789", "ORD#ord_aaaaaaaaaaaaaaaaaaaaaaaaaa");
        let long = "1".repeat(2_100);
        let orders = |at: &str, pk: &str, sk: &str| {
            format!("/orders?cursor={}", forged("local#demo", at, pk, sk))
        };
        let products = |at: &str, pk: &str, sk: &str| {
            format!("/products?cursor={}", forged("products", at, pk, sk))
        };
        shop.get(&orders(at, order, "ORDER"))
            .by("demo", CUSTOMER)
            .send()
            .await
            .assert(200);
        let stock = products(at, "SKU#TEA-01", "STOCK#0");
        shop.get(&stock).send().await.assert(200);
        for path in [
            orders(&long, order, "ORDER"),
            orders(at, &format!("ORD#{long}"), "ORDER"),
            orders(at, order, &long),
            orders("01795320306789", order, "ORDER"),
            orders(at, "SKU#TEA-01", "STOCK#0"),
            orders(at, "ORD#ord_AAAAAAAAAAAAAAAAAAAAAAAAAA", "ORDER"),
            products(&long, "SKU#TEA-01", "STOCK#0"),
            products(at, &format!("SKU#{}", "A".repeat(2_100)), "STOCK#0"),
            products(at, "SKU#TEA-01", &long),
            products(at, "SKU#TEA-01", "ADJ#x"),
            products(at, "SKU#a b", "STOCK#0"),
            products(at, order, "ORDER"),
        ] {
            let answer = shop.get(&path).by("demo", CUSTOMER).send().await;
            answer.assert_problem(400, "invalid-request");
            assert_eq!(answer.json()["errors"][0]["parameter"], "cursor", "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn anyone_can_list_products_page_by_page() {
    shop(async |shop| {
        for n in 0..5 {
            shop.stock(&format!("P-{n}"), n).await;
        }
        let mut skus = Vec::new();
        let mut query = "?limit=2".to_owned();
        loop {
            let list = shop
                .get(&format!("/products{query}"))
                .send()
                .await
                .assert(200)
                .json();
            let products = list["products"].as_array().unwrap().clone();
            skus.extend(
                products
                    .iter()
                    .map(|product| product["sku"].as_str().unwrap().to_owned()),
            );
            let Some(cursor) = list["next_cursor"].as_str() else {
                break;
            };
            query = format!("?limit=2&cursor={cursor}");
        }
        skus.sort();
        assert_eq!(skus, ["P-0", "P-1", "P-2", "P-3", "P-4"]);
    })
    .await;
}
