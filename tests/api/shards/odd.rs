//! Shards that are not as any release writes them.

use super::{available_in, number, orders_table, shards, spread, tamper};
use crate::support::harness::{integer, shop};

/// To try again would be of no use: nothing says that another description is under way.
#[tokio::test]
async fn a_shard_whose_terms_differ_under_the_same_version_is_a_defect_and_not_busy() {
    shop(async |shop| {
        spread(shop, "TEA", 2, 10).await;
        for (shard, sign) in [(0, -5), (1, 5)] {
            let update = "SET available = available + :q, levelled = levelled + :q";
            tamper(shop, "TEA", shard, update, &[(":q", number(sign))]).await;
        }
        assert_eq!(available_in(shop, "TEA").await, [0, 10]);
        let price = async |price| {
            let update = "SET unit_price = :price";
            tamper(shop, "TEA", 1, update, &[(":price", number(price))]).await;
        };
        price(700).await;
        assert_eq!(shop.place("key-1", "TEA", 1).await.status, 500);
        price(500).await;
        shop.place("key-1", "TEA", 1).await.assert(201);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_looks_for_a_shard_that_is_not_there_takes_another() {
    shop(async |shop| {
        spread(shop, "TEA", 3, 12).await;
        // The environment knows of three shards. Shard 2 goes, and shard 0 gets what it had.
        let gone = shards(shop, "TEA").await.pop().unwrap();
        let values = [("available", ":a"), ("received", ":r"), ("levelled", ":l")]
            .map(|(name, value)| (value, number(integer(&gone, name))));
        let update = "SET available = available + :a, received = received + :r, \
            levelled = levelled + :l, shards = :two";
        let mut all = values.to_vec();
        all.push((":two", number(2)));
        tamper(shop, "TEA", 0, update, &all).await;
        let delete = shop.running.dynamodb().delete_item();
        let delete = delete.table_name(orders_table(&shop.running));
        let delete = delete.key("pk", gone["pk"].clone());
        delete.key("sk", gone["sk"].clone()).send().await.unwrap();
        for key in 0..12 {
            shop.place(&format!("key-{key}"), "TEA", 1)
                .await
                .assert(201);
        }
        assert_eq!(available_in(shop, "TEA").await, [0; 2]);
    })
    .await;
}
