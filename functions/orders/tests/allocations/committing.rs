//! The orders function with a database that commits every transaction at once, so that only the
//! function and the SDK are measured.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config as ClientConfig, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use lambda_http::lambda_runtime::Context;
use lambda_http::{Request, RequestExt as _};
use orders::{App, Config, handle};
use shared::world::World;

/// What DynamoDB answers to a transaction that it commits.
const COMMITTED: &str = r#"{"ConsumedCapacity":[{"TableName":"orders","CapacityUnits":7.0}]}"#;

/// Commits every transaction, and keeps the size of the last request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Committing(Arc<AtomicUsize>);

impl Committing {
    /// The bytes of the last request's body.
    pub(crate) fn bytes_sent(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// The function in front of it.
    pub(crate) fn app(&self) -> App {
        let var = |name: &str| match name {
            "ALLOWED_ORIGINS" => Some("http://localhost:5173".to_owned()),
            "TABLE_NAME" | "AWS_REGION" | "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => {
                Some("orders".to_owned())
            }
            _ => None,
        };
        let client = ClientConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("local"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .retry_config(RetryConfig::disabled())
            .http_client(self.clone());
        let client = Client::from_conf(client.build());
        App::with_client(&Config::from_env(var).unwrap(), client, World::real()).unwrap()
    }
}

impl HttpConnector for Committing {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let bytes = request.body().bytes().unwrap().len();
        self.0.store(bytes, Ordering::Relaxed);
        let body = SdkBody::from(COMMITTED);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), body)))
    }
}

impl HttpClient for Committing {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The sample event of an order, with an idempotency key of its own.
pub(crate) fn event(key: usize) -> String {
    let event = include_str!("../../../../events/place-order.json");
    event.replace("5a0c1f0e-1", &format!("5a0c1f0e-{key}"))
}

/// Reads an event and answers it, as in Lambda. Returns the status.
pub(crate) async fn place(app: &App, event: &str) -> u16 {
    let mut context = Context::default();
    // Far away, whatever the machine's clock says. In milliseconds since 1970.
    context.deadline = 4_102_444_800_000;
    let request: Request = lambda_http::request::from_str(event).unwrap();
    let request = request.with_lambda_context(context);
    handle(app, request).await.unwrap().0.status().as_u16()
}
