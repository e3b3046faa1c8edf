//! Starts the three functions behind the API, and invokes them as the gateway wants.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use gateway::{FunctionError, Invocation, Invoke};
use lambda_runtime::LambdaEvent;
use runtime::{Handler, context, event_handler, http_handler, run};
use serde_json::Value;
use shared::aws::AwsConfig;
use shared::world::World;
use template::{FunctionSpec, Kind, Template};

use crate::serve::StartError;

/// The functions behind the API.
pub(crate) struct Functions {
    by_id: BTreeMap<String, (FunctionSpec, Handler)>,
    world: World,
}

impl Functions {
    /// Starts the functions that the template's routes name, with their own variables of the
    /// process' environment.
    pub(crate) async fn start(
        template: &Template,
        var: &(impl Fn(&str) -> Option<String> + Sync),
        aws: &AwsConfig,
        world: &World,
    ) -> Result<Self, StartError> {
        let mut by_id = BTreeMap::new();
        for (logical, spec) in &template.functions {
            let handler = match spec.kind {
                Kind::Orders => orders(var, aws, world)?,
                Kind::Cors => cors(var)?,
                Kind::Authorizer => authorizer(var, aws, world).await?,
                // These have no route. They stay functions.
                Kind::AlertForwarder
                | Kind::OrdersAuditor
                | Kind::OrdersSweeper
                | Kind::ReleaseCheck
                | Kind::CostReport => continue,
            };
            by_id.insert(logical.clone(), (spec.clone(), handler));
        }
        let world = world.clone();
        Ok(Self { by_id, world })
    }

    async fn invoke(&self, invocation: Invocation) -> Result<Value, FunctionError> {
        let Invocation {
            function,
            event,
            trace,
        } = invocation;
        let (spec, handler) = self.by_id.get(&function).ok_or_else(|| {
            let message = format!("there is no function {function}");
            FunctionError::new("ResourceNotFoundException", message)
        })?;
        let context = context(spec, &self.world, trace);
        let request_id = context.request_id.clone();
        let invocation = handler(LambdaEvent::new(event, context));
        run(&request_id, spec.timeout, invocation).await
    }

    /// These functions, as the gateway invokes them.
    pub(crate) fn invoker(self) -> Invoke {
        let functions = Arc::new(self);
        Arc::new(move |invocation| {
            let functions = Arc::clone(&functions);
            Box::pin(async move { functions.invoke(invocation).await })
        })
    }
}

fn fault(kind: Kind) -> impl Fn(&dyn Display) -> StartError {
    move |reason| StartError::Function {
        function: kind.binary(),
        reason: reason.to_string(),
    }
}

fn orders(
    var: impl Fn(&str) -> Option<String>,
    aws: &AwsConfig,
    world: &World,
) -> Result<Handler, StartError> {
    let fault = fault(Kind::Orders);
    // The gateway has found the client's address, so no entry is the edge's.
    let var = |name: &str| var(name).filter(|_| name != "BEHIND_EDGE");
    let config = orders::Config::with_aws(var, aws.clone()).map_err(|error| fault(&error))?;
    let app = orders::App::new(&config, world.clone()).map_err(|error| fault(&error))?;
    let app = Arc::new(app);
    Ok(http_handler(move |request| {
        let app = Arc::clone(&app);
        async move { orders::handle(&app, request).await }
    }))
}

fn cors(var: impl Fn(&str) -> Option<String>) -> Result<Handler, StartError> {
    let config = cors::Config::from_env(var).map_err(|error| fault(Kind::Cors)(&error))?;
    let app = Arc::new(cors::App::new(config));
    Ok(http_handler(move |request| {
        let app = Arc::clone(&app);
        async move { cors::handle(&app, request).await }
    }))
}

async fn authorizer(
    var: impl Fn(&str) -> Option<String>,
    aws: &AwsConfig,
    world: &World,
) -> Result<Handler, StartError> {
    let fault = fault(Kind::Authorizer);
    let config = authorizer::Config::with_aws(var, aws.clone()).map_err(|error| fault(&error))?;
    let app = authorizer::App::new(config, world.clone()).await;
    let app = Arc::new(app.map_err(|error| fault(&error))?);
    Ok(event_handler(move |event| {
        let app = Arc::clone(&app);
        async move { authorizer::handle(&app, event).await }
    }))
}
