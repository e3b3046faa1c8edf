//! The circuit breaker: a Redis that failed gets no questions for half a minute.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// How long a Redis gets no questions after it failed. Then one question tries it.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(30);

/// Whether Redis may be asked.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failed_at: Mutex<Option<Timestamp>>,
}

impl Breaker {
    /// Whether Redis may be asked now. After a failure, one question in each
    /// [`LEFT_ALONE`] may be sent. If it gets an answer, all others may follow.
    pub(super) fn allows(&self, now: Timestamp) -> bool {
        let mut failed_at = self.lock();
        match *failed_at {
            None => true,
            // A clock that was set back must not keep the breaker open for longer.
            Some(at) if at <= now && now.duration_since(at) < LEFT_ALONE => false,
            Some(_) => {
                *failed_at = Some(now);
                true
            }
        }
    }

    /// Notes that Redis failed.
    pub(super) fn failed(&self, now: Timestamp) {
        *self.lock() = Some(now);
    }

    /// Notes that Redis answered.
    pub(super) fn answered(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.failed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).unwrap()
    }

    #[test]
    fn a_redis_that_failed_is_tried_once_in_half_a_minute() {
        let breaker = Breaker::default();
        assert!(breaker.allows(second(0)));
        breaker.failed(second(0));
        assert!(!breaker.allows(second(0)));
        assert!(!breaker.allows(second(29)));
        assert!(breaker.allows(second(30)), "one tries");
        assert!(!breaker.allows(second(30)), "the others wait for it");
        assert!(!breaker.allows(second(59)));
        assert!(breaker.allows(second(60)));
    }

    #[test]
    fn a_redis_that_answers_again_is_asked_again() {
        let breaker = Breaker::default();
        breaker.failed(second(0));
        assert!(breaker.allows(second(30)));
        breaker.answered();
        assert!(breaker.allows(second(30)) && breaker.allows(second(30)));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_the_breaker_open_for_longer() {
        let breaker = Breaker::default();
        breaker.failed(second(500));
        assert!(breaker.allows(second(0)));
        assert!(!breaker.allows(second(1)));
    }
}
