//! Runs the functions: the real handlers, in this process, with the same events as in Lambda.
//!
//! A function gets only the variables of the template and those that Lambda sets. A variable that
//! the template forgets is therefore missing here, before it is missing in the cloud.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use lambda_runtime::LambdaEvent;
use runtime::{context, event_handler, timed_out, uuid};
use serde_json::Value;
use shared::secret::Secret;
use shared::world::World;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;

use crate::fault::Wrong;
use crate::watching::{Logs, Meter, Watching};
use gateway::{FunctionError, Invoke};
use template::{FunctionSpec, Kind, Template};

mod environment;
mod handler;

pub use environment::{Endpoints, of as environment_of};

/// A function did not start; the reason is the function's own message.
#[derive(Debug, thiserror::Error)]
#[error("the function {function} (template line {line}) does not start: {reason}")]
pub struct StartError {
    function: String,
    line: usize,
    reason: String,
}

/// Keys to check tokens with, instead of keys that the authorizer fetches.
#[derive(Debug, Default)]
pub(crate) struct GivenKeys {
    /// A JWK set for all issuers; if there is a secret, for all but HMAC issuers.
    pub(crate) jwks: Option<String>,
    /// The value of the secret of HMAC issuers.
    pub(crate) secret: Option<Secret<String>>,
}

impl GivenKeys {
    /// An authorizer with these keys.
    fn authorizer(
        &self,
        config: authorizer::Config,
        world: &World,
    ) -> Result<authorizer::App, authorizer::StartError> {
        let (jwks, secret) = (self.jwks.as_deref(), self.secret.as_ref());
        let secret = secret.map(|secret| secret.expose().as_str());
        authorizer::App::with_fixed_keys(config, jwks, secret, world.clone())
    }
}

/// The functions of a template, ready to be invoked.
pub struct Functions {
    by_id: BTreeMap<String, Function>,
    world: World,
    /// Counts the invocations, if somebody watches.
    meter: Option<Meter>,
    /// Keeps what Lambda itself logs about them.
    logs: Option<Logs>,
}

struct Function {
    spec: FunctionSpec,
    handler: runtime::Handler,
    /// Hears the metrics that the function logs.
    listener: Option<Dispatch>,
}

impl fmt::Debug for Functions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.by_id.keys()).finish()
    }
}

impl Functions {
    /// Starts every function of a template.
    pub(crate) async fn start(
        template: &Template,
        endpoints: &Endpoints,
        world: &World,
    ) -> Result<Self, StartError> {
        Self::start_only(template, endpoints, world, |_| true).await
    }

    /// Starts the functions of a template whose kind is wanted.
    pub(crate) async fn start_only(
        template: &Template,
        endpoints: &Endpoints,
        world: &World,
        wanted: impl Fn(Kind) -> bool,
    ) -> Result<Self, StartError> {
        let make = async |kind, environment: &_| handler::of_kind(kind, environment, world).await;
        Self::start_with(template, endpoints, world, wanted, make).await
    }

    /// Starts only a template's authorizers, with the given keys.
    ///
    /// With unusable keys they start, and each invocation fails.
    pub(crate) async fn authorizers_with_keys(
        template: &Template,
        keys: &GivenKeys,
        world: &World,
    ) -> Result<Self, StartError> {
        let (nowhere, wanted) = (Endpoints::nowhere(), |kind| kind == Kind::Authorizer);
        Self::start_with(template, &nowhere, world, wanted, async |_, environment| {
            let var = |name: &str| environment.get(name).cloned();
            let config = authorizer::Config::from_env(var).map_err(handler::text)?;
            Ok(match keys.authorizer(config, world).map(Arc::new) {
                Ok(app) => event_handler(move |event| {
                    let app = Arc::clone(&app);
                    async move { authorizer::handle(&app, event).await }
                }),
                Err(error) => event_handler(move |_| {
                    let error = error.clone();
                    async move { Err(lambda_runtime::Error::from(error)) }
                }),
            })
        })
        .await
    }

