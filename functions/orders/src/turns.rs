//! The optional help of a Redis: it keeps decisions, and lets writers of one
//! product take turns.
//!
//! It saves money and conflicts. It is never what makes an order safe. Redis may
//! answer wrongly, late, or not at all: each of these leads to the transaction
//! of [`once`], which knows nothing of Redis:
//!
//! ```text
//! enter    decided before? ── the answer can never change ──► answered, no database call
//!          │                  └ the order can still change ─► one strong read, no write
//!          └ not known: take the products' locks ── busy ──► wait a little, then go on without
//! write    the transaction, the same as without Redis
//! leave    keep the decision, give the locks back
//! ```
//!
//! Read `decided.rs` for what Redis may keep, `locks.rs` for the waiting.

mod account;
mod breaker;
mod connection;
mod decided;
mod link;
mod locks;
mod question;
mod redis;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::{Mutex, PoisonError};

pub(crate) use account::Account;
pub use link::Exchange;
pub use locks::LEAVE_MAX;
pub use question::{Fault, Question, Reply};
pub use redis::Redis;

use account::note;
use locks::Turn;
use once::{Fingerprints, Item, Patience, Session, Settled, Unsettled, decided_before};

use crate::crowd::Crowds;
use crate::hints::Hints;

/// One invocation's turns, with the help of a Redis if there is one.
#[derive(Debug)]
pub(crate) struct Turns<'redis> {
    redis: Option<&'redis Redis>,
    crowds: &'redis Crowds,
    /// What the environment remembers of products of several shards.
    pub(crate) hints: &'redis Hints,
    account: Mutex<Account>,
}

/// One attempt at something that happens once.
pub(crate) struct Attempt<'attempt, F> {
    /// The id of the order or the adjustment.
    pub(crate) id: &'attempt str,
    /// The products whose stock it moves, sorted.
    pub(crate) products: Vec<&'attempt str>,
    /// The shards that it tries first, by product. It takes its turn at these.
    pub(crate) shards: Vec<(&'attempt str, u32)>,
    /// The primary key of the record that it writes.
    pub(crate) record: (&'attempt str, &'attempt str),
    /// The fingerprints of the request.
    pub(crate) fingerprints: &'attempt F,
}

impl<'redis> Turns<'redis> {
    /// Begins an invocation. Without a Redis, every order writes at once.
    pub(crate) fn new(
        redis: Option<&'redis Redis>,
        crowds: &'redis Crowds,
        hints: &'redis Hints,
    ) -> Self {
        Self {
            redis,
            crowds,
            hints,
            account: Mutex::default(),
        }
    }

    /// What was done with Redis. `None` if it was not asked anything.
    pub(crate) fn account(&self) -> Option<Account> {
        let account = *self.account.lock().unwrap_or_else(PoisonError::into_inner);
        (account != Account::default()).then_some(account)
    }

    /// How long an order of these products fights for its turn. It is read when the
    /// order starts.
    pub(crate) fn patience(&self, session: &Session<'_>, products: &[&str]) -> Patience {
        let now = session.world().machine_now();
        self.crowds.patience(products, now)
    }

    /// Notes what an order of these products met.
    pub(crate) fn learn(&self, session: &Session<'_>, products: &[&str]) {
        let (tally, now) = (session.tally(), session.world().machine_now());
        // A partition that has no capacity left is as crowded as an item that others hold.
        let in_vain = tally.conflicts + tally.throttled;
        self.crowds.note(products, tally.transactions, in_vain, now);
    }

    /// Runs `write` in the attempt's turn, unless Redis knows its decision.
    pub(crate) async fn around<F: Fingerprints + Sync>(
        &self,
        session: &Session<'_>,
        attempt: &Attempt<'_, F>,
        write: impl Future<Output = Result<Settled, Unsettled>>,
    ) -> Result<Settled, Unsettled> {
        let Some(redis) = self.redis.filter(|_| session.time_left().is_some()) else {
            return write.await;
        };
        let account = &self.account;
        let turn = Turn::new(redis, account, session, attempt.id, &attempt.shards);
        if let Some(entry) = turn.enter().await
            && let Some(record) = known(&entry, &turn, session, attempt).await
        {
            note(account, |account| account.hit = true);
            return Ok(Settled::Before(record));
        }
        let settled = write.await;
        let record = match &settled {
            Ok(Settled::Done(record) | Settled::Refused(record) | Settled::Before(record)) => {
                Some(record)
            }
            Err(_) => None,
        };
        turn.leave(record).await;
        settled
    }
}

/// The record of the decision that an entry of Redis leads to.
async fn known<F: Fingerprints>(
    entry: &str,
    turn: &Turn<'_>,
    session: &Session<'_>,
    attempt: &Attempt<'_, F>,
) -> Option<Item> {
    let now = session.world().now();
    let record = decided::trusted(entry, attempt.record, attempt.fingerprints, now)?;
    if decided::is_final(&record) {
        return decided::can_be_answered(&record).then_some(record);
    }
    let record = session.get(decided::primary_key(&record)?).await.ok()??;
    let record = decided_before(&record, attempt.fingerprints).ok()?;
    if decided::is_final(&record) {
        // From now on a repeat needs no read.
        turn.leave(Some(&record)).await;
    }
    Some(record)
}
