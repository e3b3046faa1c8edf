//! Makes the handler of each kind of function from its environment.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use gateway::FunctionError;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Body, Request, Response, Service as _, service_fn};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use shared::world::World;
use template::Kind;

/// Runs an invocation.
pub(super) type Handler = Arc<
    dyn Fn(LambdaEvent<Value>) -> BoxFuture<'static, Result<Value, FunctionError>> + Send + Sync,
>;

/// Makes the handler of a kind; the error is the function's own message.
pub(super) async fn of_kind(
    kind: Kind,
    environment: &BTreeMap<String, String>,
    world: &World,
) -> Result<Handler, String> {
    let var = |name: &str| environment.get(name).cloned();
    Ok(match kind {
        Kind::Orders => {
            let config = orders::Config::from_env(var).map_err(text)?;
            let app = Arc::new(orders::App::new(&config, world.clone()).map_err(text)?);
            http_handler(move |request| {
                let app = Arc::clone(&app);
                async move { orders::handle(&app, request).await }
            })
        }
        Kind::Cors => {
            let app = Arc::new(cors::App::new(cors::Config::from_env(var).map_err(text)?));
            http_handler(move |request| {
                let app = Arc::clone(&app);
                async move { cors::handle(&app, request).await }
            })
        }
        Kind::Authorizer => {
            let config = authorizer::Config::from_env(var).map_err(text)?;
            let app = authorizer::App::new(config, world.clone())
                .await
                .map_err(text)?;
            let app = Arc::new(app);
            event_handler(move |event| {
                let app = Arc::clone(&app);
                async move { authorizer::handle(&app, event).await }
            })
        }
        Kind::AlertForwarder => {
            alert_forwarder(alert_forwarder::Config::from_env(var).map_err(text)?, world)?
        }
        Kind::OrdersSweeper => {
            let config = orders::sweeper::config(var).map_err(text)?;
            let app =
                Arc::new(orders::sweeper::Sweeper::new(&config, world.clone()).map_err(text)?);
            event_handler(move |event| {
                let app = Arc::clone(&app);
                async move { orders::sweeper::handle(&app, event).await }
            })
        }
        Kind::CostReport => {
            let config = cost_report::Config::from_env(var).map_err(text)?;
            let app = Arc::new(cost_report::App::new(&config, world.clone()));
            event_handler(move |event| {
                let app = Arc::clone(&app);
                async move { cost_report::handle(&app, event).await }
            })
        }
    })
}

pub(super) fn alert_forwarder(
    config: alert_forwarder::Config,
    world: &World,
) -> Result<Handler, String> {
    let app = Arc::new(alert_forwarder::App::new(config, world.clone()).map_err(text)?);
    Ok(event_handler(move |event| {
        let app = Arc::clone(&app);
        async move { alert_forwarder::handle(&app, event).await }
    }))
}

pub(super) fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

/// A function behind the API. The same code as in Lambda turns its event into an HTTP request, and
/// its response into JSON.
fn http_handler<F, Answer>(handle: F) -> Handler
where
    F: Fn(Request) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Result<Response<Body>, std::convert::Infallible>> + Send + 'static,
{
    Arc::new(move |event| {
        let handle = handle.clone();
        Box::pin(async move {
            let (payload, context) = event.into_parts();
            let request: LambdaRequest = serde_json::from_str(&payload.to_string())
                .map_err(|error| FunctionError::new("Runtime.EventError", error))?;
            let mut adapter = Adapter::from(service_fn(handle));
            let response = match adapter.call(LambdaEvent::new(request, context)).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
            serde_json::to_value(response)
                .map_err(|error| FunctionError::new("Runtime.ResponseError", error))
        })
    })
}

pub(super) fn event_handler<F, Answer, Error>(handle: F) -> Handler
where
    F: Fn(LambdaEvent<Value>) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Result<Value, Error>> + Send + 'static,
    Error: Into<Diagnostic>,
{
    Arc::new(move |event| {
        let handle = handle.clone();
        Box::pin(async move {
            // The function names its error, as it does for Lambda's runtime.
            handle(event).await.map_err(|error| {
                let diagnostic: Diagnostic = error.into();
                FunctionError::new(&diagnostic.error_type, diagnostic.error_message)
            })
        })
    })
}
