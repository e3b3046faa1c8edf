//! The services that functions call: the database, the secrets and Discord, each on a loopback
//! port.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use shared::world::World;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::error::Error;
use super::options::Options;
use crate::data::{Held, Live};
use crate::fault::{Faults, Wrong};
use crate::functions::Endpoints;
use crate::issuer;
use crate::secrets::{self, Store};
use crate::watching::{Meter, Watching, cloudwatch};
use database::{Embedded, Front};
use discord::Discord;
use discord::fault::Fault as DiscordFault;
use template::{Kind, Template};

/// The path of the stand-in's webhook.
const WEBHOOK_PATH: &str = "/api/webhooks/1000000000000000001/local-webhook-token";

/// The services that functions call. They stop after the gateway.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) endpoints: Endpoints,
    pub(crate) secrets: Arc<Store>,
    pub(crate) issuer_key: Arc<issuer::Key>,
    pub(crate) discord: Arc<Discord>,
    pub(crate) discord_url: String,
    pub(super) embedded: Option<Arc<Embedded>>,
    /// The URL of the database itself, behind the server that breaks it.
    pub(super) database_url: String,
    pub(super) watching: Option<Arc<Watching>>,
    front: Option<Front>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
    // Dropped last, so that no other process opens the files before.
    held: Option<Held>,
}

impl Services {
    /// Starts the services of a template, and creates its tables and secrets.
    pub(crate) async fn start(options: &Options, template: &Template) -> Result<Self, Error> {
        let held = match &options.data {
            Some(directory) => Some(directory.hold(&options.world).await?),
            None => None,
        };
        Self::start_with(options, template, held).await
    }

    /// Starts the services with a data directory that this process holds.
    pub(crate) async fn start_with(
        options: &Options,
        template: &Template,
        held: Option<Held>,
    ) -> Result<Self, Error> {
        let secrets = open_secrets(template, held.as_ref(), &options.world)?;
        let issuer_key = open_issuer_key(held.as_ref(), &options.world)?;
        let (stop, stopped) = watch::channel(false);
        let mut servers = JoinSet::new();
        let watching = watching(options, template)?;
        let endpoint = secrets::endpoint::router(Arc::clone(&secrets), watching.clone());
        let endpoint = match &watching {
            Some(watching) => endpoint.merge(cloudwatch::router(Arc::clone(watching))),
            None => endpoint,
        };
        let aws = |url: &str| endpoint.merge(issuer::router(&issuer_key, url));
        let aws = listen_loopback(aws, &mut servers, stopped.clone()).await?;
        let clock = options.world.clone();
        let discord = Discord::with_clock(move || clock.now());
        let discord_url = listen_loopback(
            |_| discord::router(Arc::clone(&discord)),
            &mut servers,
            stopped.clone(),
        )
        .await?;
        let own = format!("{discord_url}{WEBHOOK_PATH}");
        let webhook = options
            .discord
            .as_ref()
            .map_or_else(|| own.clone(), |given| given.expose().clone());
        set_webhook(template, &secrets, &webhook)?;
        if let Some(watching) = &watching {
            let meter = watching.meter().clone();
            discord.script(move |_| meter.fault("discord").map(discord_fault));
        }
        let (dynamodb, embedded) = if let Some(url) = &options.dynamodb {
            (url.clone(), None)
        } else {
            let directory = held.as_ref().filter(|_| !options.memory);
            let file = directory.map(|held| held.directory().database_file());
            let embedded = Embedded::start(file.as_deref(), stopped.clone()).await?;
            (embedded.url.clone(), Some(Arc::new(embedded)))
        };
        let client = database::client(&dynamodb, &template.place);
        database::prepare(&client, &dynamodb, &template.tables).await?;
        // Only a database without TLS can be broken on demand.
        let breakable = watching
            .as_ref()
            .filter(|_| dynamodb.starts_with("http://"));
        let front = match breakable {
            Some(watching) => {
                let meter = Arc::new(watching.meter().clone());
                Some(Front::start(&dynamodb, meter, stopped).await?)
            }
            None => None,
        };
        let seen = front
            .as_ref()
            .map_or_else(|| dynamodb.clone(), |front| front.url.clone());
        Ok(Self {
            endpoints: Endpoints {
                dynamodb: seen,
                aws,
                redis: options.redis.clone(),
            },
            secrets,
            issuer_key,
            discord,
            discord_url,
            embedded,
            database_url: dynamodb,
            watching,
            front,
            stop,
            servers,
            held,
        })
    }

