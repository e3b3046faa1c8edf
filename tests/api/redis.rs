//! Owns orders with a Redis: the same answers as without one, whatever becomes of it.

mod any_answer;
mod contention;
mod faults;
mod locks;
mod meter;
mod remembered;
mod server;
mod slow;
mod table;

use std::time::Duration;

use local::serve::Options;
use shared::secret::Secret;
use shared::world::World;

use crate::support::harness::Shop;
use server::Server;

/// Every case of ordering again, with a Redis.
#[expect(
    clippy::duplicate_mod,
    reason = "the same cases run without a Redis and with one"
)]
#[path = "orders.rs"]
mod orders;

/// Runs a test on a shop of its own with a Redis of its own, and checks its
/// stock afterwards, and that it did use that Redis.
async fn shop(test: impl AsyncFnOnce(&Shop)) {
    shop_with(async |shop, _| test(shop).await).await;
}

/// As [`shop`]; the test may do to the Redis what it likes.
async fn shop_with(test: impl AsyncFnOnce(&Shop, &mut Server)) {
    let mut server = Server::start();
    let shop = Shop::open(patient(options(&server))).await;
    test(&shop, &mut server).await;
    shop.assert_conserved().await;
    shop.running.stop().await;
}

fn options(server: &Server) -> Options {
    Options {
        redis: Some(Secret::new(server.url())),
        ..Options::in_memory()
    }
}

/// A function whose patience does not end because the machine is busy: what it
/// waits 50 ms for, it waits a second and a half for.
fn patient(options: Options) -> Options {
    const TIMES: u32 = 30;
    let real = World::real();
    let (clock, chance) = (real.clone(), real.clone());
    let world = World::new(
        move || clock.now(),
        move |bytes| chance.fill(bytes),
        move |duration: Duration| {
            let real = real.clone();
            Box::pin(async move { real.sleep(duration * TIMES).await })
        },
    );
    Options { world, ..options }
}

/// The key that a shop's decision or lock has in Redis.
fn key(shop: &Shop, name: &str) -> String {
    let table = crate::support::harness::orders_table(&shop.running);
    format!("surefire:{{{table}}}:{name}")
}
