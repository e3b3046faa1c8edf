//! Delivers one message: claims it, sends it or shows it as an incident, and records the result.

use std::sync::Arc;
use std::time::Duration;

use shared::world::World;

use crate::channels::Channels;
use crate::deadline::Deadline;
use crate::enrich::Enricher;
use crate::envelope::Notification;
use crate::event::{Event, Severity, Transition, Watched};
use crate::incident::apply::Applied;
use crate::incident::{Alert, Change, Incident};
use crate::incidents::{Incidents, Tracked, changed_at};
use crate::outcome::{Outcome, Why};
use crate::render::{Options, render};
use crate::route::Route;
use crate::seen::{Claim, Seen, Token};
use crate::send::{End, GivenUp, Sending};

/// The largest alert that has an incident, since an item holds 400 KB. The alert of an alarm is much
/// smaller: its description, its metrics and its rule have limits.
const ALERT_BYTES_MAX: usize = 100_000;

/// When an alert comes back that waits for the table.
const PAUSE_WITHOUT_TABLE: Duration = Duration::from_mins(1);

/// Delivers messages.
#[derive(Debug)]
pub(crate) struct Deliverer {
    channels: Arc<Channels>,
    seen: Arc<Seen>,
    incidents: Arc<Incidents>,
    enricher: Enricher,
    world: World,
}

/// How a claimed message ended.
enum Delivery {
    Sent(Sending),
    Known {
        before: bool,
    },
    Busy(Duration),
    /// Nobody can know whether it is news, and it can wait.
    NoTable,
}

impl Deliverer {
    pub(crate) const fn new(
        channels: Arc<Channels>,
        seen: Arc<Seen>,
        incidents: Arc<Incidents>,
        enricher: Enricher,
        world: World,
    ) -> Self {
        Self {
            channels,
            seen,
            incidents,
            enricher,
            world,
        }
    }

    /// The first route that takes an event.
    pub(crate) fn route_of(&self, event: &Event) -> Option<&Route> {
        self.channels.route_of(event)
    }

    /// Delivers a message by the given route.
    pub(crate) async fn deliver(
        &self,
        notification: &Notification,
        event: &Event,
        route: &Route,
        deadline: Deadline,
    ) -> Outcome {
        // Checked before the claim: while a route has to wait, every message of the queue comes here, and
        // each claim would cost two useless writes to the table.
        let now = self.world.now();
        let left = deadline.left(self.world.machine_now());
        if let Err(given_up) = self.channels.wait(route, left, now) {
            return ended(given_up);
        }
        let claim = match &notification.id {
            Some(id) => self.seen.claim(id, &route.name, left).await,
            None => Claim::Unknown,
        };
        let (token, maybe_sent) = match claim {
            Claim::Fresh(token) => (Some(token), false),
            Claim::Again(token) => (Some(token), true),
            // Without the table, only the queue's receive count says whether this is a repetition.
            Claim::Unknown => {
                let received = notification
                    .record
                    .as_ref()
                    .map_or(1, |record| record.receive_count);
                (None, 1 < received)
            }
            Claim::Sent => return self.sent_before(event, deadline).await,
            Claim::Live(wait) => {
                return Outcome::HandedBack {
                    why: Why::Claimed,
                    wait: Some(wait),
                };
            }
        };
        // A table that does not answer a claim is not asked for an incident.
        let has_table = token.is_some() || notification.id.is_none();
        let delivery = match &event.transition {
            Some(transition) if has_table && notification.message.len() <= ALERT_BYTES_MAX => {
                self.track(notification, event, transition, route, maybe_sent, deadline)
                    .await
            }
            Some(transition) if !has_table && can_wait(transition) => Delivery::NoTable,
            Some(_) | None => Delivery::Sent(self.send(event, route, maybe_sent, deadline).await),
        };
        self.settle(event, token.as_ref(), maybe_sent, delivery, deadline)
            .await
    }

