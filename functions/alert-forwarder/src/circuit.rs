//! The circuit breaker: after Discord rejects a webhook, its route makes no call for ten minutes.
//!
//! Discord bans a client's IP address after 10,000 answers of 401, 403 or 429 in ten minutes
//! ("Invalid Request Limit", Discord developer documentation). So a rejected webhook is not tried
//! again with every alert.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::webhook::WebhookUrl;

/// How long a circuit stays open. After that, one message tries the webhook again.
const OPEN: Duration = Duration::from_mins(10);

/// The circuits of all routes. All are closed at first.
#[derive(Debug, Default)]
pub(crate) struct Circuits(Mutex<BTreeMap<String, Opened>>);

#[derive(Debug)]
struct Opened {
    until: Timestamp,
    /// The rejected webhook. A new webhook of the same route may be called at once.
    webhook: WebhookUrl,
}

impl Circuits {
    /// Whether a route's circuit is open for any webhook.
    pub(crate) fn is_open_for_any(&self, route: &str, now: Timestamp) -> bool {
        let circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        circuits.get(route).is_some_and(|opened| now < opened.until)
    }

    /// Whether a route must not call this webhook.
    pub(crate) fn is_open(&self, route: &str, webhook: &WebhookUrl, now: Timestamp) -> bool {
        let circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        circuits
            .get(route)
            .is_some_and(|opened| now < opened.until && opened.webhook == *webhook)
    }

    pub(crate) fn open(&self, route: &str, webhook: &WebhookUrl, now: Timestamp) {
        let Ok(until) = now.checked_add(OPEN) else {
            return;
        };
        let webhook = webhook.clone();
        let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        circuits.insert(route.to_owned(), Opened { until, webhook });
    }

    pub(crate) fn close(&self, route: &str) {
        let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        circuits.remove(route);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circuit_stays_open_for_ten_minutes_and_for_its_own_webhook() {
        let webhook =
            |id: u8| WebhookUrl::parse(&format!("https://d.example/api/webhooks/{id}/t")).unwrap();
        let circuits = Circuits::default();
        let now = Timestamp::UNIX_EPOCH;
        circuits.open("a", &webhook(1), now);
        assert!(circuits.is_open("a", &webhook(1), now));
        assert!(!circuits.is_open("a", &webhook(2), now));
        assert!(!circuits.is_open("b", &webhook(1), now));
        assert!(!circuits.is_open("a", &webhook(1), now + OPEN));
        circuits.close("a");
        assert!(!circuits.is_open("a", &webhook(1), now));
    }

    #[test]
    fn a_route_says_whether_any_webhook_of_it_is_barred() {
        let webhook = WebhookUrl::parse("https://d.example/api/webhooks/1/t").unwrap();
        let circuits = Circuits::default();
        let now = Timestamp::UNIX_EPOCH;
        assert!(!circuits.is_open_for_any("a", now));
        circuits.open("a", &webhook, now);
        let last = now + OPEN - Duration::from_secs(1);
        assert!(circuits.is_open_for_any("a", now) && circuits.is_open_for_any("a", last));
        assert!(!circuits.is_open_for_any("a", now + OPEN));
        assert!(!circuits.is_open_for_any("b", now));
        circuits.close("a");
        assert!(!circuits.is_open_for_any("a", now));
    }
}
