//! Measures whether locks save writes: up to 64 instances of the function sell one product.
//!
//! The first test runs in virtual time. Transactions take milliseconds and conflict if they overlap,
//! and the speed of this machine does not change the result. The second test uses a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use local::serve::Options;
use simulator::fault::Fate;
use simulator::history::Wish;
use simulator::request::Operation;
use simulator::shop::{FULL, Shop as World, caller};

use super::options;
use super::server::Server;
use super::table::Table;
use crate::support::harness::Shop;

const CLIENTS: usize = 64;
const ORDERS_OF_EACH: usize = 4;

/// How often a client repeats an order that was answered with a 503.
const REPEATS_MAX: usize = 20;

/// The result of a crowd's orders.
#[derive(Debug)]
struct Rush {
    /// The average number of transactions for an order.
    transactions: f64,
    /// The time until the last client had its order.
    seconds: f64,
}

/// Lets `clients` customers order one product. Each sends one order after the other, with random
/// pauses of at most `pause`. `wait` is the longest wait for a lock; `None` is without Redis.
fn rush(clients: usize, pause: Duration, wait: Option<Duration>) -> Rush {
    let mut shop = World::open(7, false, None).unwrap();
    if let Some(wait) = wait {
        shop.use_redis(|redis| redis.waited_for(wait));
    }
    let orders = clients * ORDERS_OF_EACH;
    let stocking = shop.clone();
    let stocked = shop.run(async move {
        let machine = stocking.machine(0).unwrap();
        let admin = caller("local", "admin");
        let describe = Wish::Describe {
            sku: "HOT".to_owned(),
            unit_price: 500,
            sellable: true,
            if_match: None,
            shards: None,
        };
        let delta = i64::try_from(orders).unwrap();
        for wish in [describe, Wish::stock("opening", "HOT", delta)] {
            let answer = stocking.ask(&machine, &admin, &wish, FULL).await.unwrap();
            assert_eq!(answer.status, 201);
        }
    });
    stocked.unwrap();
    let sent = Arc::new(AtomicU32::new(0));
    let (count, mut chance) = (Arc::clone(&sent), shop.fork());
    shop.direct(move |request| {
        let is_transaction = request.operation == Operation::TransactWriteItems;
        count.fetch_add(u32::from(is_transaction), Ordering::Relaxed);
        Fate::calm(&mut chance)
    });
    let (crowd, began) = (shop.clone(), shop.time.elapsed());
    let ended = shop.run(async move {
        join_all((0..clients).map(|client| customer(crowd.clone(), client, pause))).await;
    });
    ended.unwrap();
    let seconds = shop.time.elapsed().saturating_sub(began).as_secs_f64();
    shop.time.end();
    Rush {
        transactions: f64::from(sent.load(Ordering::Relaxed))
            / f64::from(u32::try_from(orders).unwrap()),
        seconds,
    }
}

async fn customer(shop: World, client: usize, pause: Duration) {
    let machine = shop.machine(0).unwrap();
    let who = caller("local", &format!("customer-{client}"));
    let mut random = shop.fork();
    for order in 0..ORDERS_OF_EACH {
        shop.sleep(random.duration(Duration::ZERO, pause)).await;
        let wish = Wish::order(&format!("key-{order}"), "HOT", 1, 500);
        for repeat in 0.. {
            let answer = shop.ask(&machine, &who, &wish, FULL).await.unwrap();
            if answer.status != 503 {
                assert_eq!(
                    answer.status, 201,
                    "an order was refused although there was stock"
                );
                break;
            }
            assert!(repeat < REPEATS_MAX);
        }
    }
}

#[test]
fn slow_locks_save_writes_on_a_hot_product() {
    println!(
        "transactions for an order (seconds in all): without locks, waiting up to 50 ms, waiting up to 1 s"
    );
    let waits = [None, Some(50), Some(1_000)].map(|wait| wait.map(Duration::from_millis));
    let mut seen = Vec::new();
    for (clients, pause) in [(8, 100), (CLIENTS, 2_000), (CLIENTS, 1_000), (CLIENTS, 0)] {
        print!("{clients:3} clients, pauses of up to {pause:4} ms:");
        let pause = Duration::from_millis(pause);
        let rushes = waits.map(|wait| rush(clients, pause, wait));
        for rush in &rushes {
            print!("  {:.2} ({:.1} s)", rush.transactions, rush.seconds);
        }
        println!();
        seen.push(rushes.map(|rush| rush.transactions));
    }
    // The same seed gives the same figures. docs/redis.md quotes them.
    for [without, with, with_patience] in &seen[..3] {
        assert!(with < without, "{seen:?}");
        assert!(with_patience < without, "{seen:?}");
    }
    let [without, _, with_patience] = seen[3];
    assert!(with_patience < without, "{seen:?}");
}

/// The same crowd with a real server: each client gets one order, in any sequence.
#[tokio::test]
async fn slow_a_crowd_with_a_real_redis_buys_exactly_the_stock() {
    let server = Server::start();
    let table = Table::open(Duration::from_millis(2)).await;
    let shop = Shop::open(Options {
        dynamodb: Some(table.url()),
        ..options(&server)
    })
    .await;
    shop.stock("HOT-01", i64::try_from(CLIENTS).unwrap()).await;
    let before = table.transactions();
    join_all((0..CLIENTS).map(async |client| {
        for repeat in 0.. {
            let answer = shop.place(&format!("key-{client}"), "HOT-01", 1).await;
            // Like a real client, it repeats with the same key until it gets a final answer.
            if answer.status != 503 {
                answer.assert(201);
                break;
            }
            assert!(repeat < REPEATS_MAX, "{}", answer.body);
        }
    }))
    .await;
    println!(
        "{} transactions for {CLIENTS} orders",
        table.transactions() - before
    );
    assert_eq!(
        shop.available("HOT-01").await,
        0,
        "the stock was not sold completely"
    );
    assert_eq!(shop.count_orders().await, CLIENTS);
    shop.assert_conserved().await;
    shop.running.stop().await;
    table.close().await;
}
