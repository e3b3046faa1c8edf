//! The circuit breaker: a Redis that failed gets no questions for half a minute.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::question::Fault;

/// How long a Redis gets no questions after it failed. Then one question tries it.
const LEFT_ALONE: SignedDuration = SignedDuration::from_secs(30);

/// Whether Redis may be asked.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The last failure, or the last question that tried Redis since.
    left_alone: Option<LeftAlone>,
    /// The number of failures so far.
    failures: u64,
}

#[derive(Debug)]
struct LeftAlone {
    since: Timestamp,
    /// Whether all failures since were waits that ended: nobody knows what Redis would have said.
    only_waited: bool,
}

/// A question that the breaker allowed: how many failures there were before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed(u64);

impl Breaker {
    /// Whether Redis may be asked now. After a failure, one question in each
    /// [`LEFT_ALONE`] may be sent. If it gets an answer, all others may follow.
    pub(super) fn allows(&self, now: Timestamp) -> Option<Allowed> {
        let mut state = self.lock();
        let allowed = Allowed(state.failures);
        if let Some(left_alone) = &mut state.left_alone {
            let since = left_alone.since;
            // A clock that was set back must not keep the breaker open for longer.
            if since <= now && now.duration_since(since) < LEFT_ALONE {
                return None;
            }
            *left_alone = LeftAlone {
                since: now,
                only_waited: true,
            };
        }
        Some(allowed)
    }

    /// Notes that a question failed.
    pub(super) fn failed(&self, fault: &Fault, now: Timestamp) {
        let mut state = self.lock();
        let only_waited = state.left_alone.as_ref().is_none_or(|it| it.only_waited);
        state.failures += 1;
        state.left_alone = Some(LeftAlone {
            since: now,
            only_waited: only_waited && *fault == Fault::NoAnswer,
        });
    }

    /// Notes that a question got its answer. It says nothing about a failure that came after the
    /// question: a full Redis still answers a look-up, and one that dies has answered the last one.
    pub(super) fn answered(&self, question: Allowed) {
        let mut state = self.lock();
        if question.0 == state.failures {
            state.left_alone = None;
        }
    }

    /// Notes that a connection is open. The orders that needed it may have stopped waiting for it.
    /// Of all failures, only these end with it.
    pub(super) fn connected(&self) {
        let mut state = self.lock();
        if state.left_alone.as_ref().is_some_and(|it| it.only_waited) {
            state.left_alone = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).unwrap()
    }

    fn full() -> Fault {
        Fault::Refused("OOM".to_owned())
    }

    #[test]
    fn a_redis_that_failed_is_tried_once_in_half_a_minute() {
        let breaker = Breaker::default();
        assert!(breaker.allows(second(0)).is_some());
        breaker.failed(&full(), second(0));
        assert!(breaker.allows(second(0)).is_none());
        assert!(breaker.allows(second(29)).is_none());
        assert!(breaker.allows(second(30)).is_some(), "one tries");
        assert!(
            breaker.allows(second(30)).is_none(),
            "the others wait for it"
        );
        assert!(breaker.allows(second(59)).is_none());
        assert!(breaker.allows(second(60)).is_some());
    }

    #[test]
    fn a_redis_that_answers_again_is_asked_again() {
        let breaker = Breaker::default();
        breaker.failed(&full(), second(0));
        let tries = breaker.allows(second(30)).unwrap();
        breaker.answered(tries);
        assert!(breaker.allows(second(30)).is_some() && breaker.allows(second(30)).is_some());
    }

    #[test]
    fn an_answer_to_a_question_of_before_the_failure_changes_nothing() {
        let breaker = Breaker::default();
        let before = breaker.allows(second(0)).unwrap();
        breaker.failed(&full(), second(0));
        breaker.answered(before);
        assert!(breaker.allows(second(1)).is_none());
        breaker.allows(second(30)).unwrap();
        breaker.answered(before);
        assert!(breaker.allows(second(31)).is_none());
    }

    #[test]
    fn a_connection_that_took_too_long_ends_the_wait_that_it_began() {
        let breaker = Breaker::default();
        breaker.failed(&Fault::NoAnswer, second(0));
        breaker.connected();
        assert!(breaker.allows(second(1)).is_some());
    }

    #[test]
    fn a_new_connection_gives_a_full_redis_no_room() {
        for faults in [[full(), Fault::NoAnswer], [Fault::NoAnswer, full()]] {
            let breaker = Breaker::default();
            for fault in &faults {
                breaker.failed(fault, second(0));
            }
            breaker.connected();
            assert!(breaker.allows(second(1)).is_none());
            breaker.allows(second(30)).unwrap();
            breaker.failed(&Fault::NoAnswer, second(30));
            breaker.connected();
            assert!(breaker.allows(second(31)).is_some(), "a new trial");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_the_breaker_open_for_longer() {
        let breaker = Breaker::default();
        breaker.failed(&full(), second(500));
        assert!(breaker.allows(second(0)).is_some());
        assert!(breaker.allows(second(1)).is_none());
    }
}
