//! Starts the functions, the gateway and the health checks, and stops them without losing an answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use gateway::{AccessLog, Front, Gateway};
use http::{Request, Response};
use shared::aws::{AwsConfig, MissingVariable, SharedCredentialsProvider};
use shared::world::World;
use template::{Kind, Place, Template, TemplateError};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::client::Clients;
use crate::connections;
use crate::functions::Functions;
use crate::health::{self, Health};
use crate::settings::{Settings, SettingsError};

/// How long the last requests may take after the program stopped accepting. It is more than the
/// gateway's own time-out.
const LAST_REQUESTS_MAX: Duration = Duration::from_secs(32);

/// Why the program does not start, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is not valid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A variable of AWS is missing.
    #[error("{0}")]
    Aws(#[from] MissingVariable),
    /// The template that is compiled in has faults under these settings.
    #[error("the template cannot be served: {0}")]
    Template(#[from] TemplateError),
    /// A function does not start.
    #[error("{function} does not start: {reason}")]
    Function {
        /// The function's binary.
        function: &'static str,
        /// The function's own message.
        reason: String,
    },
    /// An address is not free, or not of this machine.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, String),
}

/// A running program.
#[derive(Debug)]
pub struct Running {
    /// The address of the API.
    pub address: SocketAddr,
    /// The address of the health checks.
    pub health_address: SocketAddr,
    health: Arc<Health>,
    drain: Duration,
    world: World,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    background: [JoinHandle<()>; 2],
}

/// The database client and the name of the table that the orders function uses.
pub(crate) fn table(
    var: impl Fn(&str) -> Option<String>,
    aws: &AwsConfig,
) -> Result<(Client, String), StartError> {
    let config = orders::Config::with_aws(var, aws.clone());
    let config = config.map_err(|error| StartError::Function {
        function: "orders",
        reason: error.to_string(),
    })?;
    Ok((config.store.client(), config.store.table))
}

/// Reads the template that is compiled in, for the routes and the edge's headers.
pub(crate) fn template(
    var: impl Fn(&str) -> Option<String>,
    region: &str,
) -> Result<Template, TemplateError> {
    let place = Place {
        region: region.to_owned(),
        ..Place::default()
    };
    let value = |name: &str| var(name).unwrap_or_default();
    let (origins, headers) = (value("ALLOWED_ORIGINS"), value("ALLOWED_HEADERS"));
    let parameters = [
        ("AllowedOrigins", origins.as_str()),
        ("AllowedHeaders", headers.as_str()),
    ];
    Template::read_in(place, template::SHIPPED, parameters)
}

/// The environment, with the scopes that the template requires where no others are set.
pub(crate) fn with_scopes<'a>(
    template: &Template,
    var: &'a (impl Fn(&str) -> Option<String> + Sync),
) -> impl Fn(&str) -> Option<String> + Sync + 'a {
    const NAME: &str = "ROUTE_SCOPES";
    let authorizer = template.function(Kind::Authorizer);
    let scopes = authorizer.and_then(|(_, spec)| spec.environment.get(NAME).cloned());
    move |name| match (var(name).filter(|value| !value.is_empty()), name) {
        (None, NAME) => scopes.clone(),
        (None, _) => var(name),
        (set, _) => set,
    }
}

/// Starts the program: everything but the signals.
///
/// `var` reads the process' environment.
///
/// # Errors
/// Why it did not start; nothing is left running.
pub async fn start(
    settings: Settings,
    var: impl Fn(&str) -> Option<String> + Sync,
    credentials: SharedCredentialsProvider,
    world: World,
    log: AccessLog,
) -> Result<Running, StartError> {
    let aws = AwsConfig::with_credentials(&var, credentials)?;
    let (client, table) = table(&var, &aws)?;
    let template = template(&var, aws.region())?;
    let functions =
        Functions::start(&template, &with_scopes(&template, &var), &aws, &world).await?;
    let (listener, address) = listen(settings.listen).await?;
    let (health_listener, health_address) = listen(settings.health_listen).await?;
    let gateway = Gateway {
        template: Arc::new(template),
        invoke: functions.invoker(),
        front: Front::Balancer,
        // The load balancer's side limits the rate. This program limits what it does at once.
        throttle: None,
        at_once: Some(Semaphore::new(settings.requests_max)),
        body_bytes_max: settings.body_bytes_max,
        log,
        observe: None,
        world: world.clone(),
    };
    let health = Arc::new(Health::default());
    let app = router(gateway, settings.clients.clone());
    let app = connections::closing_while_draining(app, Arc::clone(&health));
    let (stop, stopped) = watch::channel(false);
    let connections_max = settings.connections_max;
    let server = connections::serve(listener, app, connections_max, stopped, world.clone());
    let checks = health::router(Arc::clone(&health));
    let (asked, clock) = (Arc::clone(&health), world.clone());
    Ok(Running {
        address,
        health_address,
        health,
        drain: settings.drain,
        stop,
        server: tokio::spawn(server),
        background: [
            tokio::spawn(async move {
                // It ends with the program.
                let _ = axum::serve(health_listener, checks).await;
            }),
            tokio::spawn(async move { asked.await_table(&client, &table, &clock).await }),
        ],
        world,
    })
}

impl Running {
    /// The URL of the API, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Drains: it is not ready from now on, goes on serving for a while, so that the load balancer
    /// notices, and then answers what is in flight.
    ///
    /// Returns whether every request in flight was answered.
    pub async fn stop(mut self) -> bool {
        self.health.drain();
        self.world.sleep(self.drain).await;
        let _ = self.stop.send(true);
        let ended = tokio::time::timeout(LAST_REQUESTS_MAX, &mut self.server).await;
        if ended.is_err() {
            self.server.abort();
        }
        for task in &self.background {
            task.abort();
        }
        ended.is_ok()
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let fault = |error: std::io::Error| StartError::Listen(address, error.to_string());
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let bound = listener.local_addr().map_err(fault)?;
    Ok((listener, bound))
}

/// The headers that a client could use to claim an address. The gateway writes the first itself.
const CLAIMS: [&str; 2] = ["x-forwarded-for", "forwarded"];

fn router(gateway: Gateway, clients: Clients) -> Router {
    Router::new()
        .fallback(answer)
        .with_state(Arc::new((gateway, clients)))
}

async fn answer(
    State(state): State<Arc<(Gateway, Clients)>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request<Body>,
) -> Response<Body> {
    let (gateway, clients) = &*state;
    let client = clients.address(peer.ip(), request.headers());
    for name in CLAIMS {
        request.headers_mut().remove(name);
    }
    gateway.answer(client, request).await
}
