//! Caches an issuer's keys: when they are fetched again, and when they are too old to use.
//!
//! ```text
//! fetched ──── 240..300 s ────────────── 1 h ─────────────────►
//!   keys are used │ keys are fetched again, │ keys are not used:
//!                 │ and the old ones used   │ every request fails
//!                 │ if that fails           │ until a fetch succeeds
//! ```
//!
//! A token can also cause a fetch: one that names an unknown key, or whose signature
//! fails though its claims would pass. Its issuer may have replaced a key. Anybody can
//! write such tokens, so a cool-down follows, and doubles while the set stays the same:
//!
//! ```text
//! forced ── 10 s ── forced ── 20 s ── forced ──── 40 s ──── forced ── … at most 300 s
//! ```
//!
//! Fetches happen inside an invocation, because a frozen environment runs
//! nothing in the background. `now` is passed in, and only a fetch waits.

use std::collections::BTreeMap;
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
/// How long after a fetch nothing is fetched, whatever the tokens say.
const COOL_DOWN_SECONDS: i64 = 10;
/// The longest pause between two fetches while there are no keys. The first is a
/// second long, and each is twice as long as the one before.
const COLD_SECONDS_MAX: u64 = 30;
/// The longest cool-down after a forced fetch.
const COOL_DOWN_SECONDS_MAX: i64 = 300;

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
    /// How many fetches failed in a row while there were no usable keys.
    cold_failures: u32,
    /// No fetch before this time while there are no usable keys.
    cold_until: Timestamp,
    /// The cool-down before a token can force a fetch, if it is not the shortest.
    forced_cool_down: Option<i64>,
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
    Fetch(Cause),
    Deny(Denial),
}

/// Why keys are fetched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// There are none, or they are old.
    Age,
    /// A token that cannot be verified with them asks for newer ones.
    Token,
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
    /// An unknown key id may be new, so it causes a fetch after the cool-down.
    pub(crate) async fn keys(
        &self,
        kid: Option<&str>,
        world: &World,
    ) -> Result<Arc<KeySet>, Denial> {
        match self.held().step(kid, world.now(), self.source.is_fixed()) {
            Step::Use(keys) => return Ok(keys),
            Step::Deny(denial) => return Err(denial),
            Step::Fetch(_) => {}
        }
        let _flight = self.flight.lock().await;
        // Another request may have fetched while this one waited.
        let step = self.held().step(kid, world.now(), self.source.is_fixed());
        match step {
            Step::Use(keys) => Ok(keys),
            Step::Deny(denial) => Err(denial),
            Step::Fetch(cause) => {
                // A failure is logged there. The old keys may still be usable.
                let _ = self.fetch(cause, world).await;
                let held = self.held();
                held.settle(kid, world.now(), self.source.is_fixed())
            }
        }
    }

    /// Other keys than these, after a signature did not verify with them: the issuer
    /// may have replaced a key under the same id. `None` if there are none, or if the
    /// cool-down has not passed.
    pub(crate) async fn others(&self, than: &Arc<KeySet>, world: &World) -> Option<Arc<KeySet>> {
        if self.source.is_fixed() || !self.held().may_replace(than, world.now()) {
            return None;
        }
        let _flight = self.flight.lock().await;
        // Another request may have fetched while this one waited.
        if self.held().forced_is_due(world.now()) {
            let _ = self.fetch(Cause::Token, world).await;
        }
        let held = self.held();
        held.other(than, world.now()).cloned()
    }

    /// Fetches now, whatever is in the cache.
    pub(crate) async fn fetch(&self, cause: Cause, world: &World) -> Result<(), FetchError> {
        // Boxed: the SDK's futures are large, and most requests fetch nothing.
        let result = self.source.fetch(world.now()).boxed().await;
        let now = world.now();
        let jitter = SignedDuration::try_from(world.uniform(REFRESH_JITTER)).unwrap_or_default();
        let mut held = self.held();
        held.attempted_at = Some(now);
        match result {
            Ok(keys) => {
                self.count_left_out(&keys, now);
                held.note_change(cause, &keys);
                held.keys = Some(Arc::new(keys));
                held.fetched_at = now;
                held.refresh_at = later(now, REFRESH_SECONDS)
                    .saturating_sub(jitter)
                    .unwrap_or(now);
                held.refused = None;
                held.cold_failures = 0;
                Ok(())
            }
            Err(error) => {
                if let FetchError::Refused(refusal) = &error {
                    held.refused = Some(refusal.clone());
                }
                held.back_off(now, world);
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

    /// Counts the keys that are published but not used, by their reasons.
    fn count_left_out(&self, keys: &KeySet, now: Timestamp) {
        let mut counts = BTreeMap::new();
        for reason in keys.left_out() {
            *counts.entry(reason).or_insert(0_u32) += 1;
        }
        for (reason, count) in counts {
            Metrics::new(SERVICE)
                .property("issuer", self.issuer.as_str())
                .property("reason", reason)
                .count("KeyLeftOut", count)
                .emit(now);
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
        let (cause, is_cooling) = match (usable, fresh) {
            (None, _) => (
                Cause::Age,
                self.attempted_at.is_some_and(|at| at <= now) && now < self.cold_until,
            ),
            (Some(_), false) => (Cause::Age, self.is_cooling(COOL_DOWN_SECONDS, now)),
            (Some(_), true) => (Cause::Token, !self.forced_is_due(now)),
        };
        if !is_cooling {
            return Step::Fetch(cause);
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

    /// Sets the pause after a failed fetch without usable keys. Jitter makes it shorter
    /// by half at most, so that environments do not fetch together.
    fn back_off(&mut self, now: Timestamp, world: &World) {
        if self.usable(now).is_some() {
            return;
        }
        let seconds = 2_u64
            .saturating_pow(self.cold_failures)
            .min(COLD_SECONDS_MAX);
        let pause = Duration::from_secs(seconds);
        let pause = pause.saturating_sub(world.uniform(pause / 2));
        self.cold_failures = self.cold_failures.saturating_add(1);
        self.cold_until = now
            .saturating_add(SignedDuration::try_from(pause).unwrap_or_default())
            .unwrap_or(Timestamp::MAX);
    }

    fn is_cooling(&self, seconds: i64, now: Timestamp) -> bool {
        self.attempted_at
            .is_some_and(|at| at <= now && now < later(at, seconds))
    }

    fn forced_is_due(&self, now: Timestamp) -> bool {
        !self.is_cooling(self.forced_cool_down.unwrap_or(COOL_DOWN_SECONDS), now)
    }

    /// Doubles the cool-down after a forced fetch that brought the same keys. Keys that
    /// have changed make it short again.
    fn note_change(&mut self, cause: Cause, keys: &KeySet) {
        let same = self.keys.as_ref().is_some_and(|held| held.is_same(keys));
        match (same, cause) {
            (false, _) => self.forced_cool_down = None,
            (true, Cause::Age) => {}
            (true, Cause::Token) => {
                let doubled = 2 * self.forced_cool_down.unwrap_or(COOL_DOWN_SECONDS);
                self.forced_cool_down = Some(doubled.min(COOL_DOWN_SECONDS_MAX));
            }
        }
    }

    /// Whether other keys than these are held, or may be fetched now.
    fn may_replace(&self, keys: &Arc<KeySet>, now: Timestamp) -> bool {
        self.other(keys, now).is_some() || self.forced_is_due(now)
    }

    fn other(&self, than: &Arc<KeySet>, now: Timestamp) -> Option<&Arc<KeySet>> {
        self.usable(now).filter(|keys| !Arc::ptr_eq(keys, than))
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
