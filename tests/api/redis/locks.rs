//! Owns case 43: a lock smooths, and decides nothing.

use std::time::Duration;

use local::serve::Options;

use super::server::Server;
use super::table::Table;
use super::{key, options, patient};
use crate::support::harness::Shop;

/// A shop whose transactions a test can hold, with a Redis.
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
async fn case_43_a_lock_that_ends_mid_transaction_makes_one_order_of_the_last_piece() {
    stage(async |shop, server, table| {
        shop.stock("TEA-01", 1).await;
        let lock = key(shop, "lock:TEA-01");
        let mut gates = table.hold();
        let slow = shop.place("slow", "TEA-01", 1);
        let meanwhile = async {
            let gate = gates.recv().await.unwrap();
            let owner: String = server.ask("GET", &[&lock]).await;
            assert_eq!(owner.len(), 32, "the slow one holds the lock");
            // As its end would: half a second is over before the write.
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
async fn case_43_who_does_not_own_a_lock_does_not_give_it_back() {
    stage(async |shop, server, table| {
        shop.stock("TEA-01", 9).await;
        let lock = key(shop, "lock:TEA-01");
        let mut gates = table.hold();
        let place = shop.place("key-1", "TEA-01", 1);
        let meanwhile = async {
            let gate = gates.recv().await.unwrap();
            // The lock ended, and somebody else took it.
            server.ask::<()>("SET", &[&lock, "somebody else"]).await;
            gate.send(()).unwrap();
        };
        let (placed, ()) = futures::future::join(place, meanwhile).await;
        placed.assert(201);
        let owner: String = server.ask("GET", &[&lock]).await;
        assert_eq!(owner, "somebody else");
        let decided = server.keys("decided:ord_").await;
        assert_eq!(decided.len(), 1, "it was remembered all the same");
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_nobody_gives_back_keeps_nobody_from_ordering() {
    stage(async |shop, server, _| {
        shop.stock("TEA-01", 9).await;
        let lock = key(shop, "lock:TEA-01");
        server.ask::<()>("SET", &[&lock, "for ever"]).await;
        shop.place("key-1", "TEA-01", 1).await.assert(201);
        // Not even one of another type.
        server.ask::<()>("DEL", &[&lock]).await;
        server.ask::<()>("LPUSH", &[&lock, "x"]).await;
        shop.place("key-2", "TEA-01", 1).await.assert(201);
        let owned: i64 = server.ask("LLEN", &[&lock]).await;
        assert_eq!(owned, 1);
    })
    .await;
}

#[tokio::test]
async fn a_lock_ends_by_itself() {
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
