//! Starts and stops everything: services, tables, secrets, functions and the gateway.
//!
//! `surefire serve` calls [`start`]; tests call it too, on port 0.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::Redirect;
use axum::routing::{any, get};
use serde_json::json;
use shared::world::World;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::functions::Functions;
use crate::pages::{self, Pages};
use crate::secrets::Store;
use crate::token::{self, Issuer, Request, TokenError};
use crate::watching::{self, Watching};
use crate::{schedule, seed};
use database::Embedded;
use discord::Discord;
use gateway::{BODY_BYTES_MAX, Bucket, Front, Gateway, Observe};
use template::{Kind, Template};

mod connections;
mod error;
mod options;
mod services;

pub use error::Error;
pub use options::Options;
pub(crate) use services::{Services, open_issuer_key, open_secrets};

/// How long requests in flight may take after the server begins to stop.
const DRAIN_MAX: Duration = Duration::from_secs(35);
/// How often items whose time to live has ended are deleted.
const TTL_SWEEP: Duration = Duration::from_mins(1);

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// The address of the API.
    pub address: SocketAddr,
    /// The URL of DynamoDB itself, which no fault breaks.
    pub dynamodb_url: String,
    /// The URL of Secrets Manager.
    pub secrets_url: String,
    /// The Discord stand-in.
    pub discord: Arc<Discord>,
    /// The template that is served.
    pub template: Arc<Template>,
    /// The functions, to invoke without the gateway.
    pub functions: Arc<Functions>,
    /// The secrets.
    pub secrets: Arc<Store>,
    /// The watch over the alarms, if there is one.
    pub watching: Option<Arc<Watching>>,
    services: Services,
    world: World,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    background: JoinSet<()>,
}

/// Starts everything a template declares.
///
/// # Errors
/// Why it did not start, in one line; nothing is left running.
pub async fn start(options: Options) -> Result<Running, Error> {
    let template = options.read_template()?;
    // The address comes first, so that a second server does not touch the data.
    let listener = TcpListener::bind(options.listen).await;
    let listener = listener.map_err(|error| Error::Listen(options.listen, error.to_string()))?;
    let address = listener
        .local_addr()
        .map_err(|error| Error::Listen(options.listen, error.to_string()))?;
    let services = Services::start(&options, &template).await?;
    let template = Arc::new(options.read_template_with(&services.endpoints)?);
    let watching = services.watching.clone();
    let functions = Functions::start(&template, &services.endpoints, &options.world).await?;
    let functions = Arc::new(match &watching {
        Some(watching) => functions.watched(watching),
        None => functions,
    });
    if options.seed && template.function(Kind::Orders).is_some() {
        seed::seed(&template, &functions, &options.world).await?;
    }
    let gateway = gateway(&options, &template, &functions, watching.as_ref());
    services.announce(address)?;
    let (stop, stopped) = watch::channel(false);
    let pages = Pages {
        template: Arc::clone(&template),
        secrets: Arc::clone(&services.secrets),
        world: options.world.clone(),
    };
    let app = router(gateway, &services.discord, watching.as_ref(), pages);
    let server = tokio::spawn(connections::serve(
        listener,
        app,
        stopped,
        options.world.clone(),
    ));
    let mut background = JoinSet::new();
    if let Some(watching) = &watching {
        watching.connect(Some(functions.invoker()));
        for fault in &options.faults {
            watching.faults().add(fault, options.world.now());
        }
    }
    if options.schedules {
        let (world, tasks) = (&options.world, &mut background);
        schedule::run(&template, &functions, world, watching.as_ref(), tasks);
        if let Some(watching) = &watching {
            watching::run(watching, tasks);
        }
    }
    if let Some(embedded) = &services.embedded {
        background.spawn(sweep(Arc::clone(embedded)));
    }
    Ok(Running {
        address,
        dynamodb_url: services.database_url.clone(),
        secrets_url: services.endpoints.aws.clone(),
        discord: Arc::clone(&services.discord),
        template,
        functions,
        secrets: Arc::clone(&services.secrets),
        watching,
        world: options.world,
        services,
        stop,
        server,
        background,
    })
}

/// The gateway in front of the functions.
fn gateway(
    options: &Options,
    template: &Arc<Template>,
    functions: &Arc<Functions>,
    watching: Option<&Arc<Watching>>,
) -> Gateway {
    Gateway {
        template: Arc::clone(template),
        invoke: functions.invoker(),
        front: if options.edge {
            Front::Edge
        } else {
            Front::Nothing
        },
        at_once: None,
        body_bytes_max: BODY_BYTES_MAX,
        throttle: template
            .throttle
            .filter(|_| options.throttle)
            .map(|limit| Bucket::full(limit, options.world.now())),
        log: options.log,
        observe: watching.map(observe),
        world: options.world.clone(),
    }
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

    /// A token of the issuer that signs with the request's algorithm.
    pub fn sign(&self, request: &Request<'_>) -> Result<String, TokenError> {
        if request.algorithm == token::ES256 {
            return token::sign_with_key(&self.services.issuer_key, request, &self.world);
        }
        Issuer::of(&self.template)?.sign_with_store(&self.secrets, request, &self.world)
    }

    /// Stops the server: it answers the requests in flight and accepts no more.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        // A client that never ends its request must not keep the program running.
        if tokio::time::timeout(DRAIN_MAX, &mut self.server)
            .await
            .is_err()
        {
            self.server.abort();
        }
        self.background.shutdown().await;
        // The services wait for the functions' idle connections, so these close first.
        if let Some(watching) = &self.watching {
            watching.connect(None);
        }
        drop(self.functions);
        self.services.stop().await;
    }
}

/// Counts the gateway's answers.
fn observe(watching: &Arc<Watching>) -> Observe {
    let meter = watching.meter().clone();
    Arc::new(move |observed| meter.api_answered(observed))
}

fn router(
    gateway: Gateway,
    discord: &Arc<Discord>,
    watching: Option<&Arc<Watching>>,
    pages: Pages,
) -> Router {
    let health = || async { axum::Json(json!({"status": "ok"})) };
    let own = Router::new()
        .route("/_local/health", get(health))
        .nest("/_local/discord", discord::router(Arc::clone(discord)))
        .route(
            "/_local/discord/",
            get(|| async { Redirect::permanent("/_local/discord") }),
        )
        .route("/_local/{*rest}", any(|| async { StatusCode::NOT_FOUND }));
    let own = match watching {
        Some(watching) => own.merge(watching::page::router(Arc::clone(watching))),
        None => own,
    };
    let own = own.merge(pages::router(pages));
    let api = gateway::router(gateway).layer(from_fn(pages::front_door));
    own.route_layer(from_fn(pages::guard::guard))
        .fallback_service(api)
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
