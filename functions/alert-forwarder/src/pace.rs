//! Keeps the pace that Discord asks for: when each route may make its next call.
//!
//! No rate is fixed here, because Discord's limits change. Its headers say them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// The wait after a limit that does not say how long it lasts. Limits of Discord's edge last about a
/// minute.
pub(crate) const WAIT_UNKNOWN: Duration = Duration::from_mins(1);

/// When each route may make its next call.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<Waits>);

#[derive(Debug, Default)]
struct Waits {
    everywhere: Option<Timestamp>,
    routes: BTreeMap<String, Timestamp>,
}

impl Pace {
    /// How long a route has to wait from now.
    pub(crate) fn wait(&self, route: &str, now: Timestamp) -> Duration {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits
            .everywhere
            .iter()
            .chain(waits.routes.get(route))
            .map(|until| until.duration_since(now))
            .filter_map(|wait| Duration::try_from(wait).ok())
            .max()
            .unwrap_or_default()
    }

    /// Stops the calls of a route, or with `global` of all routes, for a time.
    pub(crate) fn hold(&self, route: &str, wait: Duration, global: bool, now: Timestamp) {
        let Ok(until) = now.checked_add(wait) else {
            return;
        };
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if global {
            waits.everywhere = waits.everywhere.max(Some(until));
        } else {
            let known = waits.routes.entry(route.to_owned()).or_insert(until);
            *known = until.max(*known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_wins_and_a_global_one_is_for_all_routes() {
        let pace = Pace::default();
        let now = Timestamp::UNIX_EPOCH;
        let seconds = Duration::from_secs;
        pace.hold("a", seconds(5), false, now);
        pace.hold("a", seconds(2), false, now);
        assert_eq!(pace.wait("a", now), seconds(5));
        assert_eq!(pace.wait("b", now), seconds(0));
        pace.hold("a", seconds(9), true, now);
        assert_eq!(pace.wait("b", now), seconds(9));
        assert_eq!(pace.wait("b", now + seconds(10)), seconds(0));
    }
}
