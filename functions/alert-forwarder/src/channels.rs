//! Posts a message by a route or its fallbacks, and edits one with the webhook that posted it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use shared::world::World;
use tokio::time::timeout;

use crate::deadline::Deadline;
use crate::discord::Call;
use crate::event::{Event, Severity};
use crate::incident::Posted;
use crate::message::{Detail, Message};
use crate::render::Options;
use crate::route::{Route, Routes};
use crate::send::{End, GivenUp, Letter, Sender, Sending};
use crate::webhook::{WebhookError, WebhookUrl};
use crate::webhooks::Webhooks;

/// How often the secret is read again while a circuit is open or the webhook is not usable: the secret
/// may hold a better one by then.
const SECRET_AGE_WHILE_UNUSABLE: Duration = Duration::from_mins(1);

/// The routes, their webhooks, and the sender that calls them.
#[derive(Debug)]
pub(crate) struct Channels {
    sender: Sender,
    webhooks: Webhooks,
    routes: Routes,
    /// The server of each webhook, by the webhook's id.
    guilds: Mutex<BTreeMap<String, String>>,
    world: World,
}

/// Writes a message for a route: the options have the route's roles and thread.
pub(crate) type Compose<'a> = &'a (dyn Fn(&Options, Detail) -> Message + Send + Sync);

impl Channels {
    pub(crate) fn new(sender: Sender, webhooks: Webhooks, routes: Routes, world: World) -> Self {
        Self {
            sender,
            webhooks,
            routes,
            guilds: Mutex::default(),
            world,
        }
    }

    /// The first route that takes an event.
    pub(crate) fn route_of(&self, event: &Event) -> Option<&Route> {
        self.routes.pick(event)
    }

    /// The route of a name, if it is still configured.
    pub(crate) fn route(&self, name: &str) -> Option<&Route> {
        self.routes.named(name)
    }

    /// Gives up if the route's webhook has to wait too long. A webhook that is not yet read is checked
    /// before its first call, and one whose circuit is open is not called: a fallback may be free.
    pub(crate) fn wait(
        &self,
        route: &Route,
        left: Duration,
        now: Timestamp,
    ) -> Result<(), GivenUp> {
        let webhook = self.webhooks.known(&route.webhook);
        let webhook =
            webhook.filter(|webhook| !self.sender.circuits.is_open(&route.name, webhook, now));
        self.sender.wait(webhook.as_ref(), left, now).map(drop)
    }

    /// Posts by the route, or by its fallbacks if a webhook is not usable. Returns where the message is.
    pub(crate) async fn post(
        &self,
        route: &Route,
        compose: Compose<'_>,
        maybe_sent: bool,
        deadline: Deadline,
    ) -> (Sending, Posted) {
        let mut tried: Vec<&str> = Vec::new();
        // A fallback mentions its own roles for whatever the alert's own route mentions somebody for.
        let mention_from = route.mention_from;
        let mut next = Some(route);
        // Fallbacks may form a ring, so no route is tried twice.
        while let Some(route) = next.filter(|route| !tried.contains(&route.name.as_str())) {
            tried.push(&route.name);
            if let Some(webhook) = self.usable_webhook(route, deadline).await {
                let least = mention_from.min(route.mention_from);
                let sending = self
                    .post_to(route, &webhook, least, compose, maybe_sent, deadline)
                    .await;
                if !matches!(sending.end, End::NoWebhook) {
                    let posted = place(route, &webhook, &sending.end);
                    return (sending, posted);
                }
            }
            next = self.routes.fallback_of(route);
        }
        let nobody = Sending {
            end: End::NoWebhook,
            in_doubt: maybe_sent,
        };
        (nobody, Posted::default())
    }

    async fn post_to(
        &self,
        route: &Route,
        webhook: &WebhookUrl,
        mention_from: Severity,
        compose: Compose<'_>,
        maybe_sent: bool,
        deadline: Deadline,
    ) -> Sending {
        let options = Options {
            mention_from: Some(mention_from),
            ..route.options()
        };
        let letter = Letter {
            route: &route.name,
            call: Call::Post,
            thread_id: route.thread_id.as_deref(),
            is_replaceable: false,
            compose: &|detail, in_doubt| {
                let options = Options {
                    possible_duplicate: in_doubt,
                    ..options.clone()
                };
                compose(&options, detail)
            },
        };
        self.sender
            .send(letter, webhook, maybe_sent, deadline)
            .await
    }

