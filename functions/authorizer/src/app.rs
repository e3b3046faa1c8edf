//! Answers an event: reads it, verifies its token, checks the route's scopes, logs the decision.

use std::cell::LazyCell;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_secretsmanager::Client as SecretsManager;
use aws_sdk_secretsmanager::config::Builder as SecretsManagerConfig;
use futures::FutureExt as _;
use futures::future::join_all;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::aws::AwsConfig;
use shared::caller::Caller;
use shared::telemetry::invocation_span;
use shared::world::World;
use tracing::Instrument as _;

use crate::audit::{self, Refusal, SERVICE, Trail};
use crate::cache::{Cause, KeyCache};
use crate::config::Config;
use crate::denial::Denial;
use crate::error::{Error, StartError};
use crate::event::Event;
use crate::fetch::{Fixed, Source};
use crate::fetch_error::FetchError;
use crate::http::{self, Client};
use crate::issuer::{Issuer, KeySource};
use crate::jwks::{self, Origin};
use crate::keys::{KeySet, KeySetError};
use crate::policy::Required;
use crate::token::{self, Decoded};
use crate::verify::Unverified;

/// The authorizer of one process.
#[derive(Debug)]
pub struct App {
    config: Config,
    /// One cache for each issuer, in the same order.
    caches: Vec<KeyCache>,
    world: World,
    cold: AtomicBool,
}

/// Answers an event of an HTTP API's Lambda authorizer (payload format 2.0)
/// with a simple response.
///
/// # Errors
/// [`Error`] if the request cannot be decided; the gateway then answers 500.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let cold_start = app.cold.swap(false, Ordering::Relaxed);
    let context = &event.context;
    let span = invocation_span(
        SERVICE,
        &context.request_id,
        context.xray_trace_id.as_deref(),
        cold_start,
    );
    app.answer(&event.payload).instrument(span).await
}

impl App {
    /// Starts with the key sources of the configuration.
    ///
    /// Shared secrets are read now, so that an unusable one stops the start. A
    /// secret that cannot be read does not: it is read again at the first
    /// request, which fails if the second attempt fails too.
    ///
    /// # Errors
    /// One line that names the issuer with the unusable secret, or the missing
    /// AWS setting.
    pub async fn new(config: Config, world: World) -> Result<Self, StartError> {
        let sources = sources(&config)?;
        let app = Self::with_sources(config, sources, world);
        let secret_caches = app
            .config
            .issuers
            .iter()
            .zip(&app.caches)
            .filter(|(issuer, _)| matches!(issuer.keys, KeySource::Secret { .. }));
        let first = join_all(secret_caches.map(async |(issuer, cache)| {
            match cache.fetch(Cause::Age, &app.world).await {
                Err(FetchError::Refused(cause)) => Err(StartError::Secret {
                    issuer: issuer.name.clone(),
                    cause,
                }),
                _ => Ok(()),
            }
        }));
        first
            .await
            .into_iter()
            .collect::<Result<(), StartError>>()?;
        Ok(app)
    }

    /// Fetches the keys of every issuer now, and returns what went wrong for each that
    /// failed: its name, and a reason that quotes no secret.
    pub async fn key_faults(&self) -> Vec<(String, String)> {
        let fetched = join_all(self.caches.iter().map(async |cache| {
            let fetched = cache.fetch(Cause::Age, &self.world).await;
            let fault = fetched.err().map(|fault| fault.to_string());
            fault.map(|fault| (cache.issuer().to_owned(), fault))
        }));
        fetched.await.into_iter().flatten().collect()
    }

    /// Starts with keys given by hand, and fetches none.
    ///
    /// `secret` sets the key of HMAC issuers. `jwks` sets the keys of all others,
    /// and of HMAC issuers too when `secret` is absent. A token may name any key
    /// id. If the JWK set is refused, every event is an error.
    ///
    /// # Errors
    /// The secret is unusable for an issuer, as in [`App::new`].
    pub fn with_fixed_keys(
        config: Config,
        jwks: Option<&str>,
        secret: Option<&str>,
        world: World,
    ) -> Result<Self, StartError> {
        let set = match jwks {
            Some(text) => jwks::read(text.as_bytes(), Origin::Given),
            None => Err(KeySetError::new("no keys were given for this issuer")),
        };
        let mut sources = Vec::with_capacity(config.issuers.len());
        for issuer in &config.issuers {
            let keys = match (&issuer.keys, secret) {
                (KeySource::Secret { .. }, Some(value)) => {
                    let read = KeySet::from_secret(value, issuer.secret_bytes_min());
                    Ok(read.map_err(|cause| StartError::Secret {
                        issuer: issuer.name.clone(),
                        cause,
                    })?)
                }
                (KeySource::Secret { .. }, None)
                | (KeySource::Jwks(_) | KeySource::Discovery(_), _) => set.clone(),
            };
            sources.push(Source::Fixed(Fixed(keys.map(KeySet::for_any_kid))));
        }
        Ok(Self::with_sources(config, sources, world))
    }

    /// Starts with one key source for each issuer, in the same order.
    pub(crate) fn with_sources(config: Config, sources: Vec<Source>, world: World) -> Self {
        let caches = config
            .issuers
            .iter()
            .zip(sources)
            .map(|(issuer, source)| KeyCache::new(&issuer.name, source))
            .collect();
        Self {
            config,
            caches,
            world,
            cold: AtomicBool::new(true),
        }
    }

