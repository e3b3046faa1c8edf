//! Looks at an incident again when a message of our own says so: reminds, escalates, closes what is over,
//! and ends flapping.

use std::sync::Arc;

use shared::world::World;

use crate::alarms::Alarms;
use crate::channels::Channels;
use crate::deadline::Deadline;
use crate::digests::{Digests, PREFIX};
use crate::envelope::Notification;
use crate::event::Event;
use crate::face::{face, reminder};
use crate::incident::apply::{Applied, QUIET};
use crate::incident::{At, Closing, Incident, Posted};
use crate::incidents::{Incidents, Tracked};
use crate::outcome::{Outcome, Why};
use crate::queue::Queue;
use crate::reminder::{Decision, REMINDERS_MAX, decide, due, is_current, roles};
use crate::render::Options;
use crate::seen::{Claim, Seen};
use crate::send::End;
use crate::wake::Wake;

/// The name under which wakes are claimed. A route has no `:` in its name.
const CLAIMED_AS: &str = "wake:";

/// Handles the messages that the forwarder sends to itself.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) incidents: Arc<Incidents>,
    pub(crate) channels: Arc<Channels>,
    pub(crate) digests: Arc<Digests>,
    pub(crate) alarms: Alarms,
    pub(crate) queue: Arc<Queue>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) world: World,
}

impl Watcher {
    /// Handles one message, which must be of our own.
    pub(crate) async fn handle(
        &self,
        notification: &Notification,
        wake: &Wake,
        deadline: Deadline,
    ) -> Outcome {
        let now = self.world.now();
        let later = Outcome::HandedBack {
            why: Why::Unavailable,
            wait: None,
        };
        if let Some(delay) = wake.delay(At::of(now)) {
            let sent = self
                .queue
                .wake(wake, delay, deadline.left(self.world.machine_now()))
                .await;
            return if sent { Outcome::Quiet } else { later };
        }
        let claim = match &notification.id {
            Some(id) => {
                self.seen
                    .claim(id, CLAIMED_AS, deadline.left(self.world.machine_now()))
                    .await
            }
            None => Claim::Unknown,
        };
        let token = match claim {
            Claim::Fresh(token) | Claim::Again(token) => Some(token),
            Claim::Unknown => None,
            Claim::Sent => return Outcome::Suppressed,
            Claim::Live(wait) => {
                return Outcome::HandedBack {
                    why: Why::Claimed,
                    wait: Some(wait),
                };
            }
        };
        let queue_arn = notification.source_arn.as_deref().unwrap_or_default();
        let done = self.look(wake, queue_arn, deadline).await;
        if let Some(token) = &token {
            let left = deadline.left_for_notes(self.world.machine_now());
            if done {
                self.seen.sent(token, None, left).await;
            } else {
                self.seen.release(token, false, left).await;
            }
        }
        if done { Outcome::Quiet } else { later }
    }

    /// Looks at the incident. Returns whether nothing is left to do for this message.
    async fn look(&self, wake: &Wake, queue_arn: &str, deadline: Deadline) -> bool {
        if wake.incident.starts_with(PREFIX) {
            return self.digests.flush(&wake.incident, deadline).await;
        }
        let Some((incident, event)) = self.incidents.load(&wake.incident, deadline).await else {
            return false;
        };
        if wake.number == 0 {
            return self.end_flapping(wake, deadline).await;
        }
        if !is_current(&incident, wake) {
            return true;
        }
        let alarm = event.transition.as_ref().map(|it| it.alarm.as_str());
        let left = deadline.left(self.world.machine_now()) / 2;
        let found = self
            .alarms
            .find(alarm.unwrap_or_default(), queue_arn, left)
            .await;
        let posted = posted(&incident);
        let reactions = match posted {
            Some(posted) => self.channels.reactions(posted, deadline).await,
            None => Vec::new(),
        };
        match decide(&incident, found, &reactions) {
            Decision::Close(closing) => self.close(wake, closing, deadline).await,
            Decision::Stop => {
                self.note_reminded(wake, REMINDERS_MAX, deadline).await;
                true
            }
            Decision::Skip => {
                let queued = self.queue_next(&incident, wake, deadline).await;
                self.note_reminded(wake, wake.number, deadline).await;
                queued
            }
            Decision::Remind => {
                // Queued first: a reminder that fails is repeated, but a chain that breaks is silent.
                if !self.queue_next(&incident, wake, deadline).await {
                    return false;
                }
                let event = face(&incident, event);
                let said = self.remind(&incident, &event, wake, deadline).await;
                if said {
                    self.note_reminded(wake, wake.number, deadline).await;
                }
                said
            }
        }
    }