    /// Writes the addresses of these services for other commands.
    pub(super) fn announce(&self, address: SocketAddr) -> Result<(), Error> {
        let Some(held) = &self.held else {
            return Ok(());
        };
        Ok(held.announce(&Live {
            process: std::process::id(),
            api: format!("http://{address}"),
            endpoints: self.endpoints.clone(),
            discord: self.discord_url.clone(),
        })?)
    }

    /// Stops the services after they have answered their last requests.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.servers.join_next().await.is_some() {}
        if let Some(front) = self.front.take() {
            front.ended().await;
        }
        if let Some(embedded) = self.embedded.take().and_then(Arc::into_inner) {
            embedded.ended().await;
        }
        drop(self.held);
    }
}

/// The watch over the template's alarms, if it is wanted.
fn watching(options: &Options, template: &Template) -> Result<Option<Arc<Watching>>, Error> {
    if !options.watch {
        return Ok(None);
    }
    let meter = Meter::new(Faults::default(), options.pace, options.world.clone());
    let watching = Watching::new(&options.template, &options.parameters, template, meter)?;
    Ok(Some(watching))
}

/// How the stand-in for Discord fails.
fn discord_fault(wrong: Wrong) -> DiscordFault {
    match wrong {
        Wrong::Refuse => DiscordFault::Refuse,
        // Discord's code for a webhook that was deleted.
        Wrong::Gone => DiscordFault::Code(404, 10015),
        Wrong::Error | Wrong::Throttle | Wrong::Slow(_) | Wrong::Conflict => {
            DiscordFault::Status(503)
        }
    }
}

/// Serves on a free loopback port, and returns the URL; `router` makes the routes for this URL.
async fn listen_loopback(
    router: impl FnOnce(&str) -> Router,
    servers: &mut JoinSet<()>,
    stopped: watch::Receiver<bool>,
) -> Result<String, Error> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let failed = |error: std::io::Error| Error::Listen(loopback, error.to_string());
    let listener = TcpListener::bind(loopback).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let url = format!("http://{address}");
    let router = router(&url);
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(wait(stopped))
            .await
        {
            tracing::error!(%error, "a loopback service stopped");
        }
    });
    Ok(url)
}

pub(super) async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender was dropped, which also ends the server.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// The secrets of a template; missing ones are created.
pub(crate) fn open_secrets(
    template: &Template,
    held: Option<&Held>,
    world: &World,
) -> Result<Arc<Store>, Error> {
    let file = held.map(|held| held.directory().secrets_file());
    let failed = |error: std::io::Error| Error::Secrets(error.to_string());
    let store = Store::open(file, world.clone()).map_err(failed)?;
    store.create_missing(&template.secrets).map_err(failed)?;
    Ok(Arc::new(store))
}

/// The key of the program's own issuer; a missing one is created.
pub(crate) fn open_issuer_key(
    held: Option<&Held>,
    world: &World,
) -> Result<Arc<issuer::Key>, Error> {
    let file = held.map(|held| held.directory().issuer_file());
    let key = issuer::Key::open(file.as_deref(), world);
    Ok(Arc::new(
        key.map_err(|error| Error::IssuerKey(error.to_string()))?,
    ))
}

/// Puts the webhook's URL into the secret that the alert forwarder reads.
fn set_webhook(template: &Template, secrets: &Store, webhook: &str) -> Result<(), Error> {
    let forwarder = template.function(Kind::AlertForwarder);
    let id = forwarder.and_then(|(_, spec)| spec.environment.get("WEBHOOK_SECRET_ID"));
    match id {
        Some(id) => secrets
            .set_current(id, webhook)
            .map_err(|error| Error::Secrets(error.to_string())),
        None => Ok(()),
    }
}
