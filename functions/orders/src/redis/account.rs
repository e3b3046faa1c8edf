//! Owns what an invocation's use of Redis comes to, for the metrics.

use std::time::Duration;

use shared::metrics::Metrics;

use crate::report::SERVICE;

/// What came of one invocation's use of Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Account {
    /// Times it was asked something.
    pub exchanges: u32,
    /// Whether it knew the decision, so that nothing was written.
    pub hit: bool,
    /// How long it was waited for, and for a turn.
    pub waited: Duration,
    /// Whether no turn came in time, and the order went on without one.
    pub turnless: bool,
    /// Times it did not answer in time.
    pub time_outs: u32,
    /// Times it answered with an error, or could not be reached.
    pub failures: u32,
    /// Whether it was not asked, because it had failed shortly before.
    pub left_alone: bool,
}

impl Account {
    /// The metrics.
    pub fn metrics(&self) -> Metrics {
        let asked = self.exchanges != 0;
        Metrics::new(SERVICE)
            .count("RedisHit", u32::from(self.hit))
            .count("RedisMiss", u32::from(asked && !self.hit))
            .count("RedisTurnless", u32::from(self.turnless))
            .count("RedisTimeOut", self.time_outs)
            .count("RedisFailure", self.failures)
            .count("RedisLeftAlone", u32::from(self.left_alone))
            .milliseconds("RedisWait", self.waited.as_secs_f64() * 1_000.0)
    }
}
