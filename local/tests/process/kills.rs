//! Kills the program under load, starts it again, and compares.

use crate::load::{IN_FLIGHT, Load};
use crate::redis_server::Server;
use crate::served::{Directory, serve};

/// How many orders are sent between two kills.
const ORDERS: usize = 90;

/// Kills the program so often, each time after another part of the orders.
async fn killed(name: &str, kills: usize, redis: Option<&Server>) {
    let directory = Directory::new(name);
    let url = redis.map(Server::url);
    let mut load = Load::new();
    for kill in 0..kills {
        let served = serve(&directory, url.as_deref());
        let until = ORDERS * (kill % 5 + 1) / 6;
        let mut running = Some(served);
        // `then` kills: it drops the program while the others' requests are under way.
        let served = running.take().unwrap();
        let process = served.child.id().to_string();
        let kill_it = async || {
            let sent = std::process::Command::new("kill")
                .args(["-KILL", &process])
                .status();
            assert!(sent.unwrap().success());
        };
        load.run(&served, ORDERS, until, kill_it).await;
    }
    let served = serve(&directory, url.as_deref());
    // At each kill, at least the orders before it were answered, and some were not.
    assert!(
        kills * ORDERS / 6 <= load.answered(),
        "{} answers",
        load.answered()
    );
    assert!(load.answered() + IN_FLIGHT < kills * ORDERS);
    load.check(&served, &directory).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_loses_no_order_that_it_answered() {
    killed("killed", 3, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_killed_with_a_redis_it_loses_no_order_that_it_answered() {
    let server = Server::start();
    killed("killed-with-redis", often(2, 20), Some(&server)).await;
    assert!(!server.keys("").await.is_empty(), "nothing was remembered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_killed_again_and_again_it_loses_no_order_that_it_answered() {
    // With the test above, `./check --full` kills it 50 times.
    killed("killed-again", often(1, 30), None).await;
}

/// A few times in `./check`, and many times in `./check --full`, which sets `PROPTEST_CASES`.
#[expect(
    clippy::disallowed_methods,
    reason = "a test's environment says how often it repeats"
)]
fn often(few: usize, many: usize) -> usize {
    if std::env::var("PROPTEST_CASES").is_ok() {
        many
    } else {
        few
    }
}
