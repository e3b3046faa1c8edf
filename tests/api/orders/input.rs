//! Invalid input is refused with the reason, and has no effect.

use http::Method;
use serde_json::{Value, json};

use super::shop;
use crate::support::harness::{Answer, CUSTOMER, STAFF, Shop, line, order_of};

async fn place_text(shop: &Shop, content_type: &str, body: impl Into<reqwest::Body>) -> Answer {
    let request = shop.post("/orders").by("demo", CUSTOMER).key("key-1");
    request
        .header("content-type", content_type)
        .body(body)
        .send()
        .await
}

/// Runs a test that must leave the table as it was.
async fn without_effect(test: impl AsyncFnOnce(&Shop)) {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let before = shop.items().await;
        test(shop).await;
        assert_eq!(shop.items().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_missing_key_and_a_malformed_key_are_refused() {
    without_effect(async |shop| {
        let body = order_of(&[line("TEA-01", 1)]);
        let without = shop
            .post("/orders")
            .by("demo", CUSTOMER)
            .json(&body)
            .send()
            .await;
        without.assert_problem(400, "idempotency-key-missing");
        for key in ["", &"k".repeat(256), "a b"] {
            let answer = shop.place_as("demo", key, &body).await;
            answer.assert_problem(400, "idempotency-key-malformed");
        }
    })
    .await;
}

#[tokio::test]
async fn two_idempotency_key_lines_or_a_comma_in_the_key_are_refused() {
    without_effect(async |shop| {
        let order = order_of(&[line("TEA-01", 1)]);
        let adjustment = json!({"delta": 1, "reason": "a test"});
        for (path, body) in [("/orders", &order), ("/products/TEA-01/stock", &adjustment)] {
            for keys in [["a", "a"].as_slice(), &["a,b"], &["a,"]] {
                let mut request = shop.post(path).by("demo", "orders:write stock:write");
                for key in keys {
                    request = request.key(key);
                }
                let answer = request.json(body).send().await;
                answer.assert_problem(400, "idempotency-key-malformed");
                let detail = answer.json()["detail"].to_string();
                assert!(detail.contains("comma"), "{detail}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_quoted_key_is_another_key_than_the_same_text_without_quotes() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let plain = shop.place("a", "TEA-01", 1).await.order_id();
        let quoted = shop.place("\"a\"", "TEA-01", 1).await.order_id();
        assert_ne!(plain, quoted);
        let replayed = shop.place("\"a\"", "TEA-01", 1).await;
        assert!(replayed.is_replay() && replayed.order_id() == quoted);
    })
    .await;
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_the_name_of_its_header() {
    without_effect(async |shop| {
        let id = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa";
        for (method, path) in [
            (Method::POST, "/orders".to_owned()),
            (Method::POST, format!("/orders/{id}/confirm")),
            (Method::POST, format!("/orders/{id}/cancel")),
            (Method::PUT, "/products/TEA-01".to_owned()),
            (Method::POST, "/products/TEA-01/stock".to_owned()),
        ] {
            for coding in ["gzip", "br", "identity, gzip"] {
                let scope = "stock:write orders:confirm orders:write";
                let request = shop.request(method.clone(), &path).by("demo", scope);
                let request = request.key("1").header("content-encoding", coding);
                let request = request.header("content-type", "application/json");
                let answer = request.body(vec![0x1f, 0x8b, 8, 0]).send().await;
                answer.assert_problem(415, "content-encoding");
                let detail = answer.json()["detail"].to_string();
                assert!(detail.contains("content-encoding"), "{detail}");
            }
        }
    })
    .await;
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let request = shop.post("/orders").by("demo", CUSTOMER).key("key-1");
        let request = request.header("content-encoding", "identity");
        let body = order_of(&[line("TEA-01", 1)]);
        request.json(&body).send().await.assert(201);
    })
    .await;
}

#[tokio::test]
async fn an_entity_tag_that_no_version_can_have_matches_nothing() {
    without_effect(async |shop| {
        let description = json!({
            "name": "A product", "unit_price": 500, "currency": "KRW", "sellable": true,
        });
        for tag in ["9223372036854775807", "9223372036854775806", "0", "-1"] {
            let request = shop.request(Method::PUT, "/products/TEA-01");
            let request = request
                .by("staff", STAFF)
                .header("if-match", &format!("\"{tag}\""));
            let answer = request.json(&description).send().await;
            answer.assert_problem(412, "has-changed");
        }
    })
    .await;
}

#[tokio::test]
async fn an_invalid_quantity_is_refused_with_a_pointer_to_it() {
    without_effect(async |shop| {
        for quantity in ["0", "-1", "9223372036854775808", "1.5", "1.0", "\"1\""] {
            let body = format!(
                r#"{{"currency":"KRW","lines":[{{"sku":"TEA-01","quantity":{quantity},"unit_price":500}}]}}"#
            );
            let answer = place_text(shop, "application/json", body).await;
            answer.assert_problem(400, "invalid-request");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/lines/0/quantity");
        }
    })
    .await;
}

#[tokio::test]
async fn too_many_lines_a_large_body_and_another_media_type_get_different_problems() {
    without_effect(async |shop| {
        let lines = vec![line("TEA-01", 1); 51];
        let answer = shop.place_as("demo", "key-1", &order_of(&lines)).await;
        answer.assert_problem(400, "invalid-request");
        let filled = |bytes: usize| {
            let body = order_of(&[line("TEA-01", 1)]).to_string();
            format!("{body}{}", " ".repeat(bytes - body.len()))
        };
        let answer = place_text(shop, "application/json", filled(64 * 1024 + 1)).await;
        answer.assert_problem(413, "body-too-large");
        let answer = place_text(shop, "text/plain", filled(1_000)).await;
        answer.assert_problem(415, "unsupported-media-type");
        let answer = place_text(shop, "application/json", vec![0xff, 0xfe]).await;
        answer.assert_problem(400, "invalid-request");
    })
    .await;
}

#[tokio::test]
async fn a_body_of_exactly_64_kib_is_accepted() {
    shop(async |shop| {
        shop.stock("TEA-01", 10).await;
        let body = order_of(&[line("TEA-01", 1)]).to_string();
        let body = format!("{body}{}", " ".repeat(64 * 1024 - body.len()));
        place_text(shop, "application/json", body).await.assert(201);
    })
    .await;
}

#[tokio::test]
async fn every_route_points_to_what_is_wrong_in_its_body() {
    without_effect(async |shop| {
        let id = "ord_aaaaaaaaaaaaaaaaaaaaaaaaaa";
        let routes: [(Method, String, Value, &str); 4] = [
            (
                Method::PUT,
                "/products/TEA-01".to_owned(),
                json!({"name": "x"}),
                "/unit_price",
            ),
            (
                Method::POST,
                "/products/TEA-01/stock".to_owned(),
                json!({"delta": 0, "reason": "x"}),
                "/delta",
            ),
            (
                Method::POST,
                format!("/orders/{id}/confirm"),
                json!({"payment_reference": ""}),
                "/payment_reference",
            ),
            (
                Method::POST,
                format!("/orders/{id}/cancel"),
                json!({"why": 1}),
                "/why",
            ),
        ];
        for (method, path, body, pointer) in routes {
            let scope = "stock:write orders:confirm orders:write";
            let request = shop.request(method, &path).by("demo", scope).key("1");
            let answer = request.json(&body).send().await;
            answer.assert_problem(400, "invalid-request");
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_answer_carries_the_id_of_its_request() {
    without_effect(async |shop| {
        let problem = shop.read("demo", "nonsense").await;
        let id = problem.header("x-request-id").unwrap();
        assert_eq!(problem.json()["request_id"], id);
        assert_eq!(problem.header("apigw-requestid"), Some(id));
        let product = shop.get("/products/TEA-01").send().await;
        assert!(product.assert(200).header("x-request-id").is_some());
    })
    .await;
}
