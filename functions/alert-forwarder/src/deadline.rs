//! The deadline: how much time is left in an invocation.

use std::time::Duration;

use jiff::Timestamp;

/// The function's time-out, for an invocation whose context has no plausible deadline.
const BUDGET: Duration = Duration::from_secs(20);
/// Kept for recording what was sent and handing back the rest.
const RESERVE: Duration = Duration::from_secs(2);
/// The part of the reserve that is kept for the answer. If Lambda ends an invocation before its
/// answer, all its messages come back, delivered ones too.
const ANSWER: Duration = Duration::from_millis(250);
/// Lambda's longest time-out.
const BUDGET_MAX: Duration = Duration::from_mins(15);

/// When an invocation ends.
///
/// ```text
/// sending ──────────────▶│ notes: what was sent, what comes back ──▶│ answer ─▶│
///                        end - RESERVE                      end - ANSWER      end
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Deadline(Timestamp);

impl Deadline {
    /// Takes the deadline of an invocation's context. A deadline in the past, or further away than
    /// any invocation lasts, comes from another machine's clock: the usual budget replaces it.
    pub(crate) fn new(context_milliseconds: u64, now: Timestamp) -> Self {
        let given = i64::try_from(context_milliseconds)
            .ok()
            .and_then(|at| Timestamp::from_millisecond(at).ok())
            .filter(|at| now < *at && at.duration_since(now).unsigned_abs() <= BUDGET_MAX);
        let end = given
            .or_else(|| now.checked_add(BUDGET).ok())
            .unwrap_or(now);
        Self(end)
    }

    /// The time left for sending.
    pub(crate) fn left(self, now: Timestamp) -> Duration {
        self.until_end(now).saturating_sub(RESERVE)
    }

    /// The time left for recording what was sent and for calling the queue.
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
            let deadline = u64::try_from(now.as_millisecond() + milliseconds).unwrap();
            Deadline::new(deadline, now).left(now).as_millis()
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
