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

use crate::accounts::Accounts;
use crate::answer::RouteFault;
use crate::channels::Channels;
use crate::deadline::Deadline;
use crate::envelope::Notification;
use crate::event::Event;
use crate::face::{face, line, note};
use crate::incident::apply::Applied;
use crate::incident::plan::{Step, step};
use crate::incident::{Alert, At, Incident, View};
use crate::incident_store::{Item, Lease, Saved, Store, Unreachable};
use crate::parse::parse;
use crate::render::{Options, render};
use crate::route::Route;
use crate::send::{End, Sending};

/// As with claims: longer than the function's time-out, shorter than the queue's visibility time-out.
const LEASE: Duration = Duration::from_mins(1);
/// Attempts to write an item that others write too.
const TRIES_MAX: u32 = 8;
const PAUSE: Duration = Duration::from_millis(50);
/// The most views that one holder of the lease acts for, so that a storm of changes cannot keep it.
const ACTS_MAX: usize = 20;

/// The incidents of all alarms.
#[derive(Debug)]
pub(crate) struct Incidents {
    store: Store,
    channels: Arc<Channels>,
    accounts: Accounts,
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

/// An incident while we hold its lease.
struct Held<'a> {
    key: &'a str,
    owner: String,
    item: Item<Incident>,
    /// Routes where an earlier instance may have posted a message that it could not record.
    doubtful: BTreeSet<String>,
    /// What we did, to be kept when somebody else writes the item.
    acted: BTreeMap<String, View>,
    failed: BTreeSet<String>,
    deadline: Deadline,
}

enum Begun<'a> {
    Held(Box<Held<'a>>),
    Ended(Tracked),
}

