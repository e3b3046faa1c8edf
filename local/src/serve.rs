//! Owns putting it all together: services, tables, secrets, functions, gateway, and their end.
//!
//! [`start`] is what `surefire serve` runs, and what a test runs in-process on port 0.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::json;
use shared::world::World;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::access_log::AccessLog;
use crate::data::{DataDirectory, DataError, Held, Live};
use crate::discord::{self, Discord};
use crate::dynamodb::{self, DatabaseError, Embedded};
use crate::functions::{Endpoints, Functions, StartError};
use crate::gateway::{self, Gateway};
use crate::schedule;
use crate::secrets::{self, Store};
use crate::seed::{self, SeedError};
use crate::template::{Kind, Template, TemplateError};
use crate::token::{Issuer, Request, TokenError};

/// How long requests that have begun may take after the server was told to stop.
const DRAIN_MAX: Duration = Duration::from_secs(35);
/// How often items whose time has come are deleted.
const TTL_SWEEP: Duration = Duration::from_secs(60);
/// The path of the stand-in's webhook.
const WEBHOOK_PATH: &str = "/api/webhooks/1000000000000000001/local-webhook-token";

/// The template of this repository, as it was when the program was built.
const TEMPLATE: &str = include_str!("../../template.yaml");

/// What to serve, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The template's text.
    pub template: String,
    /// Values of the template's parameters.
    pub parameters: Vec<(String, String)>,
    /// Where to listen; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where data is kept; without one everything is in memory, secrets too.
    pub data: Option<DataDirectory>,
    /// Whether orders are kept in memory only.
    pub memory: bool,
    /// A DynamoDB that runs already, instead of the embedded one.
    pub dynamodb: Option<String>,
    /// A Discord webhook, instead of the stand-in's.
    pub discord: Option<String>,
    /// Whether demo products are put in.
    pub seed: bool,
    /// Whether the edge's headers are added.
    pub edge: bool,
    /// How requests are logged.
    pub log: AccessLog,
    /// Time, randomness and waiting.
    pub world: World,
}

impl Options {
    /// Everything in memory on any free port, with this repository's template and demo products.
    pub fn in_memory() -> Self {
        Self {
            template: TEMPLATE.to_owned(),
            parameters: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            memory: true,
            dynamodb: None,
            discord: None,
            seed: true,
            edge: true,
            log: AccessLog::Off,
            world: World::real(),
        }
    }

    /// The template, evaluated with the parameters.
    pub fn read_template(&self) -> Result<Template, TemplateError> {
        let parameters = self.parameters.iter();
        Template::read(
            &self.template,
            parameters.map(|(name, value)| (name.as_str(), value.as_str())),
        )
    }
}

/// Why nothing is served; each is one line for a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template cannot be served.
    #[error("the template cannot be served: {0}")]
    Template(#[from] TemplateError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The secrets cannot be kept.
    #[error("the secrets cannot be kept: {0}")]
    Secrets(String),
    /// A function does not start.
    #[error(transparent)]
    Function(#[from] StartError),
    /// The demo products cannot be put in.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The address cannot be had.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, String),
    /// A token cannot be made.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// The address of the API.
    pub address: SocketAddr,
    /// The URL of DynamoDB.
    pub dynamodb_url: String,
    /// The URL of Secrets Manager.
    pub secrets_url: String,
    /// The Discord stand-in.
    pub discord: Arc<Discord>,
    /// The stand-in's own address: `/` is its page.
    pub discord_url: String,
    /// What is served.
    pub template: Arc<Template>,
    /// The functions, to be invoked past the gateway.
    pub functions: Arc<Functions>,
    /// The secrets.
    pub secrets: Arc<Store>,
    services: Services,
    world: World,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    background: JoinSet<()>,
}

/// The services that functions call; they outlive the gateway.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) endpoints: Endpoints,
    pub(crate) secrets: Arc<Store>,
    pub(crate) discord: Arc<Discord>,
    pub(crate) discord_url: String,
    embedded: Option<Arc<Embedded>>,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
    // The last to go: until then nobody else opens the files.
    held: Option<Held>,
}

impl Services {
    /// Starts the services of a template: its tables and secrets are there afterwards.
    pub(crate) async fn start(options: &Options, template: &Template) -> Result<Self, Error> {
        let held = match &options.data {
            Some(directory) => Some(directory.hold(&options.world).await?),
            None => None,
        };
        Self::start_with(options, template, held).await
    }

