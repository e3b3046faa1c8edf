//! Owns the question whether locks pay: 64 instances of the function, one hot product.
//!
//! In virtual time: transactions take milliseconds and conflict if they overlap, and nothing else
//! on this machine changes the figures. The same crowd then meets a real server.

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

/// How often an order that ran out of time is asked for again.
const REPEATS_MAX: usize = 20;

/// What a crowd came to.
#[derive(Debug)]
struct Rush {
    /// Transactions for each order.
    transactions: f64,
    /// How long it took until the last one had its order.
    seconds: f64,
}

/// Lets so many customers order one product, each one order after the other
/// with a pause between them.
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
                    "no order is refused that stock could fill"
                );
                break;
            }
            assert!(repeat < REPEATS_MAX);
        }
    }
}

#[test]
fn slow_locks_save_writes_on_a_hot_product_that_is_not_overrun() {
    println!("transactions an order (seconds in all): without locks, with 50 ms, with 1 s to wait");
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
    // Same seed, same figures: what docs/redis.md says of them holds.
    for [without, with, with_patience] in &seen[..3] {
        assert!(with < without, "{seen:?}");
        assert!(with_patience < without, "{seen:?}");
    }
    let [without, _, with_patience] = seen[3];
    assert!(with_patience < without, "{seen:?}");
}

/// The same crowd on this machine, with a real server: whoever goes first,
/// everybody gets an order, once.
#[tokio::test]
async fn slow_a_crowd_with_a_real_redis_gets_what_there_is() {
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
            // As a client does: the same key again, until it is told.
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
    assert_eq!(shop.available("HOT-01").await, 0, "no order was refused");
    assert_eq!(shop.count_orders().await, CLIENTS);
    shop.assert_conserved().await;
    shop.running.stop().await;
    table.close().await;
}