impl Incidents {
    pub(crate) fn new(
        store: Store,
        channels: Arc<Channels>,
        accounts: Accounts,
        world: World,
    ) -> Self {
        Self {
            store,
            channels,
            accounts,
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
        let half = deadline.left(self.world.now()) / 2;
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
    ) -> bool {
        let left = deadline.left_for_notes(self.world.now());
        let noted = timeout(left, self.try_to_note(key, change)).await;
        let done = matches!(noted, Ok(Ok(())));
        if !done {
            tracing::warn!("a fact about an incident could not be recorded");
        }
        done
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
        let read = timeout(deadline.left(now), self.store.load::<Incident>(key, now)).await;
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
            if known && item.content.is_shown() {
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
                if self.finish(&mut held).await {
                    return sent.map_or(Tracked::Known { before: false }, Tracked::Sent);
                }
                continue;
            };
            let Some(sending) = self.act(&mut held, &route).await else {
                continue;
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

    /// Makes one step for one route. `None` if Discord was not called.
    async fn act(&self, held: &mut Held<'_>, route: &str) -> Option<Sending> {
        let incident = held.item.content.clone();
        let mut view = incident.views.get(route).cloned().unwrap_or_default();
        let step = step(&incident, &view);
        let configured = self.channels.route(route);
        let sending = match (step, configured) {
            // Without its route, a view cannot be shown; the alert's own route shows the incident.
            (Step::Nothing | Step::Line, _) | (Step::Post { .. }, None) => {
                view.shown = view.wanted;
                held.record(route, view);
                return None;
            }
            (Step::Post { loud }, Some(configured)) => {
                if !view.posting {
                    view.posting = true;
                    held.record(route, view);
                    self.write(held).await;
                    return None;
                }
                self.post(held, configured, &incident, loud, &mut view)
                    .await
            }
            (Step::Edit { line }, _) => {
                let edited = self.edit(held, route, &incident, &view, line).await;
                let Some(sending) = edited else {
                    // The message cannot be edited any more. The next step posts another one.
                    view.posted = None;
                    held.record(route, view);
                    return None;
                };
                sending
            }
        };
        if matches!(sending.end, End::Accepted { .. }) {
            view.shown = view.wanted;
            view.opening = incident.opening;
            view.state = Some(incident.state);
            view.flapping = incident.flapping;
            view.posting = false;
        }
        held.record(route, view);
        Some(sending)
    }

    async fn post(
        &self,
        held: &Held<'_>,
        route: &Route,
        incident: &Incident,
        loud: bool,
        view: &mut View,
    ) -> Sending {
        let mut event = face(incident, self.event(incident));
        event.silent |= !loud;
        let maybe_sent = held.doubtful.contains(&route.name);
        let compose = |options: &Options, detail| render(&event, options, detail);
        let (sending, posted) = self
            .channels
            .post(route, &compose, maybe_sent, held.deadline)
            .await;
        if matches!(sending.end, End::Accepted { .. }) {
            view.posted = Some(posted);
        } else {
            view.posting = sending.in_doubt;
        }
        sending
    }

    /// Edits the message. `None` if it cannot be edited, so that another one must be posted.
    async fn edit(
        &self,
        held: &Held<'_>,
        route: &str,
        incident: &Incident,
        view: &View,
        with_line: bool,
    ) -> Option<Sending> {
        let posted = view.posted.as_ref()?;
        let event = face(incident, self.event(incident));
        let compose = |options: &Options, detail| render(&event, options, detail);
        let edit = || self.channels.edit(route, posted, &compose, held.deadline);
        let mut sending = edit().await?;
        if matches!(sending.end, End::Barred(RouteFault::ThreadArchived)) {
            // A message opens the thread.
            let opening = |_: &Options, _| note("📂".to_owned(), Vec::new(), true);
            self.channels
                .add(route, posted, &opening, held.deadline)
                .await?;
            sending = edit().await?;
        }
        if matches!(sending.end, End::Barred(_) | End::NoWebhook) {
            return None;
        }
        if with_line && matches!(sending.end, End::Accepted { .. }) {
            let link = self.channels.link(posted, held.deadline).await;
            let said = |_: &Options, _| line(incident, &event, link.as_deref());
            // The message shows the state already: a line that fails is not worth another edit.
            self.channels.add(route, posted, &said, held.deadline).await;
        }
        Some(sending)
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
        let left = held.deadline.left_for_notes(self.world.now());
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
        let left = held.deadline.left_for_notes(now);
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

    /// The newest alert of an incident, understood again.
    fn event(&self, incident: &Incident) -> Event {
        self.accounts.named(parse(&notification(&incident.alert)))
    }

    fn lease(&self, owner: &str, deadline: Deadline) -> Lease {
        let now = self.world.now();
        let lease = LEASE.max(deadline.left(now) + LEASE / 2);
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

impl Held<'_> {
    fn has_lease(&self) -> bool {
        let lease = self.item.lease.as_ref();
        lease.is_some_and(|lease| lease.owner == self.owner)
    }

    /// The next route that has to show something.
    fn next(&self) -> Option<String> {
        let mut views = self.item.content.views.iter();
        views
            .find(|(route, view)| view.is_due() && !self.failed.contains(*route))
            .map(|(route, _)| route.clone())
    }

    fn record(&mut self, route: &str, view: View) {
        self.acted.insert(route.to_owned(), view);
        self.merge();
    }

    /// Puts what we did into the item. What is wanted by now stays.
    fn merge(&mut self) {
        for (route, mine) in &self.acted {
            let view = self.item.content.views.entry(route.clone()).or_default();
            let wanted = view.wanted.max(mine.wanted);
            *view = View {
                wanted,
                ..mine.clone()
            };
        }
    }
}

/// Announces each post in the item before it is made. Returns the routes where an earlier one may have
/// been made without a record.
fn announce(incident: &mut Incident, maybe_sent: bool, is_ours: bool) -> BTreeSet<String> {
    let planned = incident.clone();
    let mut doubtful = BTreeSet::new();
    for (route, view) in &mut incident.views {
        let posts = matches!(step(&planned, view), Step::Post { .. });
        if (view.posting && !is_ours) || (posts && maybe_sent) {
            doubtful.insert(route.clone());
        }
        view.posting = posts;
    }
    doubtful
}

/// The alert as it is kept.
pub(crate) fn kept(notification: &Notification) -> Alert {
    Alert {
        subject: notification.subject.clone(),
        message: notification.message.clone(),
        source_arn: notification.source_arn.clone(),
        published_at: notification.published_at.clone(),
    }
}

fn notification(alert: &Alert) -> Notification {
    Notification {
        subject: alert.subject.clone(),
        json: serde_json::from_str(&alert.message).ok(),
        message: alert.message.clone(),
        source_arn: alert.source_arn.clone(),
        published_at: alert.published_at.clone(),
        ..Notification::default()
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
