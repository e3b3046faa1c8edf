//! Owns how long keys are kept: when they are fetched again, and when they are too old to use.
//!
//! ```text
//! fetched ──── 240..300 s ────────────── 1 h ─────────────►
//!   used as they are │ fetched again first, │ not used: every
//!                    │ used anyway if that  │ request errs until
//!                    │ fails                │ a fetch succeeds
//! ```
//!
//! Everything happens inside an invocation: a frozen environment has no
//! background. `now` comes from outside, and nothing waits but for the fetch.

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

/// When keys are fetched again.
pub const REFRESH_SECONDS: i64 = 300;
/// Up to this much earlier, so that environments that started together part.
const REFRESH_JITTER: Duration = Duration::from_mins(1);
/// How long after a fetch its keys are used while further fetches fail.
const STALE_SECONDS_MAX: i64 = 3_600;
/// How long nothing is fetched after a fetch, whatever key id is asked for.
const COOL_DOWN_SECONDS: i64 = 10;
/// The same while there are no keys at all: every request errs meanwhile.
const COOL_DOWN_COLD_SECONDS: i64 = 1;

/// One issuer's keys.
#[derive(Debug)]
pub(crate) struct KeyCache {
    issuer: String,
    source: Source,
    held: Mutex<Held>,
    /// Whoever holds this fetches; the others wait, and then look again.
    flight: tokio::sync::Mutex<()>,
}

/// What is known at the moment.
#[derive(Default)]
struct Held {
    keys: Option<Arc<KeySet>>,
    fetched_at: Timestamp,
    refresh_at: Timestamp,
    attempted_at: Option<Timestamp>,
    /// Why the last set that arrived was refused.
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
    Give(Denial),
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

    /// The keys for a token with this key id, fetched if they have to be.
    ///
    /// A key id that the keys do not know may be new: it forces a fetch, once
    /// in [`COOL_DOWN_SECONDS`].
    pub(crate) async fn keys(
        &self,
        kid: Option<&str>,
        world: &World,
    ) -> Result<Arc<KeySet>, Denial> {
        match self.held().step(kid, world.now(), self.source.is_fixed()) {
            Step::Use(keys) => return Ok(keys),
            Step::Give(denial) => return Err(denial),
            Step::Fetch => {}
        }
        let _flight = self.flight.lock().await;
        // Another request may have fetched while this one waited.
        let step = self.held().step(kid, world.now(), self.source.is_fixed());
        match step {
            Step::Use(keys) => Ok(keys),
            Step::Give(denial) => Err(denial),
            Step::Fetch => {
                // The failure is logged; what it means for this request, the
                // next step decides.
                let _ = self.fetch(world).await;
                let held = self.held();
                held.settle(kid, world.now(), self.source.is_fixed())
            }
        }
    }

    /// Fetches now, for the start.
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
        // Each change is a few assignments: what a panic left is still whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn step(&self, kid: Option<&str>, now: Timestamp, any_kid: bool) -> Step {
        let usable = self.usable(now);
        // A clock that went back makes ages meaningless: fetch.
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
            Err(denial) => Step::Give(denial),
        }
    }

    /// What a request gets when nothing more will be fetched for it.
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
