//! One order's turn at its products: asks for it, waits for a bounded time, and
//! gives it back.
//!
//! No watchdog renews a lock, because a frozen Lambda could not. If a lock ends
//! while its owner still writes, the next order begins its own write. DynamoDB's
//! conditions then decide between the two.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use tracing::warn;

use super::account::{Account, note};
use super::decided;
use super::question::{Fault, Question, Reply};
use super::redis::Redis;
use once::Item;
use once::Session;

/// How long an order waits for Redis after its write, before it is answered.
pub const LEAVE_MAX: Duration = Duration::from_millis(25);

/// The pause before the next look at a busy lock is at least this long …
const PAUSE_LEAST: Duration = Duration::from_millis(1);

/// … and at most this much longer. Jitter keeps waiting orders from looking together.
const PAUSE_SPREAD: Duration = Duration::from_millis(6);

/// Redis is not asked with less time than this. Otherwise a short wait of ours
/// would look like a dead Redis.
const EXCHANGE_LEAST: Duration = Duration::from_millis(15);

/// One attempt's turn.
pub(super) struct Turn<'turn> {
    redis: &'turn Redis,
    account: &'turn Mutex<Account>,
    session: &'turn Session<'turn>,
    decided: String,
    locks: Vec<String>,
    owner: String,
}

impl<'turn> Turn<'turn> {
    /// The turn of the attempt with this id at these shards of products, sorted by product.
    ///
    /// The lock of shard 0 has the product's name, as in the release before. So orders of
    /// both releases take turns during a deployment.
    pub(super) fn new(
        redis: &'turn Redis,
        account: &'turn Mutex<Account>,
        session: &'turn Session<'_>,
        id: &str,
        shards: &[(&str, u32)],
    ) -> Self {
        let prefix = &redis.prefix;
        let lock = |(sku, shard): &(&str, u32)| match shard {
            0 => format!("{prefix}lock:{sku}"),
            other => format!("{prefix}lock:{sku}#{other}"),
        };
        Self {
            redis,
            account,
            session,
            decided: format!("{prefix}decided:{id}"),
            locks: shards.iter().map(lock).collect(),
            // As random as a request token, and as short.
            owner: session.token(),
        }
    }

    /// Looks for a decision and returns its entry. Otherwise waits for the turn,
    /// and goes on without it when the time is over or Redis fails.
    pub(super) async fn enter(&self) -> Option<String> {
        let began = self.now();
        let most = self.most();
        if most < EXCHANGE_LEAST {
            return None;
        }
        let question = Question::Enter {
            decided: self.decided.clone(),
            locks: self.locks.clone(),
            owner: self.owner.clone(),
        };
        loop {
            let left = most.saturating_sub(self.since(began));
            match self.ask(&question, left).await.ok()? {
                Reply::Decided(entry) => return Some(entry),
                Reply::Turn | Reply::Left => return None,
                Reply::Busy => {}
            }
            let world = self.session.world();
            let pause = PAUSE_LEAST + world.uniform(PAUSE_SPREAD);
            let left = most.saturating_sub(self.since(began));
            if left < pause + EXCHANGE_LEAST {
                note(self.account, |account| account.turnless = true);
                return None;
            }
            world.sleep(pause).await;
            note(self.account, |account| account.waited += pause);
        }
    }

    /// How long this order may wait: at most half of its time. The rest is for the write.
    fn most(&self) -> Duration {
        let half = self.session.until_reserve() / 2;
        self.redis
            .wait
            .min(Duration::try_from(half).unwrap_or_default())
    }

    /// Gives the turn back, and lets Redis keep the decision.
    pub(super) async fn leave(&self, record: Option<&Item>) {
        let now = self.now();
        let question = Question::Leave {
            decided: self.decided.clone(),
            entry: record.and_then(|record| decided::entry(record, now)),
            locks: self.locks.clone(),
            owner: self.owner.clone(),
        };
        // A failure is harmless: a lock ends by itself, and a decision that Redis
        // does not know is read from the table.
        let _ = self.ask(&question, LEAVE_MAX).await;
    }

    /// Asks once, unless the breaker is open.
    async fn ask(&self, question: &Question, limit: Duration) -> Result<Reply, Fault> {
        let began = self.now();
        let Some(allowed) = self.redis.breaker.allows(began) else {
            note(self.account, |account| account.left_alone = true);
            return Err(Fault::NoAnswer);
        };
        let answer = tokio::select! {
            biased;
            answer = self.redis.link.exchange(question) => answer,
            () = self.session.world().sleep(limit) => Err(Fault::NoAnswer),
        };
        let waited = self.since(began);
        note(self.account, |account| {
            account.exchanges += 1;
            account.waited += waited;
            account.time_outs += u32::from(answer == Err(Fault::NoAnswer));
            account.failures +=
                u32::from(matches!(answer, Err(Fault::Broken(_) | Fault::Refused(_))));
        });
        match &answer {
            Ok(_) => self.redis.breaker.answered(allowed),
            Err(fault) => {
                warn!(%fault, "Redis failed and is left alone for half a minute");
                self.redis.breaker.failed(fault, self.now());
                self.redis.link.forget();
            }
        }
        answer
    }

    fn now(&self) -> Timestamp {
        self.session.world().now()
    }

    fn since(&self, began: Timestamp) -> Duration {
        Duration::try_from(self.now().duration_since(began)).unwrap_or_default()
    }
}