    /// An alert that was sent, but perhaps not acknowledged: its instance may have died before it queued
    /// the reminder.
    async fn sent_before(&self, event: &Event, deadline: Deadline) -> Outcome {
        let Some(transition) = &event.transition else {
            return Outcome::Suppressed;
        };
        if transition.state != Watched::Alarm || event.severity != Severity::Critical {
            return Outcome::Suppressed;
        }
        let key = key(&transition.alarm, transition.contributor.as_deref());
        let look = |_: &mut Incident| Applied::Known;
        match self.incidents.settle(&key, &look, false, deadline).await {
            Tracked::Busy(wait) => Outcome::HandedBack {
                why: Why::Claimed,
                wait: Some(wait),
            },
            Tracked::Sent(_) | Tracked::Known { .. } | Tracked::Unreachable => Outcome::Suppressed,
        }
    }

    /// Sends a message that nobody will edit, with what is known about its alarm.
    async fn send(
        &self,
        event: &Event,
        route: &Route,
        maybe_sent: bool,
        deadline: Deadline,
    ) -> Sending {
        let left = deadline.left(self.world.machine_now()) / 4;
        let mut event = event.clone();
        self.enricher.enrich(&mut event, None, left).await;
        let compose = |options: &Options, detail| render(&event, options, detail);
        let posted = self.channels.post(route, &compose, maybe_sent, deadline);
        posted.await.0
    }

    /// Shows an alarm's change of state as an incident. If the table does not answer, it is sent anyway.
    async fn track(
        &self,
        notification: &Notification,
        event: &Event,
        transition: &Transition,
        route: &Route,
        maybe_sent: bool,
        deadline: Deadline,
    ) -> Delivery {
        let at = changed_at(event, self.world.now());
        let mut change = Change::new(transition, at, event.severity, &route.name);
        let key = key(&transition.alarm, transition.contributor.as_deref());
        let is_deletion = transition.state == Watched::Gone;
        if is_deletion {
            // The deletion itself is information. The incident, if there is one, keeps its last alert.
            change.route = String::new();
            let sending = self.send(event, route, maybe_sent, deadline).await;
            self.end(&key, &change, deadline).await;
            return Delivery::Sent(sending);
        }
        change.alert = Some(Alert::of(notification));
        change.causes.clone_from(&event.causes);
        if transition.contributor.is_some() && transition.state == Watched::Alarm {
            self.register(transition, deadline).await;
        }
        let apply = |incident: &mut Incident| incident.apply(&change);
        let tracked = self.incidents.settle(&key, &apply, maybe_sent, deadline);
        let delivery = match tracked.await {
            Tracked::Sent(sending) => Delivery::Sent(sending),
            Tracked::Known { before } => Delivery::Known { before },
            Tracked::Busy(wait) => Delivery::Busy(wait),
            Tracked::Unreachable if can_wait(transition) => {
                self.seen.fall_silent();
                Delivery::NoTable
            }
            Tracked::Unreachable => {
                self.seen.fall_silent();
                tracing::warn!(
                    "the table of incidents does not answer: sending without an incident"
                );
                return Delivery::Sent(self.send(event, route, maybe_sent, deadline).await);
            }
        };
        if transition.contributor.is_none() && transition.state == Watched::Ok {
            self.end_contributors(&key, transition, &change, deadline)
                .await;
        }
        delivery
    }

    /// Notes a contributor with its alarm, whose OK ends the contributor's incident.
    async fn register(&self, transition: &Transition, deadline: Deadline) {
        let Some(contributor) = &transition.contributor else {
            return;
        };
        let insert = |incident: &mut Incident| {
            incident.contributors.insert(contributor.clone());
            Applied::Newer
        };
        let alarm = key(&transition.alarm, None);
        self.incidents.note(&alarm, &insert, deadline).await;
    }

