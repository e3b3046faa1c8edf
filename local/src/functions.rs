//! Owns the functions: the real handlers, in this process, behind the same events as in Lambda.
//!
//! Every function gets exactly the environment that the template gives it, plus what Lambda itself
//! sets, so that a variable the template forgets is missed here and not in the cloud.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::Value;
use shared::secret::Secret;
use shared::world::World;

use crate::uuid::uuid;
use gateway::{FunctionError, Invoke};
use template::{FunctionSpec, Kind, Template};

mod environment;
mod handler;

pub use environment::{Endpoints, of as environment_of};

/// The most a function may return: 6 MB, as Lambda counts.
const RETURNED_BYTES_MAX: usize = 6 * 1024 * 1024;

/// A function could not be started: its own words about its configuration.
#[derive(Debug, thiserror::Error)]
#[error("the function {function} (template line {line}) does not start: {reason}")]
pub struct StartError {
    function: String,
    line: usize,
    reason: String,
}

/// Keys to check tokens with, instead of those that an authorizer would fetch.
#[derive(Debug, Default)]
pub(crate) struct GivenKeys {
    /// A JWK set: every issuer's, but for those that a secret is given for.
    pub(crate) jwks: Option<String>,
    /// The value of a secret: every issuer's whose keys are a secret.
    pub(crate) secret: Option<Secret<String>>,
}

/// The functions of a template, ready to be invoked.
pub struct Functions {
    functions: BTreeMap<String, Function>,
    world: World,
}

struct Function {
    spec: FunctionSpec,
    handler: handler::Handler,
}

impl fmt::Debug for Functions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_set()
            .entries(self.functions.keys())
            .finish()
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

    /// Starts the functions of a template that are wanted, by their kind.
    pub(crate) async fn start_only(
        template: &Template,
        endpoints: &Endpoints,
        world: &World,
        wanted: impl Fn(Kind) -> bool,
    ) -> Result<Self, StartError> {
        let mut functions = BTreeMap::new();
        for (logical, spec) in template
            .functions
            .iter()
            .filter(|(_, spec)| wanted(spec.kind))
        {
            let environment = environment::of(spec, &template.place, endpoints);
            let handler = handler::of_kind(spec.kind, &environment, world);
            let handler = handler.await.map_err(|reason| StartError {
                function: logical.clone(),
                line: spec.line,
                reason,
            })?;
            let spec = spec.clone();
            functions.insert(logical.clone(), Function { spec, handler });
        }
        let world = world.clone();
        Ok(Self { functions, world })
    }

    /// The authorizers of a template alone, with keys given by hand instead of their issuers' own.
    ///
    /// Keys that no issuer can use are each invocation's error.
    pub(crate) fn authorizers_with_keys(
        template: &Template,
        keys: &GivenKeys,
        world: &World,
    ) -> Result<Self, StartError> {
        let nowhere = Endpoints::nowhere();
        Self::of_kind(template, Kind::Authorizer, &nowhere, world, |var| {
            let config = authorizer::Config::from_env(var).map_err(handler::text)?;
            let (jwks, secret) = (keys.jwks.as_deref(), keys.secret.as_ref());
            let secret = secret.map(|secret| secret.expose().as_str());
            let app = authorizer::App::with_fixed_keys(config, jwks, secret, world.clone());
            Ok(match app.map(Arc::new) {
                Ok(app) => handler::event_handler(move |event| {
                    let app = Arc::clone(&app);
                    async move { authorizer::handle(&app, event).await }
                }),
                Err(error) => handler::event_handler(move |_| {
                    let error = error.clone();
                    async move { Err(lambda_runtime::Error::from(error)) }
                }),
            })
        })
    }

    /// The alert forwarders of a template alone, with one webhook for all routes instead of their secret.
    pub(crate) fn alert_forwarders_with_webhook(
        template: &Template,
        endpoints: &Endpoints,
        webhook: &Secret<String>,
        world: &World,
    ) -> Result<Self, StartError> {
        Self::of_kind(template, Kind::AlertForwarder, endpoints, world, |var| {
            let config = alert_forwarder::Config::from_env(var)
                .and_then(|config| config.with_webhook(webhook.expose()))
                .map_err(handler::text)?;
            handler::alert_forwarder(config, world)
        })
    }

    /// The functions of one kind, each made from its environment in a way of the caller's.
    fn of_kind(
        template: &Template,
        kind: Kind,
        endpoints: &Endpoints,
        world: &World,
        make: impl Fn(&dyn Fn(&str) -> Option<String>) -> Result<handler::Handler, String>,
    ) -> Result<Self, StartError> {
        let mut functions = BTreeMap::new();
        let of_kind = template.functions.iter();
        for (logical, spec) in of_kind.filter(|(_, spec)| spec.kind == kind) {
            let environment = environment::of(spec, &template.place, endpoints);
            let handler = make(&|name| environment.get(name).cloned());
            let handler = handler.map_err(|reason| StartError {
                function: logical.clone(),
                line: spec.line,
                reason,
            })?;
            let spec = spec.clone();
            functions.insert(logical.clone(), Function { spec, handler });
        }
        let world = world.clone();
        Ok(Self { functions, world })
    }

    /// Invokes a function by its logical id, and waits for it no longer than its time-out.
    pub async fn invoke(
        &self,
        logical_id: &str,
        event: Value,
        trace: Option<String>,
    ) -> Result<Value, FunctionError> {
        let function = self.functions.get(logical_id).ok_or_else(|| {
            FunctionError::new(
                "ResourceNotFoundException",
                format!("there is no function {logical_id}"),
            )
        })?;
        let context = self.context(&function.spec, trace);
        let request_id = context.request_id.clone();
        let invocation = (function.handler)(LambdaEvent::new(event, context));
        // A task of its own: a panic ends the task, and nothing else.
        let task = tokio::spawn(AssertUnwindSafe(invocation).catch_unwind());
        let abort = task.abort_handle();
        let Ok(ended) = tokio::time::timeout(function.spec.timeout, task).await else {
            abort.abort();
            let seconds = function.spec.timeout.as_secs_f64();
            let message =
                format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
            return Err(FunctionError::new("Sandbox.Timedout", message));
        };
        let returned = match ended {
            Ok(Ok(returned)) => returned?,
            Ok(Err(panic)) => return Err(FunctionError::new("Panic", panic_message(&*panic))),
            Err(_) => return Err(FunctionError::new("Panic", "the invocation was ended")),
        };
        if RETURNED_BYTES_MAX < returned.to_string().len() {
            let message =
                "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
            return Err(FunctionError::new("Function.ResponseSizeTooLarge", message));
        }
        Ok(returned)
    }

    /// These functions, for whoever invokes them by their logical ids.
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

    fn context(&self, spec: &FunctionSpec, trace: Option<String>) -> Context {
        let now = self.world.now().as_millisecond();
        let left = i64::try_from(spec.timeout.as_millis()).unwrap_or(i64::MAX);
        let deadline = u64::try_from(now.saturating_add(left)).unwrap_or_default();
        let mut context = Context::default();
        context.request_id = uuid(&self.world);
        context.deadline = deadline;
        context.invoked_function_arn = format!("{}:live", spec.arn);
        context.xray_trace_id = trace;
        let mut config = lambda_runtime::Config::default();
        config.function_name.clone_from(&spec.name);
        config.memory = i32::try_from(spec.memory_megabytes).unwrap_or(i32::MAX);
        "1".clone_into(&mut config.version);
        context.env_config = Arc::new(config);
        context
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests;
