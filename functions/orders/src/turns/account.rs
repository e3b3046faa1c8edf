//! Counts what an invocation did with Redis, for the metrics.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use shared::metrics::Metrics;

/// What one invocation did with Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Account {
    /// Questions sent.
    pub(crate) exchanges: u32,
    /// Whether Redis knew the decision, so that nothing was written.
    pub(crate) hit: bool,
    /// How long the order waited for Redis, and for its turn.
    pub(crate) waited: Duration,
    /// Whether no turn came in time. The order goes on without one.
    pub(crate) turnless: bool,
    /// Questions without an answer in time.
    pub(crate) time_outs: u32,
    /// Questions that failed: an error, or no connection.
    pub(crate) failures: u32,
    /// Whether Redis was not asked, because it had failed shortly before.
    pub(crate) left_alone: bool,
}

impl Account {
    /// Adds the metrics of Redis to an invocation's.
    pub(crate) fn add_to(&self, metrics: Metrics) -> Metrics {
        let asked = self.exchanges != 0;
        metrics
            .count("RedisHit", u32::from(self.hit))
            .count("RedisMiss", u32::from(asked && !self.hit))
            .count("RedisTurnless", u32::from(self.turnless))
            .count("RedisTimeOut", self.time_outs)
            .count("RedisFailure", self.failures)
            .count("RedisLeftAlone", u32::from(self.left_alone))
            .milliseconds("RedisWait", self.waited.as_secs_f64() * 1_000.0)
    }
}

/// Changes an account that is being kept.
pub(super) fn note(account: &Mutex<Account>, change: impl FnOnce(&mut Account)) {
    change(&mut account.lock().unwrap_or_else(PoisonError::into_inner));
}
