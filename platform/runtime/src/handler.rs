//! Wraps a function's handler, so that it takes an event and returns JSON.

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use gateway::FunctionError;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, IntoResponse, Request, Service as _, service_fn};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;

/// Runs an invocation.
pub type Handler = Arc<
    dyn Fn(LambdaEvent<Value>) -> BoxFuture<'static, Result<Value, FunctionError>> + Send + Sync,
>;

/// A function behind the API. The same code as in Lambda turns its event into an HTTP request, and
/// its response into JSON.
pub fn http_handler<F, Answer, Response>(handle: F) -> Handler
where
    F: Fn(Request) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Result<Response, std::convert::Infallible>> + Send + 'static,
    Response: IntoResponse + Send + Sync + 'static,
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

/// A function that takes any event.
pub fn event_handler<F, Answer, Error>(handle: F) -> Handler
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
