//! Reads the end of an invocation from the runtime's context.

use jiff::{SignedDuration, Timestamp};

/// The smallest number that counts as milliseconds since 1970: September 2001. A
/// smaller number is a duration.
const MOMENT_LEAST: i64 = 1_000_000_000_000;

/// The moment at which an invocation ends.
///
/// Lambda gives it in milliseconds since 1970. `cargo lambda watch` gives the
/// milliseconds that are left; read as a moment, they would be long ago.
pub(crate) fn deadline(context_millis: u64, now: Timestamp) -> Timestamp {
    let millis = i64::try_from(context_millis).unwrap_or(i64::MAX);
    if millis < MOMENT_LEAST {
        return now
            .saturating_add(SignedDuration::from_millis(millis))
            .unwrap_or(now);
    }
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(context_millis: u64, expected: &str) {
        let now = "2026-11-22T04:05:06Z".parse().unwrap();
        assert_eq!(deadline(context_millis, now).to_string(), expected);
    }

    #[test]
    fn a_moment_is_taken_as_it_is_and_a_duration_counts_from_now() {
        check(1_795_320_316_000, "2026-11-22T04:05:16Z");
        check(1_795_320_300_000, "2026-11-22T04:05:00Z");
        check(600_000, "2026-11-22T04:15:06Z");
        check(0, "2026-11-22T04:05:06Z");
    }
}