    /// Starts only a template's authorizers. They explain each event instead of answering it.
    pub(crate) async fn explaining_authorizers(
        template: &Template,
        endpoints: &Endpoints,
        keys: Option<&GivenKeys>,
        world: &World,
    ) -> Result<Self, StartError> {
        let wanted = |kind| kind == Kind::Authorizer;
        Self::start_with(
            template,
            endpoints,
            world,
            wanted,
            async |_, environment| {
                let var = |name: &str| environment.get(name).cloned();
                let config = authorizer::Config::from_env(var).map_err(handler::text)?;
                let app = match keys {
                    Some(keys) => keys.authorizer(config, world),
                    None => authorizer::App::new(config, world.clone()).await,
                };
                let app = Arc::new(app.map_err(handler::text)?);
                Ok(event_handler(move |event| {
                    let app = Arc::clone(&app);
                    async move {
                        Ok::<_, authorizer::Error>(authorizer::explain(&app, &event.payload).await)
                    }
                }))
            },
        )
        .await
    }

    /// Starts only a template's alert forwarders, with one webhook for all alerts instead of their
    /// secret.
    pub(crate) async fn alert_forwarders_with_webhook(
        template: &Template,
        endpoints: &Endpoints,
        webhook: &Secret<String>,
        world: &World,
    ) -> Result<Self, StartError> {
        let wanted = |kind| kind == Kind::AlertForwarder;
        Self::start_with(
            template,
            endpoints,
            world,
            wanted,
            async |_, environment| {
                let var = |name: &str| environment.get(name).cloned();
                let config = alert_forwarder::Config::from_env(var)
                    .and_then(|config| config.with_webhook(webhook.expose()))
                    .map_err(handler::text)?;
                handler::alert_forwarder(config, world)
            },
        )
        .await
    }

    /// The configuration of an alert forwarder, with endpoints at which nothing listens.
    pub(crate) fn alert_forwarder_config(
        template: &Template,
        logical_id: &str,
    ) -> Result<alert_forwarder::Config, StartError> {
        let spec = spec_of(template, logical_id)?;
        let environment = environment::of(spec, &template.place, &Endpoints::nowhere());
        alert_forwarder::Config::from_env(|name| environment.get(name).cloned())
            .map_err(|reason| start_error(logical_id, spec.line, reason))
    }

    /// The report of a cost report's function, as text for a terminal. It is not sent.
    pub(crate) async fn preview_of_costs(
        template: &Template,
        logical_id: &str,
        endpoints: &Endpoints,
        world: &World,
    ) -> Result<String, StartError> {
        let spec = spec_of(template, logical_id)?;
        let environment = environment::of(spec, &template.place, endpoints);
        let config = cost_report::Config::from_env(|name| environment.get(name).cloned())
            .map_err(|reason| start_error(logical_id, spec.line, reason))?;
        let app = cost_report::App::new(&config, world.clone());
        let context = context(spec, world, None);
        Ok(cost_report::preview(&app, &context).await)
    }

    /// Starts the functions that are wanted; `make` makes each handler from its kind and
    /// environment.
    async fn start_with(
        template: &Template,
        endpoints: &Endpoints,
        world: &World,
        wanted: impl Fn(Kind) -> bool,
        make: impl AsyncFn(Kind, &BTreeMap<String, String>) -> Result<runtime::Handler, String>,
    ) -> Result<Self, StartError> {
        let mut functions = BTreeMap::new();
        let all = template.functions.iter();
        for (logical, spec) in all.filter(|(_, spec)| wanted(spec.kind)) {
            let environment = environment::of(spec, &template.place, endpoints);
            let handler = make(spec.kind, &environment).await;
            let handler = handler.map_err(|reason| StartError {
                function: logical.clone(),
                line: spec.line,
                reason,
            })?;
            let spec = spec.clone();
            let function = Function {
                spec,
                handler,
                listener: None,
            };
            functions.insert(logical.clone(), function);
        }
        let world = world.clone();
        Ok(Self {
            by_id: functions,
            world,
            meter: None,
            logs: None,
        })
    }

