//! A connection between a function and the database that counts what crosses it, and makes it longer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::Fallible;

/// What is read at once.
const PART_BYTES: usize = 64 * 1024;

/// What crossed a wire.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Crossed {
    /// How often the function had to wait for the other side.
    pub(crate) round_trips: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
}

/// A port that leads to another.
#[derive(Debug)]
pub(crate) struct Wire {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    round_trips: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Wire {
    /// Opens a port that leads to `target`. Each time the function starts to send after it has
    /// received, the wire waits for `round_trip`.
    pub(crate) async fn start(target: String, round_trip: Duration) -> Fallible<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((function, _)) = listener.accept().await {
                let (target, counts) = (target.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    if let Ok(database) = TcpStream::connect(target).await {
                        let _ = function.set_nodelay(true);
                        let _ = database.set_nodelay(true);
                        join(function, database, &counts, round_trip).await;
                    }
                });
            }
        });
        Ok(Self { address, counts })
    }

    /// What crossed it since its start.
    pub(crate) fn crossed(&self) -> Crossed {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Crossed {
            round_trips: read(&self.counts.round_trips),
            bytes_sent: read(&self.counts.sent),
            bytes_received: read(&self.counts.received),
        }
    }
}

async fn join(function: TcpStream, database: TcpStream, counts: &Counts, round_trip: Duration) {
    let (from_function, to_function) = function.into_split();
    let (from_database, to_database) = database.into_split();
    let answered = AtomicBool::new(true);
    let requests = copy(from_function, to_database, |bytes| {
        counts.sent.fetch_add(bytes, Ordering::Relaxed);
        if !answered.swap(false, Ordering::Relaxed) {
            return Duration::ZERO;
        }
        counts.round_trips.fetch_add(1, Ordering::Relaxed);
        round_trip
    });
    let answers = copy(from_database, to_function, |bytes| {
        counts.received.fetch_add(bytes, Ordering::Relaxed);
        answered.store(true, Ordering::Relaxed);
        Duration::ZERO
    });
    tokio::join!(requests, answers);
}

/// Copies until one side ends. `passing` says how long each part waits.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    passing: impl Fn(u64) -> Duration,
) {
    let mut part = vec![0; PART_BYTES];
    while let Ok(length @ 1..) = from.read(&mut part).await {
        let wait = passing(u64::try_from(length).unwrap_or_default());
        if !wait.is_zero() {
            #[expect(clippy::disallowed_methods, reason = "a measurement really waits")]
            tokio::time::sleep(wait).await;
        }
        let Some(part) = part.get(..length) else {
            break;
        };
        if to.write_all(part).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