    /// Ends the incidents of an alarm's contributors: the alarm itself is over.
    async fn end_contributors(
        &self,
        alarm: &str,
        transition: &Transition,
        change: &Change,
        deadline: Deadline,
    ) {
        for contributor in self.incidents.contributors(alarm, deadline).await {
            let of_contributor = Change {
                alert: None,
                route: String::new(),
                ..change.clone()
            };
            let key = key(&transition.alarm, Some(&contributor));
            if self.end(&key, &of_contributor, deadline).await {
                let remove = |incident: &mut Incident| {
                    incident.contributors.remove(&contributor);
                    Applied::Newer
                };
                self.incidents.note(alarm, &remove, deadline).await;
            }
        }
    }

    /// Ends an incident if it is open. Returns whether every channel shows that.
    async fn end(&self, key: &str, change: &Change, deadline: Deadline) -> bool {
        let apply = |incident: &mut Incident| {
            if incident.is_over() {
                Applied::Known
            } else {
                incident.apply(change)
            }
        };
        match self.incidents.settle(key, &apply, false, deadline).await {
            Tracked::Sent(sending) => matches!(sending.end, End::Accepted { .. }),
            Tracked::Known { .. } => true,
            Tracked::Busy(_) | Tracked::Unreachable => false,
        }
    }

    /// Records the result of a claim, and turns it into the message's outcome.
    async fn settle(
        &self,
        event: &Event,
        token: Option<&Token>,
        maybe_sent: bool,
        delivery: Delivery,
        deadline: Deadline,
    ) -> Outcome {
        let left = || deadline.left_for_notes(self.world.machine_now());
        let sending = match delivery {
            Delivery::Sent(sending) => sending,
            Delivery::NoTable => {
                if let Some(token) = token {
                    self.seen.release(token, maybe_sent, left()).await;
                }
                return Outcome::HandedBack {
                    why: Why::NoTable,
                    wait: Some(PAUSE_WITHOUT_TABLE),
                };
            }
            Delivery::Known { before } => {
                if let Some(token) = token {
                    self.seen.sent(token, None, left()).await;
                }
                return if before {
                    Outcome::Suppressed
                } else {
                    Outcome::Quiet
                };
            }
            Delivery::Busy(wait) => {
                if let Some(token) = token {
                    self.seen.release(token, maybe_sent, left()).await;
                }
                return Outcome::HandedBack {
                    why: Why::Claimed,
                    wait: Some(wait),
                };
            }
        };
        if let Some(token) = token {
            match &sending.end {
                End::Accepted { receipt, .. } => {
                    self.seen.sent(token, receipt.id.as_deref(), left()).await;
                }
                End::Refused | End::NoWebhook | End::Barred(_) | End::GivenUp(_) => {
                    self.seen.release(token, sending.in_doubt, left()).await;
                }
            }
        }
        match &sending.end {
            End::Accepted { detail, .. } => {
                let now = self.world.now();
                let since = event
                    .occurred_at
                    .timestamp()
                    .map(|at| now.duration_since(at));
                Outcome::Delivered {
                    detail: *detail,
                    latency: since.and_then(|since| Duration::try_from(since).ok()),
                    possible_duplicate: sending.in_doubt,
                }
            }
            End::Refused => Outcome::Refused,
            End::NoWebhook | End::Barred(_) => Outcome::HandedBack {
                why: Why::NoWebhook,
                wait: None,
            },
            End::GivenUp(given_up) => ended(*given_up),
        }
    }
}

/// Whether an alert waits for the table: a new alarm that is well. Only the incident, if there is one, makes
/// it news.
fn can_wait(transition: &Transition) -> bool {
    transition.state == Watched::Ok && transition.from == Some(Watched::NoData)
}

/// The key of an incident's item.
fn key(alarm: &str, contributor: Option<&str>) -> String {
    match contributor {
        None => format!("incident#{alarm}"),
        Some(contributor) => format!("incident#{alarm}#{contributor}"),
    }
}

const fn ended(given_up: GivenUp) -> Outcome {
    Outcome::HandedBack {
        why: given_up.why,
        wait: given_up.wait,
    }
}
