//! Orders with a Redis get the same answers as without one, also when Redis fails.

mod any_answer;
mod contention;
mod faults;
mod locks;
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

/// All tests of ordering again, this time with a Redis.
#[expect(
    clippy::duplicate_mod,
    reason = "the same tests run without a Redis and with one"
)]
#[path = "orders.rs"]
mod orders;

/// Runs a test on its own shop with its own Redis, and checks the stock afterwards.
async fn shop(test: impl AsyncFnOnce(&Shop)) {
    shop_with(async |shop, _| test(shop).await).await;
}

/// Like [`shop`], but the test can also stop, pause and change its Redis.
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

/// Makes every wait thirty times as long, so that no time-out ends only because the machine is busy.
/// A wait of 50 ms becomes one of a second and a half.
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

/// The key in Redis of one of the shop's decisions or locks.
fn key(shop: &Shop, name: &str) -> String {
    let table = crate::support::harness::orders_table(&shop.running);
    format!("surefire:{{{table}}}:{name}")
}