    /// The issuers of the configuration.
    pub(crate) fn issuers(&self) -> &[Issuer] {
        &self.config.issuers
    }

    /// What a route requires; `None` if it is not listed.
    pub(crate) fn required(&self, route_key: &str) -> Option<&Required> {
        self.config.routes.0.get(route_key)
    }

    /// Decides, logs the decision, and answers. A panic on the way is an error.
    async fn answer(&self, event: &Value) -> Result<Value, Error> {
        let mut trail = Trail::default();
        let decided = AssertUnwindSafe(async {
            let decided = self.decide(event, &mut trail).await;
            let outcome = decided.as_ref().map(|_| ()).map_err(|refusal| *refusal);
            audit::record(outcome, &trail, self.world.now());
            decided
        });
        match decided.catch_unwind().await {
            Ok(Ok(caller)) => Ok(allowed(&caller, trail.jti_hash)),
            Ok(Err(Refusal::Denied(_))) => Ok(json!({"isAuthorized": false})),
            Ok(Err(Refusal::Failed(error))) => Err(error),
            // The panic's payload is dropped unread: its text can quote the token.
            Err(_) => {
                let outcome = Err(Refusal::Failed(Error::Panicked));
                let record = || audit::record(outcome, &trail, self.world.now());
                // If the record itself panicked, only the error is left to return.
                let _ = std::panic::catch_unwind(AssertUnwindSafe(record));
                Err(Error::Panicked)
            }
        }
    }

    pub(crate) async fn decide(&self, event: &Value, trail: &mut Trail) -> Result<Caller, Refusal> {
        let event = Event::read(event).map_err(|_| Refusal::Failed(Error::WrongEvent))?;
        let route_key = event.route_key();
        let listed = route_key
            .ok()
            .and_then(|route_key| self.config.routes.listed(route_key));
        trail.route = listed.map(str::to_owned);
        let proven = async {
            let token = token::extract(event.authorization()?)?;
            let caller = self.prove(token, trail).await?;
            self.config.routes.permit(route_key?, &caller)?;
            Ok(caller)
        };
        proven.await.map_err(|denial| match denial {
            Denial::KeysUnavailable => Refusal::Failed(Error::KeysUnavailable),
            denial => Refusal::Denied(denial),
        })
    }

    /// Makes the checks of [`crate::verify()`], and fetches the keys in between.
    async fn prove(&self, token: &str, trail: &mut Trail) -> Result<Caller, Denial> {
        let decoded = Decoded::read(token)?;
        let unverified = Unverified::parse(&decoded)?;
        trail.jti_hash = unverified.jti_hash();
        let issuer = unverified.issuer(&self.config.issuers)?;
        trail.issuer = Some(issuer.name.clone());
        let named = |cache: &&KeyCache| cache.issuer() == issuer.name;
        let cache = self
            .caches
            .iter()
            .find(named)
            .ok_or(Denial::KeysUnavailable)?;
        let keys = cache.keys(unverified.kid(), &self.world).await?;
        let verified = unverified.verify(issuer, &keys, self.world.now());
        let Err(denial) = verified else {
            return verified;
        };
        if !unverified.may_be_of_a_new_key(denial, issuer, &keys, self.world.now()) {
            return Err(denial);
        }
        match cache.others(&keys, &self.world).await {
            Some(keys) => unverified.verify(issuer, &keys, self.world.now()),
            None => Err(denial),
        }
    }
}

/// Only an allowed caller gets a context: the gateway rejects an answer with
/// `"context": null`.
fn allowed(caller: &Caller, jti_hash: Option<String>) -> Value {
    let mut context = caller.to_context();
    if let Some(jti_hash) = jti_hash {
        context.insert("jti_hash".to_owned(), jti_hash.into());
    }
    json!({"isAuthorized": true, "context": context})
}

/// Makes the key source of each issuer. All sources share one client of each kind.
fn sources(config: &Config) -> Result<Vec<Source>, StartError> {
    let http = Arc::new(Client::default());
    // Made only if an issuer needs it, since it slows the start down.
    let secrets = LazyCell::new(|| match &config.aws {
        Ok(aws) => Ok(secrets_manager(aws)),
        Err(missing) => Err(StartError::Aws(missing.clone())),
    });
    let source = |issuer: &Issuer| match &issuer.keys {
        KeySource::Secret {
            secret_id,
            overlap_seconds,
        } => Ok(Source::Secret {
            client: (*secrets).clone()?,
            secret_id: secret_id.clone(),
            overlap_seconds: *overlap_seconds,
            bytes_min: issuer.secret_bytes_min(),
        }),
        KeySource::Jwks(url) => Ok(Source::Jwks {
            client: Arc::clone(&http),
            url: url.clone(),
            algorithms: issuer.algorithms.clone(),
        }),
        KeySource::Discovery(url) => Ok(Source::Discovery {
            client: Arc::clone(&http),
            url: url.clone(),
            iss: issuer.iss.clone(),
            algorithms: issuer.algorithms.clone(),
        }),
    };
    config.issuers.iter().map(source).collect()
}

fn secrets_manager(aws: &AwsConfig) -> SecretsManager {
    let mut config = SecretsManagerConfig::from(&aws.sdk_config());
    config.set_endpoint_url(aws.endpoint("SECRETS_MANAGER"));
    config.set_http_client(Some(http::sdk_client(aws.tls_context())));
    SecretsManager::from_conf(config.build())
}
