//! Products are described and read. A description never changes the stock.

use http::Method;
use serde_json::json;

use super::shop;
use crate::support::harness::{CUSTOMER, STAFF, Shop};

fn description(price: i64) -> serde_json::Value {
    json!({"name": "Sencha", "unit_price": price, "currency": "KRW", "sellable": true})
}

async fn put(
    shop: &Shop,
    sku: &str,
    header: (&str, &str),
    price: i64,
) -> crate::support::harness::Answer {
    let request = shop.request(Method::PUT, &format!("/products/{sku}"));
    let request = request.by("staff", STAFF).header(header.0, header.1);
    request.json(&description(price)).send().await
}

#[tokio::test]
async fn a_second_put_changes_the_product_that_the_first_one_created() {
    shop(async |shop| {
        let made = shop.describe("TEA-01", &json!({"name": "Sencha"})).await;
        made.assert(201);
        assert_eq!(made.header("etag"), Some("\"1\""));
        assert_eq!(
            made.json(),
            json!({"sku": "TEA-01", "name": "Sencha", "unit_price": 500, "currency": "KRW",
                "sellable": true, "available": 0})
        );
        let changed = shop.describe("TEA-01", &json!({"sellable": false})).await;
        assert_eq!(changed.assert(200).header("etag"), Some("\"2\""));
        let read = shop.get("/products/TEA-01").send().await;
        assert_eq!(read.assert(200).json(), changed.json());
        assert_eq!(read.header("etag"), Some("\"2\""));
    })
    .await;
}

#[tokio::test]
async fn a_sale_does_not_change_a_products_etag_but_an_edit_does() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        shop.place("key-1", "TEA-01", 3).await.assert(201);
        put(shop, "TEA-01", ("if-match", "\"1\""), 700)
            .await
            .assert(200);
        assert_eq!(shop.available("TEA-01").await, 7);
        let stale = put(shop, "TEA-01", ("if-match", "\"1\""), 800).await;
        stale.assert_problem(412, "has-changed");
        put(shop, "TEA-01", ("if-match", "\"1\", \"2\""), 800)
            .await
            .assert(200);
        put(shop, "TEA-01", ("if-match", "\"nonsense\""), 900)
            .await
            .assert(412);
        put(shop, "TEA-01", ("if-match", "*"), 900)
            .await
            .assert(200);
        put(shop, "NONE", ("if-match", "*"), 900)
            .await
            .assert_problem(412, "has-changed");
    })
    .await;
}

#[tokio::test]
async fn if_none_match_creates_a_product_only_if_it_does_not_exist() {
    shop(async |shop| {
        put(shop, "TEA-01", ("if-none-match", "*"), 500)
            .await
            .assert(201);
        put(shop, "TEA-01", ("if-none-match", "*"), 600)
            .await
            .assert_problem(412, "has-changed");
    })
    .await;
}

#[tokio::test]
async fn an_edit_whose_answer_was_lost_can_be_repeated_with_the_same_precondition() {
    shop(async |shop| {
        put(shop, "TEA-01", ("if-none-match", "*"), 500)
            .await
            .assert(201);
        put(shop, "TEA-01", ("if-none-match", "*"), 500)
            .await
            .assert(201);
        let edited = put(shop, "TEA-01", ("if-match", "\"1\""), 600).await;
        let repeated = put(shop, "TEA-01", ("if-match", "\"1\""), 600).await;
        assert_eq!(repeated.assert(200).body, edited.assert(200).body);
        assert_eq!(repeated.header("etag"), Some("\"2\""));
    })
    .await;
}

#[tokio::test]
async fn anyone_may_read_a_product_and_only_staff_may_change_it() {
    shop(async |shop| {
        shop.stock("TEA-01", 1).await;
        shop.get("/products/TEA-01").send().await.assert(200);
        shop.get("/products/NONE")
            .send()
            .await
            .assert_problem(404, "not-found");
        shop.get("/products/a%20b")
            .send()
            .await
            .assert_problem(404, "not-found");
        let request = shop.request(Method::PUT, "/products/TEA-01");
        request
            .by("demo", CUSTOMER)
            .json(&description(1))
            .send()
            .await
            .assert(403);
        let request = shop.request(Method::PUT, "/products/TEA-01");
        request.json(&description(1)).send().await.assert(401);
        let request = shop
            .request(Method::PUT, "/products/a%20b")
            .by("staff", STAFF);
        let refused = request.json(&description(1)).send().await;
        refused.assert_problem(400, "invalid-request");
        assert_eq!(refused.json()["errors"][0]["parameter"], "sku");
    })
    .await;
}
