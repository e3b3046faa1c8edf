//! Locks reduce conflicts and never decide who gets an order.

use std::time::Duration;

use local::serve::Options;

use super::server::Server;
use super::table::Table;
use super::{key, options, patient};
use crate::support::harness::Shop;

/// Runs a test on a shop with a Redis and a table whose transactions the test can hold.
async fn stage(test: impl AsyncFnOnce(&Shop, &Server, &Table)) {
    let server = Server::start();
    let table = Table::open(Duration::ZERO).await;
    let shop = Shop::open(Options {
        dynamodb: Some(table.url()),
        ..patient(options(&server))
    })
    .await;
    test(&shop, &server, &table).await;
    shop.assert_conserved().await;
    shop.running.stop().await;
    table.close().await;
}

#[tokio::test]
async fn the_last_piece_is_sold_once_when_a_lock_expires_during_a_transaction() {
    stage(async |shop, server, table| {
        shop.stock("TEA-01", 1).await;
        let lock = key(shop, "lock:TEA-01");
        let mut gates = table.hold();
        let slow = shop.place("slow", "TEA-01", 1);
        let meanwhile = async {
            let gate = gates.recv().await.unwrap();
            let owner: String = server.ask("GET", &[&lock]).await;
            assert_eq!(owner.len(), 32, "the slow order holds the lock");
            // This is what happens if the lock expires, after half a second, before the write.
            server.ask::<()>("DEL", &[&lock]).await;
            table.release();
            let quick = shop.place("quick", "TEA-01", 1).await;
            gate.send(()).unwrap();
            quick
        };
        let (slow, quick) = futures::future::join(slow, meanwhile).await;
        quick.assert(201);
        slow.assert_problem(409, "out-of-stock");
        assert_eq!(shop.count_orders().await, 1);
        assert_eq!(shop.place("slow", "TEA-01", 1).await.body, slow.body);
    })
    .await;
}

#[tokio::test]
async fn a_lock_is_released_only_by_its_owner() {
    stage(async |shop, server, table| {
        shop.stock("TEA-01", 9).await;
        let lock = key(shop, "lock:TEA-01");
        let mut gates = table.hold();
        let place = shop.place("key-1", "TEA-01", 1);
        let meanwhile = async {
            let gate = gates.recv().await.unwrap();
            // The lock expired, and another client took it.
            server.ask::<()>("SET", &[&lock, "another client"]).await;
            gate.send(()).unwrap();
        };
        let (placed, ()) = futures::future::join(place, meanwhile).await;
        placed.assert(201);
        let owner: String = server.ask("GET", &[&lock]).await;
        assert_eq!(owner, "another client");
        let decided = server.keys("decided:ord_").await;
        assert_eq!(decided.len(), 1, "the decision was not remembered");
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_is_never_released_prevents_no_order() {
    stage(async |shop, server, _| {
        shop.stock("TEA-01", 9).await;
        let lock = key(shop, "lock:TEA-01");
        server.ask::<()>("SET", &[&lock, "for ever"]).await;
        shop.place("key-1", "TEA-01", 1).await.assert(201);
        // A key of another type does not prevent an order either.
        server.ask::<()>("DEL", &[&lock]).await;
        server.ask::<()>("LPUSH", &[&lock, "x"]).await;
        shop.place("key-2", "TEA-01", 1).await.assert(201);
        let owned: i64 = server.ask("LLEN", &[&lock]).await;
        assert_eq!(owned, 1);
    })
    .await;
}

#[tokio::test]
async fn a_lock_expires() {
    stage(async |shop, server, table| {
        shop.stock("TEA-01", 9).await;
        let lock = key(shop, "lock:TEA-01");
        let mut gates = table.hold();
        let place = shop.place("key-1", "TEA-01", 1);
        let meanwhile = async {
            let gate = gates.recv().await.unwrap();
            let milliseconds: i64 = server.ask("PTTL", &[&lock]).await;
            assert!((1..=500).contains(&milliseconds), "{milliseconds}");
            gate.send(()).unwrap();
        };
        futures::future::join(place, meanwhile).await.0.assert(201);
        assert!(server.keys("lock:").await.is_empty());
    })
    .await;
}