    /// Starts the services with a data directory that is held already.
    pub(crate) async fn start_with(
        options: &Options,
        template: &Template,
        held: Option<Held>,
    ) -> Result<Self, Error> {
        let secrets = open_secrets(template, held.as_ref(), &options.world)?;
        let (stop, stopped) = watch::channel(false);
        let mut servers = JoinSet::new();
        let endpoint = secrets::endpoint::router(Arc::clone(&secrets));
        let aws = listen_loopback(endpoint, &mut servers, stopped.clone()).await?;
        let discord = Discord::new();
        let discord_url = listen_loopback(
            discord::router(Arc::clone(&discord)),
            &mut servers,
            stopped.clone(),
        )
        .await?;
        let webhook = options
            .discord
            .clone()
            .unwrap_or_else(|| format!("{discord_url}{WEBHOOK_PATH}"));
        set_webhook(template, &secrets, &webhook)?;
        let (dynamodb, embedded) = match &options.dynamodb {
            Some(url) => (url.clone(), None),
            None => {
                let directory = held.as_ref().filter(|_| !options.memory);
                let file = directory.map(|held| held.directory().database_file());
                let embedded = Embedded::start(file.as_deref(), stopped).await?;
                (embedded.url.clone(), Some(Arc::new(embedded)))
            }
        };
        let client = dynamodb::client(&dynamodb, &template.place);
        dynamodb::prepare(&client, &dynamodb, &template.tables).await?;
        Ok(Self {
            endpoints: Endpoints { dynamodb, aws },
            secrets,
            discord,
            discord_url,
            embedded,
            stop,
            servers,
            held,
        })
    }

    /// Stops the services, the last request answered first.
    pub(crate) async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.servers.join_next().await.is_some() {}
        if let Some(embedded) = self.embedded.take().and_then(Arc::into_inner) {
            embedded.ended().await;
        }
        drop(self.held);
    }
}

/// Starts everything a template declares.
///
/// # Errors
/// One line for a person; nothing is left running.
pub async fn start(options: Options) -> Result<Running, Error> {
    let template = Arc::new(options.read_template()?);
    // First of all the address: a second server must not touch the data.
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.map_err(|error| Error::Listen(options.listen, error.to_string()))?;
    let address = listener
        .local_addr()
        .map_err(|error| Error::Listen(options.listen, error.to_string()))?;
    let services = Services::start(&options, &template).await?;
    let functions =
        Arc::new(Functions::start(&template, &services.endpoints, &options.world).await?);
    if options.seed && template.function(Kind::Orders).is_some() {
        seed::seed(&template, &functions, &options.world).await?;
    }
    let gateway = Arc::new(Gateway {
        template: Arc::clone(&template),
        functions: Arc::clone(&functions),
        edge: options.edge,
        log: options.log,
        world: options.world.clone(),
    });
    if let Some(held) = &services.held {
        held.announce(&Live {
            process: std::process::id(),
            api: format!("http://{address}"),
            endpoints: services.endpoints.clone(),
            discord: services.discord_url.clone(),
        })?;
    }
    let (stop, stopped) = watch::channel(false);
    let app =
        router(gateway, &services.discord).into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move {
        let served = axum::serve(listener, app)
            .with_graceful_shutdown(wait(stopped))
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the gateway stopped");
        }
    });
    let mut background = schedule::run(&template, &functions, &options.world);
    if let Some(embedded) = &services.embedded {
        background.spawn(sweep(Arc::clone(embedded)));
    }
    Ok(Running {
        address,
        dynamodb_url: services.endpoints.dynamodb.clone(),
        secrets_url: services.endpoints.aws.clone(),
        discord: Arc::clone(&services.discord),
        discord_url: services.discord_url.clone(),
        template,
        functions,
        secrets: Arc::clone(&services.secrets),
        world: options.world,
        services,
        stop,
        server,
        background,
    })
}

impl Running {
    /// The URL of the API, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of the database that the functions use.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        dynamodb::client(&self.dynamodb_url, &self.template.place)
    }

    /// A token of the local issuer, valid for an hour.
    pub fn token(&self, sub: &str, scope: &str) -> Result<String, TokenError> {
        let request = Request {
            sub,
            scope,
            ..Request::default()
        };
        Issuer::of(&self.template)?.sign_with_store(&self.secrets, &request, &self.world)
    }

    /// Stops: what has begun is answered, nothing new is.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        // A client that never ends its request must not keep the program.
        if tokio::time::timeout(DRAIN_MAX, &mut self.server)
            .await
            .is_err()
        {
            self.server.abort();
        }
        self.background.shutdown().await;
        self.services.stop().await;
    }
}

fn router(gateway: Arc<Gateway>, discord: &Arc<Discord>) -> Router {
    let health = || async { axum::Json(json!({"status": "ok"})) };
    let own = Router::new()
        .route("/_local/health", get(health))
        .nest("/_local/discord", discord::router(Arc::clone(discord)));
    let gateway = Router::new().fallback(gateway::serve).with_state(gateway);
    own.fallback_service(gateway)
}

/// Serves a router on a loopback port of its own.
async fn listen_loopback(
    router: Router,
    servers: &mut JoinSet<()>,
    stopped: watch::Receiver<bool>,
) -> Result<String, Error> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let failed = |error: std::io::Error| Error::Listen(loopback, error.to_string());
    let listener = TcpListener::bind(loopback).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(wait(stopped))
            .await
        {
            tracing::error!(%error, "a loopback service stopped");
        }
    });
    Ok(format!("http://{address}"))
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error is a dropped sender: also the end.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// The secrets of a template, each created at the first start.
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

/// Puts the webhook's URL where the alert forwarder looks for it.
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

async fn sweep(embedded: Arc<Embedded>) {
    let mut ticks = tokio::time::interval(TTL_SWEEP);
    loop {
        ticks.tick().await;
        embedded.delete_expired().await;
    }
}

#[cfg(test)]
mod tests;
