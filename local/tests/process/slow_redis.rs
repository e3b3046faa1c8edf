//! A real Redis fails while the program takes orders: no order is lost or doubled, and none waits long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::load::{IN_FLIGHT, Load};
use crate::redis_server::Server;
use crate::served::{Directory, serve};

/// How many orders are sent for each fault. It happens after a third of them.
const ORDERS: usize = 90;

/// The address of the primary, which moves at a failover. ElastiCache does that by DNS.
struct Endpoint {
    port: u16,
    primary: Arc<AtomicU16>,
    listening: JoinHandle<()>,
}

impl Endpoint {
    async fn of(primary: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let primary = Arc::new(AtomicU16::new(primary));
        let target = Arc::clone(&primary);
        let listening = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let port = target.load(Ordering::SeqCst);
                tokio::spawn(async move {
                    // Without a server, the client's connection ends too.
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Self {
            port,
            primary,
            listening,
        }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Runs the program with a Redis, does something to the Redis under load, and compares. Few
/// exchanges may end without an answer or with an error: the breaker leaves a Redis alone that fails.
async fn under_load(name: &str, fault: impl AsyncFnOnce(&mut Server, &mut Server, &Endpoint)) {
    let directory = Directory::new(name);
    let (mut primary, mut replica) = (Server::start(), Server::start());
    let endpoint = Endpoint::of(primary.port()).await;
    let served = serve(&directory, Some(&endpoint.url()));
    let mut load = Load::new();
    let longest = load
        .run(&served, ORDERS, ORDERS / 3, async || {
            fault(&mut primary, &mut replica, &endpoint).await;
        })
        .await;
    assert_eq!(load.answered(), ORDERS);
    for (metric, most) in [("RedisFailure", UNDER_WAY), ("RedisTimeOut", WAITS_MAX)] {
        let failed: f64 = served.metric(metric).iter().sum();
        assert!(
            failed <= f64::from(u32::try_from(most).unwrap()),
            "{metric}: {failed}; the longest order took {longest:?}"
        );
    }
    assert!(
        !served.metric("RedisWait").is_empty(),
        "the log has no metrics"
    );
    load.check(&served, &directory).await;
    // The rest of the day on another machine, whose breaker is closed: Redis is as the fault left it.
    drop(served);
    let served = serve(&directory, Some(&endpoint.url()));
    load.run(&served, ORDERS / 3, ORDERS, async || {}).await;
    load.check(&served, &directory).await;
}

/// The questions that were on their way at the first failure may fail: at most one of each customer.
/// Later ones are not sent.
const UNDER_WAY: usize = IN_FLIGHT;

/// On a busy machine, customers may also stop waiting for the first connection, for the next one,
/// and once for an answer.
const WAITS_MAX: usize = 3 * IN_FLIGHT;

/// How often the replica is looked at, ten times a second.
const LOOKS_MAX: u32 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_under_load_costs_no_order() {
    under_load("redis-stopped", async |primary, _, _| {
        primary.stop();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_paused_under_load_costs_no_order() {
    under_load("redis-paused", async |primary, _, _| {
        primary.pause();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_pauses_for_a_while_under_load_costs_no_order() {
    under_load("redis-paused-a-while", async |primary, _, _| {
        primary.pause();
        primary.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_flushed_under_load_costs_no_order() {
    under_load("redis-flushed", async |primary, _, _| {
        primary.flush().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_filled_under_load_costs_no_order() {
    under_load("redis-filled", async |primary, _, _| {
        primary.fill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_full_for_a_while_costs_no_order() {
    under_load("redis-full-a-while", async |primary, _, _| {
        primary.fill().await;
        primary.empty().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_restarted_under_load_costs_no_order() {
    under_load("redis-restarted", async |primary, _, _| {
        primary.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_becomes_a_replica_under_load_costs_no_order() {
    under_load("redis-demoted", async |primary, _, _| {
        primary.demote().await;
    })
    .await;
}

/// The replica has what was replicated so far, and becomes the primary when the old one dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_fails_over_to_its_replica_under_load_costs_no_order() {
    under_load("redis-failed-over", async |primary, replica, endpoint| {
        let port = primary.port().to_string();
        // By default, it waits five seconds for more replicas.
        let delay = ["SET", "repl-diskless-sync-delay", "0"];
        primary.ask::<()>("CONFIG", &delay).await;
        replica.ask::<()>("REPLICAOF", &["127.0.0.1", &port]).await;
        primary.ask::<()>("SET", &["surefire:mark", "1"]).await;
        let mut looks = 0;
        while replica.keys("mark").await.is_empty() {
            looks += 1;
            assert!(looks < LOOKS_MAX, "the replica gets nothing");
            // There is no second replica, so this takes a tenth of a second.
            primary.ask::<usize>("WAIT", &["2", "100"]).await;
        }
        primary.stop();
        replica.promote().await;
        endpoint.primary.store(replica.port(), Ordering::SeqCst);
        assert_eq!(replica.keys("mark").await.len(), 1);
    })
    .await;
}
