//! Makes every channel show an incident's newest state.
//!
//! ```text
//! read ─ apply ─ write wanted, take the lease ─▶ act at Discord ─▶ write shown, give the lease back
//!            └─ somebody else has the lease ─▶ hand back: the holder sees the new version and acts
//! ```
//! A post is announced in the item before it is made. If its instance dies, the next one knows that
//! Discord may have a message that nobody can edit, and labels its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use shared::world::World;
use tokio::time::timeout;

use crate::deadline::Deadline;
use crate::event::Event;
use crate::held::{Held, announce};
use crate::incident::apply::{Applied, QUIET};
use crate::incident::{At, Incident};
use crate::incident_store::{Item, Lease, Saved, Store, Unreachable};
use crate::queue::Queue;
use crate::reminder;
use crate::send::{End, Sending};
use crate::showing::{Acted, Showing};
use crate::wake::Wake;

/// As with claims: longer than the function's time-out, shorter than the queue's visibility time-out.
const LEASE: Duration = Duration::from_mins(1);
/// Attempts to write an item that others write too.
const TRIES_MAX: u32 = 8;
const PAUSE: Duration = Duration::from_millis(50);
/// When an alert comes back whose reminder could not be queued.
const PAUSE_UNWATCHED: Duration = Duration::from_secs(30);
/// The most views that one holder of the lease acts for, so that a storm of changes cannot keep it.
const ACTS_MAX: usize = 20;

/// The incidents of all alarms.
#[derive(Debug)]
pub(crate) struct Incidents {
    store: Store,
    showing: Showing,
    queue: Arc<Queue>,
    world: World,
}

/// What became known, or was done, about an incident.
pub(crate) enum Tracked {
    /// Discord was called.
    Sent(Sending),
    /// Nobody has to know, or every channel shows it already.
    Known {
        /// Whether an earlier alert had said the same.
        before: bool,
    },
    /// Somebody else acts on the incident, at most for this long.
    Busy(Duration),
    /// The table does not answer.
    Unreachable,
}

enum Begun<'a> {
    Held(Box<Held<'a>>),
    Ended(Tracked),
}

impl Incidents {
    pub(crate) const fn new(
        store: Store,
        showing: Showing,
        queue: Arc<Queue>,
        world: World,
    ) -> Self {
        Self {
            store,
            showing,
            queue,
            world,
        }
    }

    /// Changes an incident, and makes every channel show it. `change` returns what it did; it runs again
    /// if somebody else writes the item at the same time.
    pub(crate) async fn settle(
        &self,
        key: &str,
        change: &(dyn Fn(&mut Incident) -> Applied + Sync),
        maybe_sent: bool,
        deadline: Deadline,
    ) -> Tracked {
        let half = deadline.left(self.world.machine_now()) / 2;
        let begun = timeout(half, self.begin(key, change, maybe_sent, deadline)).await;
        match begun {
            Ok(Ok(Begun::Held(held))) => self.work(*held).await,
            Ok(Ok(Begun::Ended(tracked))) => tracked,
            Ok(Err(Unreachable)) | Err(_) => Tracked::Unreachable,
        }
    }

    /// Changes an item without acting on it.
    pub(crate) async fn note(
        &self,
        key: &str,
        change: &(dyn Fn(&mut Incident) -> Applied + Sync),
        deadline: Deadline,
    ) {
        let left = deadline.left_for_notes(self.world.machine_now());
        let noted = timeout(left, self.try_to_note(key, change)).await;
        if !matches!(noted, Ok(Ok(()))) {
            tracing::warn!("a fact about an incident could not be recorded");
        }
    }

    async fn try_to_note(
        &self,
        key: &str,
        change: &(dyn Fn(&mut Incident) -> Applied + Sync),
    ) -> Result<(), Unreachable> {
        for attempt in 0..TRIES_MAX {
            let mut item: Item<Incident> = self.store.load(key, self.world.now()).await?;
            let before = item.content.clone();
            change(&mut item.content);
            if item.content == before || self.save(key, &mut item).await? == Saved::Yes {
                return Ok(());
            }
            self.pause(attempt).await;
        }
        Err(Unreachable)
    }

