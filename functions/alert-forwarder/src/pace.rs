//! Keeps the pace that Discord asks for: when each webhook may be called next.
//!
//! Discord counts the calls of a webhook, whatever route or thread they are for. No rate is fixed here,
//! because Discord's limits change. Its headers say them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::webhook::WebhookUrl;

/// The wait after a limit that does not say how long it lasts. Limits of Discord's edge last about a
/// minute.
pub(crate) const WAIT_UNKNOWN: Duration = Duration::from_mins(1);
/// The longest wait that is kept. After it, one call asks again.
pub(crate) const WAIT_MAX: Duration = Duration::from_hours(2);

/// When each webhook may be called next.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<Waits>);

#[derive(Debug, Default)]
struct Waits {
    everywhere: Option<Timestamp>,
    /// By the webhook's id.
    webhooks: BTreeMap<String, Timestamp>,
}

impl Pace {
    /// How long the calls of a webhook have to wait from now; without one, those of every webhook.
    pub(crate) fn wait(&self, webhook: Option<&WebhookUrl>, now: Timestamp) -> Duration {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits
            .everywhere
            .iter()
            .chain(webhook.and_then(|webhook| waits.webhooks.get(webhook.id())))
            .map(|until| until.duration_since(now))
            .filter_map(|wait| Duration::try_from(wait).ok())
            .max()
            .unwrap_or_default()
    }

    /// Stops the calls of a webhook, or with `global` of all webhooks, for a time.
    pub(crate) fn hold(&self, webhook: &WebhookUrl, wait: Duration, global: bool, now: Timestamp) {
        // A time after the end of the calendar must not mean "call at once".
        let until = now
            .checked_add(wait.min(WAIT_MAX))
            .unwrap_or(Timestamp::MAX);
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if global {
            waits.everywhere = waits.everywhere.max(Some(until));
        } else {
            let known = waits
                .webhooks
                .entry(webhook.id().to_owned())
                .or_insert(until);
            *known = until.max(*known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(id: &str) -> WebhookUrl {
        WebhookUrl::parse(&format!("https://d.example/api/webhooks/{id}/t")).unwrap()
    }

    #[test]
    fn the_longest_wait_wins_and_a_global_one_is_for_all_webhooks() {
        let pace = Pace::default();
        let now = Timestamp::UNIX_EPOCH;
        let seconds = Duration::from_secs;
        let (a, b) = (webhook("1"), webhook("2"));
        pace.hold(&a, seconds(5), false, now);
        pace.hold(&a, seconds(2), false, now);
        assert_eq!(pace.wait(Some(&a), now), seconds(5));
        assert_eq!(pace.wait(Some(&b), now), seconds(0));
        assert_eq!(pace.wait(None, now), seconds(0));
        pace.hold(&a, seconds(9), true, now);
        assert_eq!(pace.wait(Some(&b), now), seconds(9));
        assert_eq!(pace.wait(None, now), seconds(9));
        assert_eq!(pace.wait(Some(&b), now + seconds(10)), seconds(0));
    }

    #[test]
    fn a_wait_beyond_the_calendar_is_the_longest_wait() {
        let pace = Pace::default();
        let a = webhook("1");
        let now = Timestamp::UNIX_EPOCH;
        pace.hold(&a, Duration::MAX, false, now);
        assert_eq!(pace.wait(Some(&a), now), WAIT_MAX);
        pace.hold(&a, Duration::MAX, false, Timestamp::MAX);
        assert!(Duration::ZERO < pace.wait(Some(&a), now));
    }
}
