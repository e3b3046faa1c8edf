//! Owns the optional help of a Redis: it remembers decisions, and lets writers
//! of one product take turns.
//!
//! It saves money and conflicts, and is never what makes an order safe. Every
//! answer that Redis can give wrongly, late, or not at all leads to the
//! transaction of [`once`], which knows nothing of it:
//!
//! ```text
//! enter    decided before? ── the answer can never change ──► told, no database call
//!          │                  └ the order can still change ─► one strong read, no write
//!          └ not known: take the products' locks ── busy ──► wait a little, then go on without
//! settle   the transaction, as ever
//! leave    remember what was decided, give the locks back
//! ```
//!
//! Read [`decided`] for what may be remembered, [`locks`] for the waiting.

mod account;
mod breaker;
mod connection;
mod decided;
mod link;
mod locks;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use shared::world::World;

pub use account::Account;
pub use link::{Exchange, Fault, Question, Reply};

use crate::config::{RedisConfig, StoreConfig};
use breaker::Breaker;
use connection::Connection;
use link::Link;
use locks::Turn;
use once::classify::FailedEffect;
use once::derive::Fingerprints;
use once::settle::{self, Settled, Unsettled};
use once::store::Session;
use once::{Intent, Item};

/// How long an order waits for Redis before its write: for a connection, the
/// look-up and its turn, all together.
pub const WAIT_DEFAULT: Duration = Duration::from_millis(50);

/// How long an order waits for Redis after its write, before it is answered.
pub const LEAVE_MAX: Duration = Duration::from_millis(25);

/// A Redis, and whether it is to be left alone.
#[derive(Debug)]
pub struct Redis {
    link: Link,
    breaker: Arc<Breaker>,
    prefix: String,
    wait: Duration,
}

/// One invocation's use of Redis, if there is one.
#[derive(Debug)]
pub struct Visit<'redis> {
    redis: Option<&'redis Redis>,
    account: Mutex<Account>,
}

/// One attempt at something that happens once.
pub struct Attempt<'attempt, F> {
    /// The decision's name, such as the order's id.
    pub name: &'attempt str,
    /// The products whose stock it moves, sorted.
    pub products: Vec<&'attempt str>,
    /// What is to happen.
    pub intent: &'attempt Intent,
    /// What was asked for.
    pub fingerprints: &'attempt F,
    /// Whether a record can be told as an answer.
    pub answers: &'attempt (dyn Fn(&Item) -> bool + Sync),
}

impl Redis {
    /// The Redis of a configuration. It opens no connection: the first order does.
    pub fn new(config: &RedisConfig, store: &StoreConfig, world: World) -> Self {
        let breaker = Arc::new(Breaker::default());
        let connection = Connection::new(config, store, Arc::clone(&breaker), world);
        Self {
            link: Link::Network(connection),
            breaker,
            prefix: prefix(&store.table),
            wait: config.wait,
        }
    }

    /// A Redis that a simulation plays, with all its faults.
    pub fn played(exchange: Exchange, table: &str) -> Self {
        Self {
            link: Link::Played(exchange),
            breaker: Arc::default(),
            prefix: prefix(table),
            wait: WAIT_DEFAULT,
        }
    }

    /// This Redis, for which orders wait so long before their write.
    #[must_use]
    pub fn waited_for(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}

/// What all keys of a table begin with. Two stacks may share a Redis; the braces
/// keep the keys of one script in one slot of a cluster.
fn prefix(table: &str) -> String {
    format!("surefire:{{{table}}}:")
}

impl<'redis> Visit<'redis> {
    /// Begins an invocation's use.
    pub fn new(redis: Option<&'redis Redis>) -> Self {
        Self {
            redis,
            account: Mutex::default(),
        }
    }

    /// What came of it, or `None` if Redis was not asked for anything.
    pub fn account(&self) -> Option<Account> {
        let account = *self.account.lock().unwrap_or_else(PoisonError::into_inner);
        (account != Account::default()).then_some(account)
    }

    /// As [`settle::settle`], with the help of Redis if there is one.
    pub async fn settle<F: Fingerprints + Sync>(
        &self,
        session: &Session<'_>,
        attempt: &Attempt<'_, F>,
        refuse: impl FnOnce(&[FailedEffect]) -> Option<Item>,
    ) -> Result<Settled, Unsettled> {
        let (intent, fingerprints) = (attempt.intent, attempt.fingerprints);
        let Some(redis) = self.redis.filter(|_| session.time_left().is_some()) else {
            return settle::settle(session, intent, fingerprints, refuse).await;
        };
        let turn = Turn::new(redis, self, session, attempt.name, &attempt.products);
        if let Some(entry) = turn.enter().await
            && let Some(record) = decided::told(&entry, &turn, session, attempt).await
        {
            self.note(|account| account.hit = true);
            return Ok(Settled::Before(record));
        }
        let settled = settle::settle(session, intent, fingerprints, refuse).await;
        let record = match &settled {
            Ok(Settled::Done) => Some(&intent.record),
            Ok(Settled::Refused(record) | Settled::Before(record)) => Some(record),
            Err(_) => None,
        };
        turn.leave(record).await;
        settled
    }

    fn note(&self, change: impl FnOnce(&mut Account)) {
        change(&mut self.account.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
