//! The requests of a minute.

use futures::future::join_all;
use http::Method;
use serde_json::json;

use super::stage::{SKU, Stage};
use crate::support::harness::{STAFF, line, order_of};

/// The requests of a minute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Load {
    /// What a shop sees: orders, repeats, refusals, pages, lists, a confirmation and a cancellation.
    Mixed,
    /// As many orders, at once.
    Orders(u32),
    /// As many preflights.
    Preflights(u32),
    /// As many orders, the last of which meets a broken database.
    OneBroken(u32),
    /// Requests for things that do not exist.
    NotFound,
    /// Tokens that nobody signed.
    Denied,
    /// No request, but a run of the auditor.
    Audit,
}

impl Load {
    pub(super) async fn send(self, stage: &mut Stage) {
        match self {
            Self::Mixed => mixed(stage).await,
            Self::Orders(count) => orders(stage, count).await,
            Self::Preflights(count) => preflights(stage, count).await,
            Self::OneBroken(count) => {
                orders(stage, count - 1).await;
                stage.break_it("dynamodb=error");
                orders(stage, 1).await;
                stage.mend();
            }
            Self::Audit => stage.audit().await,
            Self::NotFound => {
                for number in 0..30 {
                    let path = format!("/products/NONE-{number}");
                    stage.shop.get(&path).send().await.assert(404);
                }
            }
            Self::Denied => {
                for _ in 0..30 {
                    let request = stage.shop.get("/orders");
                    let answer = request.header("authorization", "Bearer a.b.c").send().await;
                    answer.assert(403);
                }
            }
        }
    }
}

async fn orders(stage: &mut Stage, count: u32) {
    let keys: Vec<String> = (0..count).map(|_| stage.next_key()).collect();
    let shop = &stage.shop;
    // Every fifth at a time, so that they do not wait for each other.
    for keys in keys.chunks(5) {
        join_all(keys.iter().map(|key| shop.place(key, SKU, 1))).await;
    }
}

async fn preflights(stage: &Stage, count: u32) {
    for _ in 0..count {
        let request = stage.shop.request(Method::OPTIONS, "/orders");
        let request = request.header("origin", "http://localhost:5173");
        request
            .header("access-control-request-method", "POST")
            .send()
            .await;
    }
}

async fn mixed(stage: &mut Stage) {
    let keys: Vec<String> = (0..22).map(|_| stage.next_key()).collect();
    let shop = &stage.shop;
    let mut placed = Vec::new();
    for key in &keys {
        let answer = shop.place(key, SKU, 1).await;
        placed.push(answer.assert(201).order_id());
    }
    shop.place(&keys[0], SKU, 1).await.assert(201);
    shop.cancel("demo", &placed[0]).await.assert(200);
    shop.confirm(&placed[1], &format!("payment-{}", placed[1]))
        .await
        .assert(200);
    shop.read("demo", &placed[2]).await.assert(200);
    shop.get(&format!("/products/{SKU}"))
        .send()
        .await
        .assert(200);
    shop.get("/products").send().await.assert(200);
    preflights(stage, 2).await;
    // A few mistakes of clients: sold out, not allowed, not there.
    let shop = &stage.shop;
    let much = order_of(&[line(SKU, 999)]);
    let request = shop
        .post("/orders")
        .by("demo", STAFF)
        .key("never")
        .json(&much);
    request.send().await.assert(403);
    shop.get("/products/NONE-01").send().await.assert(404);
    let body = json!({"delta": 1, "reason": "a test"});
    let request = shop.post(&format!("/products/{SKU}/stock"));
    let key = format!("delivery-{}", keys[0]);
    request
        .by("staff", STAFF)
        .key(&key)
        .json(&body)
        .send()
        .await
        .assert(201);
}