    /// The contributors of an alarm that fired.
    pub(crate) async fn contributors(&self, key: &str, deadline: Deadline) -> Vec<String> {
        let now = self.world.now();
        let read = timeout(
            deadline.left(self.world.machine_now()),
            self.store.load::<Incident>(key, now),
        )
        .await;
        match read {
            Ok(Ok(item)) => item.content.contributors.into_iter().collect(),
            Ok(Err(Unreachable)) | Err(_) => Vec::new(),
        }
    }

    /// Writes what is wanted, and takes the lease if it is free.
    async fn begin<'a>(
        &self,
        key: &'a str,
        change: &(dyn Fn(&mut Incident) -> Applied + Sync),
        maybe_sent: bool,
        deadline: Deadline,
    ) -> Result<Begun<'a>, Unreachable> {
        let owner = self.owner();
        let mut ever_new = false;
        for attempt in 0..TRIES_MAX {
            let now = self.world.now();
            let mut item: Item<Incident> = self.store.load(key, now).await?;
            let known = change(&mut item.content) == Applied::Known;
            ever_new |= !known;
            if known && item.content.is_shown() && !self.wants_watch(&item.content) {
                return Ok(Begun::Ended(Tracked::Known { before: !ever_new }));
            }
            let busy = item.leased_for(&owner, now);
            if let (Some(left), true) = (busy, known) {
                return Ok(Begun::Ended(Tracked::Busy(left)));
            }
            let mut doubtful = BTreeSet::new();
            if busy.is_none() {
                let is_ours = item
                    .lease
                    .as_ref()
                    .is_some_and(|lease| lease.owner == owner);
                item.lease = Some(self.lease(&owner, deadline));
                doubtful = announce(&mut item.content, maybe_sent, is_ours);
            }
            match self.save(key, &mut item).await? {
                Saved::Yes => {}
                Saved::Lost => {
                    self.pause(attempt).await;
                    continue;
                }
            }
            return Ok(match busy {
                Some(left) => Begun::Ended(Tracked::Busy(left)),
                None => Begun::Held(Box::new(Held {
                    key,
                    owner,
                    item,
                    doubtful,
                    acted: BTreeMap::new(),
                    failed: BTreeSet::new(),
                    unwatched: false,
                    deadline,
                })),
            });
        }
        Ok(Begun::Ended(Tracked::Busy(Duration::from_secs(2))))
    }

    /// Acts until every channel shows the newest state, then gives the lease back.
    async fn work(&self, mut held: Held<'_>) -> Tracked {
        let mut sent: Option<Sending> = None;
        for _ in 0..ACTS_MAX {
            let Some(route) = held.next() else {
                self.watch(&mut held).await;
                if self.finish(&mut held).await {
                    // A line of a digest that could not be changed is no failure of a call.
                    let is_open = sent.is_none() && !held.failed.is_empty();
                    if is_open || (held.unwatched && held.failed.is_empty()) {
                        return Tracked::Busy(PAUSE_UNWATCHED);
                    }
                    return sent.map_or(Tracked::Known { before: false }, Tracked::Sent);
                }
                continue;
            };
            let sending = match self.showing.act(&mut held, &route).await {
                Acted::Sent(sending) => sending,
                Acted::Announced => {
                    self.write(&mut held).await;
                    continue;
                }
                Acted::Noted => continue,
            };
            if !matches!(sending.end, End::Accepted { .. }) {
                held.failed.insert(route);
            }
            sent = Some(worse(sent, sending));
        }
        // The rest is for the next holder: the alert comes back.
        held.failed.extend(held.item.content.views.keys().cloned());
        self.finish(&mut held).await;
        Tracked::Busy(Duration::from_secs(1))
    }

    /// Whether a reminder, or a look at the end of flapping, must be in the queue and is not.
    fn wants_watch(&self, incident: &Incident) -> bool {
        let route = self.showing.channels.route(&incident.route);
        let is_posted = incident
            .views
            .values()
            .filter(|view| view.opening == incident.opening)
            .filter_map(|view| view.posted.as_ref())
            .any(|posted| posted.digest.is_none());
        let reminds = is_posted && route.is_some_and(|route| reminder::is_wanted(incident, route));
        let ends = incident.flapping && !incident.flap_watched;
        self.queue.can_wake() && (reminds || ends)
    }

    /// Queues the messages to ourselves that are wanted, before the alert is acknowledged.
    async fn watch(&self, held: &mut Held<'_>) {
        if !self.wants_watch(&held.item.content) {
            return;
        }
        let now = self.world.now();
        let at = At::of(now);
        let incident = &mut held.item.content;
        let route = self.showing.channels.route(&incident.route);
        let due = route.and_then(|route| reminder::due(route, at, 1));
        let wake = |number, due| Wake {
            incident: held.key.to_owned(),
            opening: incident.opening,
            number,
            due,
        };
        let (wake, is_reminder) = match due {
            Some(due) if !incident.flapping => (wake(1, due), true),
            Some(_) | None => (wake(0, At(at.0.saturating_add(QUIET))), false),
        };
        let delay = wake.delay(at).unwrap_or_default();
        let left = held.deadline.left_for_notes(self.world.machine_now());
        if !self.queue.wake(&wake, delay, left).await {
            held.unwatched = true;
        } else if is_reminder {
            incident.watched = incident.opening;
            incident.begun = at;
        } else {
            incident.flap_watched = true;
        }
    }

    /// An incident, and its newest alert. `None` if the table does not answer.
    pub(crate) async fn load(&self, key: &str, deadline: Deadline) -> Option<(Incident, Event)> {
        let now = self.world.now();
        let read = timeout(
            deadline.left(self.world.machine_now()),
            self.store.load::<Incident>(key, now),
        )
        .await;
        let incident = read.ok()?.ok()?.content;
        let event = self.showing.event(&incident);
        Some((incident, event))
    }

    /// Writes what was shown, and gives the lease back. Returns whether nothing is left to do.
    async fn finish(&self, held: &mut Held<'_>) -> bool {
        for _ in 0..TRIES_MAX {
            let is_ours = held.has_lease();
            if is_ours && held.next().is_some() {
                return false;
            }
            if is_ours {
                held.item.lease = None;
            }
            // If the lease has passed to somebody else, what we did is still recorded.
            if self.try_to_write(held).await {
                return true;
            }
        }
        true
    }

    /// Writes what is known while we keep the lease.
    async fn write(&self, held: &mut Held<'_>) {
        for _ in 0..TRIES_MAX {
            if self.try_to_write(held).await {
                return;
            }
        }
    }

    /// Writes the item. If somebody else wrote it, reads it again with what we did, and returns false.
    async fn try_to_write(&self, held: &mut Held<'_>) -> bool {
        let left = held.deadline.left_for_notes(self.world.machine_now());
        let written = timeout(left, self.save(held.key, &mut held.item)).await;
        match written {
            Ok(Ok(Saved::Yes)) => return true,
            Ok(Ok(Saved::Lost)) => {}
            Ok(Err(Unreachable)) | Err(_) => {
                tracing::warn!(
                    "an incident could not be recorded: its message may be posted again"
                );
                return true;
            }
        }
        let now = self.world.now();
        let left = held.deadline.left_for_notes(self.world.machine_now());
        let fresh = timeout(left, self.store.load::<Incident>(held.key, now)).await;
        let Ok(Ok(fresh)) = fresh else {
            return true;
        };
        held.item = fresh;
        held.merge();
        false
    }

    async fn save(&self, key: &str, item: &mut Item<Incident>) -> Result<Saved, Unreachable> {
        let keep = !item.content.is_over() || !item.content.contributors.is_empty();
        self.store.save(key, item, keep, self.world.now()).await
    }

    fn lease(&self, owner: &str, deadline: Deadline) -> Lease {
        let now = self.world.now();
        let lease = LEASE.max(deadline.left(self.world.machine_now()) + LEASE / 2);
        let seconds = i64::try_from(lease.as_secs()).unwrap_or(i64::MAX);
        Lease {
            owner: owner.to_owned(),
            until: now.as_second().saturating_add(seconds),
        }
    }

    fn owner(&self) -> String {
        let mut bytes = [0; 16];
        self.world.fill(&mut bytes);
        format!("{:032x}", u128::from_le_bytes(bytes))
    }

    async fn pause(&self, attempt: u32) {
        let most = PAUSE * 2_u32.pow(attempt.min(4));
        self.world.sleep(self.world.uniform(most)).await;
    }
}

/// Of two results, the one that matters: a failure, else the later one.
fn worse(before: Option<Sending>, now: Sending) -> Sending {
    match before {
        Some(before) if !matches!(before.end, End::Accepted { .. }) => before,
        Some(_) | None => now,
    }
}

/// The time of an alert, else now.
pub(crate) fn changed_at(event: &Event, now: Timestamp) -> At {
    At::of(event.occurred_at.timestamp().unwrap_or(now))
}
