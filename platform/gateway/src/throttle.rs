//! The token bucket that limits the requests to an API.
//!
//! Source: "Throttle requests to your HTTP APIs for better throughput in API Gateway".

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use template::Throttle;

/// A bucket of tokens. Each request takes one, and a request that finds none is refused.
#[derive(Debug)]
pub struct Bucket {
    limit: Throttle,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub fn full(limit: Throttle, now: Timestamp) -> Self {
        let state = State {
            tokens: f64::from(limit.burst),
            at: now,
        };
        Self {
            limit,
            state: Mutex::new(state),
        }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Requests may be counted in another order than they arrived in, and the clock may be set back.
        let seconds = state.at.duration_until(now).as_secs_f64().max(0.0);
        let refilled = state.tokens + seconds * f64::from(self.limit.rate);
        state.tokens = refilled.min(f64::from(self.limit.burst));
        state.at = state.at.max(now);
        if state.tokens < 1.0 {
            return false;
        }
        state.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const LIMIT: Throttle = Throttle {
        rate: 100,
        burst: 200,
    };

    /// How many requests pass that arrive at these times, in milliseconds.
    fn passed(times: impl Iterator<Item = i64>) -> usize {
        let at = |milliseconds| Timestamp::UNIX_EPOCH + SignedDuration::from_millis(milliseconds);
        let bucket = Bucket::full(LIMIT, at(0));
        times.filter(|time| bucket.take(at(*time))).count()
    }

    #[test]
    fn the_burst_and_then_the_rate_pass() {
        // All at once.
        assert_eq!(passed((0..800).map(|_| 0)), 200);
        // 400 a second for two seconds: the burst, and 100 a second.
        let seen = passed((0..800).map(|request| request * 5 / 2));
        assert!((398..=400).contains(&seen), "{seen}");
        // At the rate, every one passes.
        assert_eq!(passed((0..800).map(|request| request * 10)), 800);
    }

    #[test]
    fn a_bucket_holds_no_more_than_the_burst() {
        let after_a_day = std::iter::once(0).chain((0..800).map(|_| 86_400_000));
        assert_eq!(passed(after_a_day), 201);
    }

    #[test]
    fn a_clock_that_is_set_back_adds_no_tokens() {
        let back_and_forth = (0..800).map(|request| if request % 2 == 0 { 1_000 } else { 0 });
        assert_eq!(passed(back_and_forth), 200);
    }
}
