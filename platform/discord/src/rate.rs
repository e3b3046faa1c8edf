//! Rate limits: five calls in two seconds for each webhook, and the headers about them.
//!
//! Discord documents the headers but not the numbers, which may change.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};

const CALLS_MAX: u32 = 5;
const WINDOW: SignedDuration = SignedDuration::from_secs(2);

#[derive(Debug, Default)]
pub(crate) struct Buckets(BTreeMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    until: Timestamp,
    calls: u32,
}

/// The state of a bucket after a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Filled {
    /// Whether the call exceeded the limit.
    pub(crate) over: bool,
    /// How many calls are left.
    remaining: u32,
    /// Seconds until the bucket is empty again.
    pub(crate) reset_after: f64,
    reset: f64,
}

impl Buckets {
    pub(crate) fn take(&mut self, webhook_id: &str, now: Timestamp) -> Filled {
        let fresh = || Bucket {
            until: now.checked_add(WINDOW).unwrap_or(now),
            calls: 0,
        };
        let bucket = self.0.entry(webhook_id.to_owned()).or_insert_with(fresh);
        if bucket.until <= now {
            *bucket = fresh();
        }
        let over = bucket.calls == CALLS_MAX;
        if !over {
            bucket.calls += 1;
        }
        Filled {
            over,
            remaining: CALLS_MAX - bucket.calls,
            reset_after: bucket.until.duration_since(now).as_secs_f64(),
            reset: bucket
                .until
                .duration_since(Timestamp::UNIX_EPOCH)
                .as_secs_f64(),
        }
    }
}

impl Filled {
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let mut set = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        };
        set("x-ratelimit-limit", CALLS_MAX.to_string());
        set("x-ratelimit-remaining", self.remaining.to_string());
        set("x-ratelimit-reset", format!("{:.3}", self.reset));
        set(
            "x-ratelimit-reset-after",
            format!("{:.3}", self.reset_after),
        );
        set("x-ratelimit-bucket", "stand-in".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_webhook_may_be_called_five_times_in_two_seconds() {
        let mut buckets = Buckets::default();
        let now = Timestamp::UNIX_EPOCH;
        for call in 1..=CALLS_MAX {
            let filled = buckets.take("a", now);
            assert!(!filled.over);
            assert_eq!(filled.remaining, CALLS_MAX - call);
        }
        assert!(buckets.take("a", now).over);
        assert!(!buckets.take("b", now).over);
        assert!(!buckets.take("a", now + WINDOW).over);
    }
}
