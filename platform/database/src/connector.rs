//! Connects the AWS SDK to an [`Engine`] in this process, without a port.

use std::fmt;

use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use crate::client::config;
use crate::engine::Engine;
use crate::response::Response;

/// A client of a database in this process. It sends each request once.
pub fn client(engine: &Engine) -> Client {
    let config = config("local", "http://dynamodb.local")
        .http_client(Connector(engine.clone()))
        .build();
    Client::from_conf(config)
}

/// Reads the name of a request's operation and its body.
///
/// # Errors
/// The body is not JSON.
pub fn read(request: &HttpRequest) -> Result<(String, Value), String> {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.strip_prefix("DynamoDB_20120810.").unwrap_or(target);
    let body = request.body().bytes().unwrap_or_default();
    let body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    Ok((operation.to_owned(), body))
}

/// Makes the HTTP response that the SDK reads.
///
/// # Errors
/// The status is not a status of HTTP.
pub fn write(response: &Response) -> Result<HttpResponse, ConnectorError> {
    let status = response.status.try_into();
    let status = status.map_err(|error: aws_smithy_runtime_api::http::HttpError| {
        ConnectorError::other(error.into(), None)
    })?;
    let body = SdkBody::from(response.body.to_string());
    let mut answer = HttpResponse::new(status, body);
    answer
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    Ok(answer)
}

#[derive(Clone)]
struct Connector(Engine);

impl fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answered = read(&request).and_then(|(operation, body)| self.0.call(&operation, body));
        HttpConnectorFuture::ready(match answered {
            Ok(response) => write(&response),
            Err(defect) => Err(ConnectorError::user(defect.into())),
        })
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
