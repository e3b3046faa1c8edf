//! Delivers one message: claims it, sends it by its route or a fallback, and records the result.

use std::time::Duration;

use jiff::Timestamp;
use shared::world::World;
use tokio::time::timeout;

use crate::deadline::Deadline;
use crate::envelope::Notification;
use crate::event::Event;
use crate::outcome::{Outcome, Why};
use crate::route::{Route, Routes};
use crate::seen::{Claim, Seen, Token};
use crate::send::{End, GivenUp, Sender, Sending};
use crate::webhook::{WebhookError, WebhookUrl};
use crate::webhooks::Webhooks;

/// How often the secret is read again while a circuit is open or the webhook is not usable: the secret
/// may hold a better one by then.
const SECRET_AGE_WHILE_UNUSABLE: Duration = Duration::from_mins(1);

/// Delivers messages. Holds the routes, their webhooks, and the table of what was sent.
#[derive(Debug)]
pub(crate) struct Deliverer {
    sender: Sender,
    webhooks: Webhooks,
    seen: Seen,
    routes: Routes,
    world: World,
}

impl Deliverer {
    pub(crate) fn new(
        sender: Sender,
        webhooks: Webhooks,
        seen: Seen,
        routes: Routes,
        world: World,
    ) -> Self {
        Self {
            sender,
            webhooks,
            seen,
            routes,
            world,
        }
    }

    /// The first route that takes an event.
    pub(crate) fn route_of(&self, event: &Event) -> Option<&Route> {
        self.routes.pick(event)
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
        if let Err(given_up) = self.wait(route, left, now) {
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
            Claim::Sent => return Outcome::Suppressed,
            Claim::Live(wait) => {
                return Outcome::HandedBack {
                    why: Why::Claimed,
                    wait: Some(wait),
                };
            }
        };
        let sending = self
            .send_by_routes(event, route, maybe_sent, deadline)
            .await;
        self.settle(event, token.as_ref(), &sending, deadline).await
    }

    /// Gives up if the route's webhook has to wait too long. A webhook that is not yet read is checked
    /// before its first call, and one whose circuit is open is not called: a fallback may be free.
    fn wait(&self, route: &Route, left: Duration, now: Timestamp) -> Result<(), GivenUp> {
        let webhook = self.webhooks.known(&route.webhook);
        let webhook =
            webhook.filter(|webhook| !self.sender.circuits.is_open(&route.name, webhook, now));
        self.sender.wait(webhook.as_ref(), left, now).map(drop)
    }

    /// Records the result of a claim, and turns it into the message's outcome.
    async fn settle(
        &self,
        event: &Event,
        token: Option<&Token>,
        sending: &Sending,
        deadline: Deadline,
    ) -> Outcome {
        if let Some(token) = token {
            let left = deadline.left_for_notes(self.world.machine_now());
            match &sending.end {
                End::Accepted { id, .. } => self.seen.sent(token, id.as_deref(), left).await,
                End::Refused | End::NoWebhook | End::GivenUp(_) => {
                    self.seen.release(token, sending.in_doubt, left).await;
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
            End::NoWebhook => Outcome::HandedBack {
                why: Why::NoWebhook,
                wait: None,
            },
            End::GivenUp(given_up) => ended(*given_up),
        }
    }

    /// Sends by the route, or by its fallbacks if a webhook is not usable.
    async fn send_by_routes(
        &self,
        event: &Event,
        route: &Route,
        maybe_sent: bool,
        deadline: Deadline,
    ) -> Sending {
        let mut tried: Vec<&str> = Vec::new();
        // A fallback mentions its own roles for whatever the alert's own route mentions somebody for.
        let mention_from = route.mention_from;
        let mut next = Some(route);
        // Fallbacks may form a ring, so no route is tried twice.
        while let Some(route) = next.filter(|route| !tried.contains(&route.name.as_str())) {
            tried.push(&route.name);
            if let Some(webhook) = self.usable_webhook(route, deadline).await {
                let sending = self
                    .sender
                    .send(
                        event,
                        route,
                        &webhook,
                        mention_from.min(route.mention_from),
                        maybe_sent,
                        deadline,
                    )
                    .await;
                if !matches!(sending.end, End::NoWebhook) {
                    return sending;
                }
            }
            next = self.routes.fallback_of(route);
        }
        Sending {
            end: End::NoWebhook,
            in_doubt: maybe_sent,
        }
    }

    /// The route's webhook, unless it is not valid or its circuit is open.
    async fn usable_webhook(&self, route: &Route, deadline: Deadline) -> Option<WebhookUrl> {
        let now = self.world.now();
        let read = async {
            let (webhooks, key) = (&self.webhooks, &route.webhook);
            if self.sender.circuits.is_open_for_any(&route.name, now) {
                return webhooks
                    .not_older_than(SECRET_AGE_WHILE_UNUSABLE, key, now)
                    .await;
            }
            match webhooks.get(key, now).await {
                found @ (Ok(_) | Err(WebhookError::Unreadable)) => found,
                Err(_) => {
                    webhooks
                        .not_older_than(SECRET_AGE_WHILE_UNUSABLE, key, now)
                        .await
                }
            }
        };
        let found = timeout(deadline.left(self.world.machine_now()), read).await;
        match found.unwrap_or(Err(WebhookError::Unreadable)) {
            Ok(webhook) if self.sender.circuits.is_open(&route.name, &webhook, now) => {
                tracing::warn!(route = route.name, "the route's circuit is open");
                None
            }
            Ok(webhook) => Some(webhook),
            Err(error) => {
                let (route, key, secret) = (&route.name, &route.webhook, self.webhooks.secret_id());
                tracing::error!(route, key, secret, "the webhook {error}");
                None
            }
        }
    }
}

const fn ended(given_up: GivenUp) -> Outcome {
    Outcome::HandedBack {
        why: given_up.why,
        wait: given_up.wait,
    }
}