    /// These functions, counted and broken by a watch.
    pub(crate) fn watched(mut self, watching: &Watching) -> Self {
        for function in self.by_id.values_mut() {
            let namespace = function.spec.environment.get("METRICS_NAMESPACE");
            let namespace = namespace.map_or("", String::as_str);
            let group = function.spec.log_group.as_deref();
            function.listener = Some(watching.listener(namespace, group));
        }
        self.logs = Some(watching.logs().clone());
        self.meter = Some(watching.meter().clone());
        self
    }

    /// Invokes a function by its logical id, and ends it at its time-out.
    pub async fn invoke(
        &self,
        logical_id: &str,
        event: Value,
        trace: Option<String>,
    ) -> Result<Value, FunctionError> {
        let function = self.by_id.get(logical_id).ok_or_else(|| {
            FunctionError::new(
                "ResourceNotFoundException",
                format!("there is no function {logical_id}"),
            )
        })?;
        let Some(meter) = &self.meter else {
            return self.run(function, event, trace).await;
        };
        let (spec, begun) = (&function.spec, self.world.now());
        let fault = meter.fault(spec.kind.binary());
        if fault == Some(Wrong::Throttle) {
            meter.throttled(spec, begun);
            return Err(FunctionError::new(
                "TooManyRequestsException",
                "Rate Exceeded.",
            ));
        }
        let answer = match fault {
            Some(Wrong::Slow(wait)) if wait < spec.timeout => {
                meter.linger(spec.kind.binary(), wait).await;
                self.run(function, event, trace).await
            }
            Some(Wrong::Slow(_)) => {
                meter.linger(spec.kind.binary(), spec.timeout).await;
                Err(timed_out(&uuid(&self.world), spec.timeout))
            }
            Some(_) => Err(FunctionError::new(
                "Runtime.ExitError",
                "Runtime exited with error: signal: killed",
            )),
            None => self.run(function, event, trace).await,
        };
        let took = Duration::try_from(self.world.now().duration_since(begun)).unwrap_or_default();
        meter.invoked(spec, begun, took, answer.is_err());
        if let (Err(error), Some(logs)) = (&answer, &self.logs) {
            logs.ended(spec, self.world.now(), error);
        }
        answer
    }

    /// Runs the handler of a function, and ends it at the function's time-out.
    async fn run(
        &self,
        function: &Function,
        event: Value,
        trace: Option<String>,
    ) -> Result<Value, FunctionError> {
        let context = context(&function.spec, &self.world, trace);
        let request_id = context.request_id.clone();
        let invocation = (function.handler)(LambdaEvent::new(event, context));
        let invocation = match &function.listener {
            Some(listener) => invocation.with_subscriber(listener.clone()).boxed(),
            None => invocation,
        };
        runtime::run(&request_id, function.spec.timeout, invocation).await
    }

    /// These functions, as the gateway invokes them.
    pub(crate) fn invoker(self: &Arc<Self>) -> Invoke {
        let functions = Arc::clone(self);
        Arc::new(move |invocation| {
            let functions = Arc::clone(&functions);
            Box::pin(async move {
                let (function, event) = (&invocation.function, invocation.event);
                functions.invoke(function, event, invocation.trace).await
            })
        })
    }
}

fn start_error(function: &str, line: usize, reason: impl fmt::Display) -> StartError {
    StartError {
        function: function.to_owned(),
        line,
        reason: reason.to_string(),
    }
}

fn spec_of<'a>(template: &'a Template, logical_id: &str) -> Result<&'a FunctionSpec, StartError> {
    let spec = template.functions.get(logical_id);
    spec.ok_or_else(|| start_error(logical_id, 0, "it is not in the template"))
}

#[cfg(test)]
mod tests;
