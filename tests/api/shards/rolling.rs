//! A description that has reached half of the shards: who finishes it, and what is sold meanwhile.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::{available_in, number, shards, spread, tamper};
use crate::support::harness::{Shop, integer, order_of, shop};

/// A product of two shards whose shard 0 is empty, and whose shard 1 did not get the last
/// description.
async fn half_rolled(shop: &Shop) {
    spread(shop, "TEA", 2, 10).await;
    for (shard, update) in [
        (
            0,
            "SET available = available - :q, levelled = levelled - :q",
        ),
        (
            1,
            "SET available = available + :q, levelled = levelled + :q",
        ),
    ] {
        tamper(shop, "TEA", shard, update, &[(":q", number(5))]).await;
    }
    assert_eq!(available_in(shop, "TEA").await, [0, 10]);
    let terms = json!({"unit_price": 700});
    shop.describe("TEA", &terms).await.assert(200);
    let back = [(":old", number(500)), (":one", number(1))];
    let update = "SET unit_price = :old, details_version = :one";
    tamper(shop, "TEA", 1, update, &back).await;
    let mark = [
        (":mark", AttributeValue::S("ROLLING".to_owned())),
        (":then", AttributeValue::S("000000000000001".to_owned())),
    ];
    let update = "SET expiry_shard = :mark, hold_expires_at = :then";
    tamper(shop, "TEA", 0, update, &mark).await;
}

fn at_700(quantity: i64) -> Value {
    order_of(&[json!({"sku": "TEA", "quantity": quantity, "unit_price": 700})])
}

#[tokio::test]
async fn an_order_at_the_new_price_takes_a_shard_that_is_behind_along() {
    shop(async |shop| {
        half_rolled(shop).await;
        shop.place_as("demo", "new", &at_700(2)).await.assert(201);
        let shards = shards(shop, "TEA").await;
        assert_eq!(integer(&shards[1], "details_version"), 2);
        assert_eq!(integer(&shards[1], "unit_price"), 700);
    })
    .await;
}

#[tokio::test]
async fn until_a_description_is_everywhere_both_prices_sell() {
    shop(async |shop| {
        half_rolled(shop).await;
        // An order at the old price takes either shard. Only shard 0 has the new one.
        let mut statuses = Vec::new();
        for key in 0..8 {
            statuses.push(shop.place(&format!("old-{key}"), "TEA", 1).await.status);
        }
        assert!(
            statuses.contains(&201) && statuses.contains(&409),
            "{statuses:?}"
        );
        // The repeat of the description finishes it, without a new version.
        let again = shop.describe("TEA", &json!({"unit_price": 700})).await;
        assert_eq!(again.assert(200).header("etag"), Some("\"2\""));
        for key in 0..8 {
            let older = shop.place(&format!("older-{key}"), "TEA", 1).await;
            older.assert_problem(409, "price-changed");
            assert_eq!(older.json()["lines"][0]["unit_price"], 700);
        }
    })
    .await;
}

#[tokio::test]
async fn the_sweeper_finishes_a_description_that_did_not_reach_all_shards() {
    shop(async |shop| {
        half_rolled(shop).await;
        assert_eq!(shop.sweep().await["rolled"], 1);
        let shards = shards(shop, "TEA").await;
        assert_eq!(integer(&shards[1], "unit_price"), 700);
        assert!(!shards[0].contains_key("expiry_shard"));
        assert_eq!(shop.sweep().await["rolled"], 0);
    })
    .await;
}