    /// Edits a message with the webhook that posted it. `None` if that webhook is not in the secret any
    /// more: no other one can edit the message.
    pub(crate) async fn edit(
        &self,
        route: &str,
        posted: &Posted,
        compose: Compose<'_>,
        deadline: Deadline,
    ) -> Option<Sending> {
        let call = Call::Edit(posted.message_id.as_deref()?);
        self.call(route, posted, call, compose, deadline).await
    }

    /// Posts a further message beside one: in its thread, with its webhook.
    pub(crate) async fn add(
        &self,
        route: &str,
        posted: &Posted,
        compose: Compose<'_>,
        deadline: Deadline,
    ) -> Option<Sending> {
        self.call(route, posted, Call::Post, compose, deadline)
            .await
    }

    async fn call(
        &self,
        route: &str,
        posted: &Posted,
        call: Call<'_>,
        compose: Compose<'_>,
        deadline: Deadline,
    ) -> Option<Sending> {
        let webhook = self.webhook(posted, deadline).await?;
        let options = self.route(route).map(Route::options).unwrap_or_default();
        let options = Options {
            thread_name: None,
            tags: Vec::new(),
            ..options
        };
        let letter = Letter {
            route,
            call,
            thread_id: posted.thread_id.as_deref(),
            is_replaceable: true,
            compose: &|detail, _| compose(&options, detail),
        };
        Some(self.sender.send(letter, &webhook, false, deadline).await)
    }

    /// The emoji with which people have reacted to a message.
    pub(crate) async fn reactions(&self, posted: &Posted, deadline: Deadline) -> Vec<String> {
        let (Some(webhook), Some(id)) = (self.webhook(posted, deadline).await, &posted.message_id)
        else {
            return Vec::new();
        };
        let url = webhook.message(id, posted.thread_id.as_deref());
        let message = self.sender.read(url, deadline).await.unwrap_or_default();
        let reactions = message.get("reactions").and_then(Value::as_array);
        let names = reactions.into_iter().flatten();
        names
            .filter_map(|reaction| reaction.pointer("/emoji/name")?.as_str())
            .map(str::to_owned)
            .collect()
    }

    /// The address of a message, if the webhook's server is known or can be asked for.
    pub(crate) async fn link(&self, posted: &Posted, deadline: Deadline) -> Option<String> {
        let (channel, message) = (posted.channel_id.as_ref()?, posted.message_id.as_ref()?);
        let known = {
            let guilds = self.guilds.lock().unwrap_or_else(PoisonError::into_inner);
            guilds.get(&posted.webhook_id).cloned()
        };
        let guild = if let Some(guild) = known {
            guild
        } else {
            let webhook = self.webhook(posted, deadline).await?;
            let described = self.sender.read(webhook.itself(), deadline).await?;
            let guild = described.get("guild_id")?.as_str()?.to_owned();
            let mut guilds = self.guilds.lock().unwrap_or_else(PoisonError::into_inner);
            guilds.insert(posted.webhook_id.clone(), guild.clone());
            guild
        };
        Some(format!(
            "https://discord.com/channels/{guild}/{channel}/{message}"
        ))
    }

    async fn webhook(&self, posted: &Posted, deadline: Deadline) -> Option<WebhookUrl> {
        let now = self.world.now();
        let found = self.webhooks.by_id(&posted.webhook_id, now);
        timeout(deadline.left(self.world.machine_now()), found)
            .await
            .ok()?
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

/// Where a posted message is.
fn place(route: &Route, webhook: &WebhookUrl, end: &End) -> Posted {
    let receipt = match end {
        End::Accepted { receipt, .. } => receipt.clone(),
        End::Refused | End::NoWebhook | End::Barred(_) | End::GivenUp(_) => {
            return Posted::default();
        }
    };
    let own_thread = route.thread_name.is_some();
    let thread_id = if own_thread {
        receipt.channel_id.clone()
    } else {
        route.thread_id.clone().or_else(|| webhook.own_thread())
    };
    Posted {
        message_id: receipt.id,
        webhook_id: webhook.id().to_owned(),
        thread_id,
        channel_id: receipt.channel_id,
        own_thread,
        digest: None,
    }
}
