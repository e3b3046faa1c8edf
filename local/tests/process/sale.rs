//! A sale to the last piece, by the real program. Its database applies one write after the other, so
//! this shows what is sold, and not how fast.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::future::join_all;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::books::{assert_sound, integer, is_order, text};
use crate::served::{Directory, Served, serve};

const CUSTOMERS: u64 = 64;
const PIECES: i64 = 2_000;
const SHARDS: i64 = 8;

/// Describes the product, and adds its pieces.
async fn open(http: &Client, served: &Served) {
    let describe = json!({
        "name": "A lamp", "unit_price": 500, "currency": "KRW", "sellable": true, "shards": SHARDS,
    });
    let product = format!("{}/products/LAMP-01", served.url);
    let put = http.put(&product).bearer_auth(&served.token);
    assert_eq!(put.json(&describe).send().await.unwrap().status(), 201);
    let post = http.post(format!("{product}/stock"));
    let post = post
        .bearer_auth(&served.token)
        .header("idempotency-key", "delivery");
    let delivery = json!({"delta": PIECES, "reason": "a sale"});
    assert_eq!(post.json(&delivery).send().await.unwrap().status(), 201);
}

/// Orders one piece after the other, until one is refused. Returns how many it got.
async fn buy(http: &Client, served: &Served, next: &AtomicU64, refused: &AtomicBool) -> i64 {
    let mut bought = 0;
    loop {
        let key = format!("key-{}", next.fetch_add(1, Ordering::Relaxed));
        let after_a_refusal = refused.load(Ordering::SeqCst);
        let (status, body) = place(http, served, &key).await;
        if status == StatusCode::CREATED {
            assert!(
                !after_a_refusal,
                "{key} got a piece after another was refused"
            );
            bought += 1;
            continue;
        }
        assert_eq!(status, StatusCode::CONFLICT, "{body}");
        assert_eq!(body["type"], "urn:surefire:problem:out-of-stock");
        assert_eq!(body["lines"][0]["available"], 0);
        refused.store(true, Ordering::SeqCst);
        return bought;
    }
}

/// Places an order of one piece. What a busy machine did not decide in time is sent again, as every
/// client does.
async fn place(http: &Client, served: &Served, key: &str) -> (StatusCode, Value) {
    let order = json!({
        "currency": "KRW", "lines": [{"sku": "LAMP-01", "quantity": 1, "unit_price": 500}],
    });
    loop {
        let post = http.post(format!("{}/orders", served.url));
        let post = post
            .bearer_auth(&served.token)
            .header("idempotency-key", key);
        let answer = post.json(&order).send().await.unwrap();
        let status = answer.status();
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return (status, answer.json().await.unwrap());
        }
    }
}

#[tokio::test]
async fn slow_a_sale_of_two_thousand_pieces_ends_with_the_last_piece() {
    let directory = Directory::new("sale");
    let served = serve(&directory, None);
    let http = Client::new();
    open(&http, &served).await;
    let (next, refused) = (AtomicU64::new(0), AtomicBool::new(false));
    let customers = (0..CUSTOMERS).map(|_| buy(&http, &served, &next, &refused));
    let bought: i64 = join_all(customers).await.into_iter().sum();
    assert_eq!(bought, PIECES);

    let items = served.items(&directory).await;
    assert_sound(&items);
    let orders = items.iter().filter(|item| is_order(item));
    assert_eq!(i64::try_from(orders.count()).unwrap(), PIECES);
    let stocks = items.iter().filter(|item| {
        text(item, "pk").starts_with("SKU#LAMP-01") && text(item, "sk").starts_with("STOCK#")
    });
    let taken: BTreeMap<&str, i64> = stocks
        .map(|item| (text(item, "sk"), integer(item, "taken")))
        .collect();
    println!("taken from each shard: {taken:?}");
    assert_eq!(taken.values().sum::<i64>(), PIECES);
    let expected = usize::try_from(SHARDS).unwrap();
    assert_eq!(taken.values().filter(|taken| 0 < **taken).count(), expected);
}
