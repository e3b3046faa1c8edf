//! Owns putting it all together: services, tables, secrets, functions, gateway, and their end.
//!
//! [`start`] is what `surefire serve` runs, and what a test runs in-process on port 0.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::{any, get};
use serde_json::json;
use shared::secret::Secret;
use shared::world::World;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::data::{DataDirectory, DataError};
use crate::functions::{Endpoints, Functions, StartError};
use crate::issuer;
use crate::schedule;
use crate::secrets::Store;
use crate::seed::{self, SeedError};
use crate::token::{self, Issuer, Request, TokenError};
use database::{DatabaseError, Embedded};
use discord::Discord;
use gateway::Gateway;
use gateway::access_log::AccessLog;
use template::{Kind, Template, TemplateError};

mod services;

pub(crate) use services::{Services, open_issuer_key, open_secrets};

use services::wait;

/// How long requests that have begun may take after the server was told to stop.
const DRAIN_MAX: Duration = Duration::from_secs(35);
/// How often items whose time has come are deleted.
const TTL_SWEEP: Duration = Duration::from_mins(1);

/// What to serve, and how.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, and any combination is meant"
)]
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
    /// A Redis that runs already and helps orders; without one they need none.
    pub redis: Option<Secret<String>>,
    /// A Discord webhook's URL, instead of the stand-in's.
    pub discord: Option<Secret<String>>,
    /// Whether demo products are put in.
    pub seed: bool,
    /// Whether the edge's headers are added.
    pub edge: bool,
    /// Whether functions run by the clock, too, as the template's schedules say.
    pub schedules: bool,
    /// How requests are logged.
    pub log: AccessLog,
    /// Time, randomness and waiting.
    pub world: World,
}

impl Options {
    /// Everything in memory on any free port, with this repository's template and demo products.
    pub fn in_memory() -> Self {
        Self {
            template: template::SHIPPED.to_owned(),
            parameters: Vec::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            memory: true,
            dynamodb: None,
            redis: None,
            discord: None,
            seed: true,
            edge: true,
            schedules: true,
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

    /// The template as the functions get it: with the program's own issuer among the
    /// [`issuer::PARAMETER`], if the template has that parameter.
    pub fn read_template_with(&self, endpoints: &Endpoints) -> Result<Template, TemplateError> {
        let template = self.read_template()?;
        let Some(given) = template.parameters.get(issuer::PARAMETER) else {
            return Ok(template);
        };
        let mut options = self.clone();
        options
            .parameters
            .retain(|(name, _)| name != issuer::PARAMETER);
        let value = issuer::additional(given, &endpoints.aws);
        options
            .parameters
            .push((issuer::PARAMETER.to_owned(), value));
        options.read_template()
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
    /// The program's own issuer has no key.
    #[error("the ES256 key cannot be kept: {0}")]
    IssuerKey(String),
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

/// Starts everything a template declares.
///
/// # Errors
/// One line for a person; nothing is left running.
pub async fn start(options: Options) -> Result<Running, Error> {
    let template = options.read_template()?;
    // First of all the address: a second server must not touch the data.
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.map_err(|error| Error::Listen(options.listen, error.to_string()))?;
    let address = listener
        .local_addr()
        .map_err(|error| Error::Listen(options.listen, error.to_string()))?;
    let services = Services::start(&options, &template).await?;
    let template = Arc::new(options.read_template_with(&services.endpoints)?);
    let functions =
        Arc::new(Functions::start(&template, &services.endpoints, &options.world).await?);
    if options.seed && template.function(Kind::Orders).is_some() {
        seed::seed(&template, &functions, &options.world).await?;
    }
    let gateway = Gateway {
        template: Arc::clone(&template),
        invoke: functions.invoker(),
        edge: options.edge,
        log: options.log,
        world: options.world.clone(),
    };
    services.announce(address)?;
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
    let mut background = if options.schedules {
        schedule::run(&template, &functions, &options.world)
    } else {
        JoinSet::new()
    };
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
        database::client(&self.dynamodb_url, &self.template.place)
    }

    /// A token of the local issuer, valid for an hour.
    pub fn token(&self, sub: &str, scope: &str) -> Result<String, TokenError> {
        self.sign(&Request {
            sub,
            ..Request::new(scope)
        })
    }

    /// A token of the issuer that signs with the algorithm that is asked for.
    pub fn sign(&self, request: &Request<'_>) -> Result<String, TokenError> {
        if request.algorithm == token::ES256 {
            return token::sign_with_key(&self.services.issuer_key, request, &self.world);
        }
        Issuer::of(&self.template)?.sign_with_store(&self.secrets, request, &self.world)
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
        // Their idle connections would be waited for.
        drop(self.functions);
        self.services.stop().await;
    }
}

fn router(gateway: Gateway, discord: &Arc<Discord>) -> Router {
    let health = || async { axum::Json(json!({"status": "ok"})) };
    let own = Router::new()
        .route("/_local/health", get(health))
        .nest("/_local/discord", discord::router(Arc::clone(discord)))
        .route(
            "/_local/discord/",
            get(|| async { Redirect::permanent("/_local/discord") }),
        )
        .route("/_local/{*rest}", any(|| async { StatusCode::NOT_FOUND }));
    own.fallback_service(gateway::router(gateway))
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
