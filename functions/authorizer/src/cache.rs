//! Caches an issuer's keys: when they are fetched again, and when they are too old to use.
//!
//! ```text
//! fetched ──── 240..300 s ────────────── 1 h ─────────────────►
//!   keys are used │ keys are fetched again, │ keys are not used:
//!                 │ and the old ones used   │ every request fails
//!                 │ if that fails           │ until a fetch succeeds
//! ```
//!
//! Fetches happen inside an invocation, because a frozen environment runs
//! nothing in the background. `now` is passed in, and only a fetch waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use shared::metrics::Metrics;
use shared::world::World;

use crate::audit::SERVICE;
use crate::denial::Denial;
use crate::fetch::Source;
use crate::fetch_error::FetchError;
use crate::keys::{KeySet, KeySetError};

/// How long after a fetch keys are fetched again.
pub const REFRESH_SECONDS: i64 = 300;
/// Jitter keeps environments that started together from refreshing together:
/// a refresh comes up to this much earlier.
const REFRESH_JITTER: Duration = Duration::from_mins(1);
/// How long after a fetch its keys are used while further fetches fail.
const STALE_SECONDS_MAX: i64 = 3_600;
/// How long after a fetch nothing is fetched, even for an unknown key id.
const COOL_DOWN_SECONDS: i64 = 10;
/// The cool-down while there are no keys. Every request fails meanwhile.
const COOL_DOWN_COLD_SECONDS: i64 = 1;

/// One issuer's keys.
#[derive(Debug)]
pub(crate) struct KeyCache {
    issuer: String,
    source: Source,
    held: Mutex<Held>,
    /// The request that holds this lock fetches. The others wait, then look again.
    flight: tokio::sync::Mutex<()>,
}

/// The keys in the cache and the times that decide about them.
#[derive(Default)]
struct Held {
    keys: Option<Arc<KeySet>>,
    fetched_at: Timestamp,
    refresh_at: Timestamp,
    attempted_at: Option<Timestamp>,
    /// Why the last key set was refused; `None` if it was accepted.
    refused: Option<KeySetError>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Held")
    }
}

/// What to do for one request.
enum Step {
    Use(Arc<KeySet>),
    Fetch,
    Deny(Denial),
}

impl KeyCache {
    pub(crate) fn new(issuer: &str, source: Source) -> Self {
        Self {
            issuer: issuer.to_owned(),
            source,
            held: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys for a token with this key id, fetched if necessary.
    ///
    /// An unknown key id may be new, so it causes a fetch, at most once in
    /// [`COOL_DOWN_SECONDS`].
    pub(crate) async fn keys(
        &self,
        kid: Option<&str>,
        world: &World,
    ) -> Result<Arc<KeySet>, Denial> {
        match self.held().step(kid, world.now(), self.source.is_fixed()) {
            Step::Use(keys) => return Ok(keys),
            Step::Deny(denial) => return Err(denial),
            Step::Fetch => {}
        }
        let _flight = self.flight.lock().await;
        // Another request may have fetched while this one waited.
        let step = self.held().step(kid, world.now(), self.source.is_fixed());
        match step {
            Step::Use(keys) => Ok(keys),
            Step::Deny(denial) => Err(denial),
            Step::Fetch => {
                // A failure is logged there. The old keys may still be usable.
                let _ = self.fetch(world).await;
                let held = self.held();
                held.settle(kid, world.now(), self.source.is_fixed())
            }
        }
    }

    /// Fetches now, whatever is in the cache.
    pub(crate) async fn fetch(&self, world: &World) -> Result<(), FetchError> {
        // Boxed: the SDK's futures are large, and most requests fetch nothing.
        let result = self.source.fetch(world.now()).boxed().await;
        let now = world.now();
        let jitter = SignedDuration::try_from(world.uniform(REFRESH_JITTER)).unwrap_or_default();
        let mut held = self.held();
        held.attempted_at = Some(now);
        match result {
            Ok(keys) => {
                held.keys = Some(Arc::new(keys));
                held.fetched_at = now;
                held.refresh_at = later(now, REFRESH_SECONDS)
                    .saturating_sub(jitter)
                    .unwrap_or(now);
                held.refused = None;
                Ok(())
            }
            Err(error) => {
                if let FetchError::Refused(refusal) = &error {
                    held.refused = Some(refusal.clone());
                }
                drop(held);
                tracing::error!(issuer = self.issuer, cause = %error, "keys could not be fetched");
                Metrics::new(SERVICE)
                    .property("issuer", self.issuer.as_str())
                    .count("KeyFetchFailed", 1)
                    .emit(now);
                Err(error)
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // A panic cannot leave a half-written state: each change is a few assignments.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn step(&self, kid: Option<&str>, now: Timestamp, any_kid: bool) -> Step {
        let usable = self.usable(now);
        // If the clock went back, the age of the keys is unknown: fetch.
        let fresh = self.fetched_at <= now && now < self.refresh_at;
        if let Some(keys) = usable
            && fresh
            && keys.knows(kid)
        {
            return Step::Use(Arc::clone(keys));
        }
        let cool_down = if usable.is_some() {
            COOL_DOWN_SECONDS
        } else {
            COOL_DOWN_COLD_SECONDS
        };
        let cooling = self
            .attempted_at
            .is_some_and(|at| at <= now && now < later(at, cool_down));
        if !cooling {
            return Step::Fetch;
        }
        match self.settle(kid, now, any_kid) {
            Ok(keys) => Step::Use(keys),
            Err(denial) => Step::Deny(denial),
        }
    }

    /// The result for a request when nothing more is fetched for it.
    fn settle(
        &self,
        kid: Option<&str>,
        now: Timestamp,
        any_kid: bool,
    ) -> Result<Arc<KeySet>, Denial> {
        match (self.usable(now), &self.refused) {
            (Some(keys), _) => Ok(Arc::clone(keys)),
            (None, Some(refusal)) if refusal.blames(kid, any_kid) => Err(Denial::Key),
            (None, _) => Err(Denial::KeysUnavailable),
        }
    }

    fn usable(&self, now: Timestamp) -> Option<&Arc<KeySet>> {
        self.keys
            .as_ref()
            .filter(|_| now < later(self.fetched_at, STALE_SECONDS_MAX))
    }
}

fn later(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}
