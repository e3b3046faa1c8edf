//! Owns the deadline: how much of the invocation is left.

use std::time::Duration;

use jiff::Timestamp;

/// The function's time-out, for an invocation whose context tells none.
const BUDGET: Duration = Duration::from_secs(20);
/// What is kept to note what was sent and to hand back the rest.
const RESERVE: Duration = Duration::from_secs(2);
/// Of that, what is kept for the answer: an invocation that is cut off hands
/// everything back, also what was delivered.
const ANSWER: Duration = Duration::from_millis(250);
/// Lambda gives no function more.
const BUDGET_MAX: Duration = Duration::from_mins(15);

/// When an invocation has to end.
///
/// ```text
/// sending ──────────────▶│ notes: what was sent, what comes back ──▶│ answer ─▶│
///                        end - RESERVE                      end - ANSWER      end
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Deadline(Timestamp);

impl Deadline {
    /// The deadline of an invocation's context. One that lies in the past, or
    /// further away than any invocation lasts, was told by another clock than
    /// ours (`--now` sets ours): the usual budget holds instead.
    pub(crate) fn new(context_milliseconds: u64, now: Timestamp) -> Self {
        let told = i64::try_from(context_milliseconds)
            .ok()
            .and_then(|at| Timestamp::from_millisecond(at).ok())
            .filter(|at| now < *at && at.duration_since(now).unsigned_abs() <= BUDGET_MAX);
        let end = told.or_else(|| now.checked_add(BUDGET).ok()).unwrap_or(now);
        Self(end)
    }

    /// The time that is left for sending.
    pub(crate) fn left(self, now: Timestamp) -> Duration {
        self.until_end(now).saturating_sub(RESERVE)
    }

    /// The time that is left to note what was sent, and to tell the queue.
    pub(crate) fn left_for_notes(self, now: Timestamp) -> Duration {
        self.until_end(now).saturating_sub(ANSWER)
    }

    fn until_end(self, now: Timestamp) -> Duration {
        Duration::try_from(self.0.duration_since(now)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deadline_of_the_context_is_used_unless_it_is_implausible() {
        let now: Timestamp = "2026-07-19T10:00:00Z".parse().unwrap();
        let left = |milliseconds: i64| {
            let told = u64::try_from(now.as_millisecond() + milliseconds).unwrap();
            Deadline::new(told, now).left(now).as_millis()
        };
        assert_eq!(left(10_000), 8_000);
        assert_eq!(left(1_000), 0);
        assert_eq!(left(-1), 18_000);
        assert_eq!(left(3_600_000), 18_000);
        assert_eq!(Deadline::new(0, now).left(now).as_millis(), 18_000);
        assert_eq!(Deadline::new(u64::MAX, now).left(now).as_millis(), 18_000);
    }

    #[test]
    fn notes_may_use_the_reserve_except_the_time_for_the_answer() {
        let now = Timestamp::UNIX_EPOCH;
        let deadline = Deadline::new(2_000, now);
        assert_eq!(deadline.left(now), Duration::ZERO);
        assert_eq!(deadline.left_for_notes(now).as_millis(), 1_750);
        assert_eq!(deadline.left_for_notes(now + RESERVE), Duration::ZERO);
    }
}