    /// Says again that an alarm fires, beside its message.
    async fn remind(
        &self,
        incident: &Incident,
        event: &Event,
        wake: &Wake,
        deadline: Deadline,
    ) -> bool {
        let Some(route) = self.channels.route(&incident.route) else {
            // The route was removed from the configuration.
            return true;
        };
        let now = At::of(self.world.now());
        let fired_for = now.since(incident.fired_at.unwrap_or(incident.at)).max(0);
        let roles = roles(route, wake.number);
        let link = match posted(incident) {
            Some(posted) => self.channels.link(posted, deadline).await,
            None => None,
        };
        let compose = |_: &Options, _| reminder(event, fired_for, link.as_deref(), roles.clone());
        let beside = match posted(incident) {
            Some(posted) if posted.message_id.is_some() => {
                self.channels
                    .add(&route.name, posted, &compose, deadline)
                    .await
            }
            Some(_) | None => None,
        };
        let is_said = |end: &End| matches!(end, End::Accepted { .. });
        if beside.is_some_and(|sending| is_said(&sending.end)) {
            return true;
        }
        // The webhook or the thread is gone: the channel itself is better than silence.
        let whole = |options: &Options, detail| {
            let mut message = crate::render::render(event, options, detail);
            message.payload.allowed_mentions.roles.clone_from(&roles);
            message
        };
        let (sending, _) = self.channels.post(route, &whole, false, deadline).await;
        is_said(&sending.end)
    }

    async fn close(&self, wake: &Wake, closing: Closing, deadline: Deadline) -> bool {
        let at = At::of(self.world.now());
        let close = |incident: &mut Incident| {
            if is_current(incident, wake) && incident.close(closing, at) {
                Applied::Newer
            } else {
                Applied::Known
            }
        };
        is_shown(
            self.incidents
                .settle(&wake.incident, &close, false, deadline)
                .await,
        )
    }

    /// Ends flapping, or looks again when it may be over.
    async fn end_flapping(&self, wake: &Wake, deadline: Deadline) -> bool {
        let now = At::of(self.world.now());
        let calm = |incident: &mut Incident| {
            if incident.end_flapping(now) {
                Applied::Newer
            } else {
                Applied::Known
            }
        };
        let settled = self
            .incidents
            .settle(&wake.incident, &calm, false, deadline)
            .await;
        if !is_shown(settled) {
            return false;
        }
        let Some((incident, _)) = self.incidents.load(&wake.incident, deadline).await else {
            return false;
        };
        if incident.flapping {
            let last = incident.flips.last().copied().unwrap_or(now);
            let again = Wake {
                due: At(last.0.saturating_add(QUIET)),
                ..wake.clone()
            };
            return self.send(&again, deadline).await;
        }
        let forget = |incident: &mut Incident| {
            incident.flap_watched = incident.flapping;
            Applied::Newer
        };
        self.incidents.note(&wake.incident, &forget, deadline).await;
        true
    }

    /// Queues the next reminder, if there is one.
    async fn queue_next(&self, incident: &Incident, wake: &Wake, deadline: Deadline) -> bool {
        let number = wake.number + 1;
        let route = self.channels.route(&incident.route);
        let Some(due) = route.and_then(|route| due(route, incident.begun, number)) else {
            return true;
        };
        let next = Wake {
            number,
            due,
            ..wake.clone()
        };
        self.send(&next, deadline).await
    }

    async fn send(&self, wake: &Wake, deadline: Deadline) -> bool {
        let now = self.world.now();
        let delay = wake.delay(At::of(now)).unwrap_or_default();
        self.queue
            .wake(
                wake,
                delay,
                deadline.left_for_notes(self.world.machine_now()),
            )
            .await
    }

    async fn note_reminded(&self, wake: &Wake, number: u32, deadline: Deadline) {
        let count = |incident: &mut Incident| {
            if incident.opening == wake.opening {
                incident.reminded = incident.reminded.max(number);
            }
            Applied::Newer
        };
        self.incidents.note(&wake.incident, &count, deadline).await;
    }
}

/// The message of the newest opening: that of the incident's own route, else any.
fn posted(incident: &Incident) -> Option<&Posted> {
    let of_opening = |route: &String| {
        let view = incident.views.get(route)?;
        let posted = view.posted.as_ref();
        posted.filter(|_| view.opening == incident.opening)
    };
    of_opening(&incident.route).or_else(|| incident.views.keys().find_map(of_opening))
}

fn is_shown(tracked: Tracked) -> bool {
    match tracked {
        Tracked::Sent(sending) => matches!(sending.end, End::Accepted { .. }),
        Tracked::Known { .. } => true,
        Tracked::Busy(_) | Tracked::Unreachable => false,
    }
}
