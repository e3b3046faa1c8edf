//! Fetches JSON documents over HTTP, with limits on time and size and without redirects.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpClient};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::fetch_error::FetchError;
use crate::url::KeyUrl;

/// How long an answer of a key source may take.
pub(crate) const FETCH_TIMEOUT: Duration = Duration::from_millis(1_500);
/// The largest document that is read.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 512 * 1024;

/// No connection is kept. Minutes pass between two fetches, and the environment
/// may be frozen meanwhile: a kept connection would be dead, and its fetch fail.
const CONNECTIONS_KEPT: usize = 0;
const TLS: Provider = Provider::Rustls(CryptoMode::AwsLc);

/// A client that is built at the first fetch, so an authorizer with all its keys
/// in Secrets Manager does not read the trust store for it.
///
/// It is the HTTP client of the AWS SDK, so JWK sets do not make the artifact
/// larger.
#[derive(Debug, Default)]
pub(crate) struct Client(OnceLock<Connector>);

impl Client {
    /// Fetches a document.
    ///
    /// A redirect is an error, as is any other status than 200: if it were
    /// followed, it could lead away from https.
    pub(crate) async fn get(&self, url: &KeyUrl) -> Result<Vec<u8>, FetchError> {
        match tokio::time::timeout(FETCH_TIMEOUT, self.get_without_timeout(url)).await {
            Ok(result) => result,
            Err(_) => Err(FetchError::Timeout),
        }
    }

    async fn get_without_timeout(&self, url: &KeyUrl) -> Result<Vec<u8>, FetchError> {
        let mut request =
            HttpRequest::get(url.as_uri().to_string()).map_err(|_| FetchError::Unreachable)?;
        request.headers_mut().insert("accept", "application/json");
        // The error's text is dropped: it can quote the address and its query.
        let response = self
            .connector()
            .call(request)
            .await
            .map_err(|_| FetchError::Unreachable)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchError::Status(status));
        }
        let body = Limited::new(response.into_body(), DOCUMENT_BYTES_MAX);
        match body.collect().await {
            Ok(collected) => Ok(collected.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge),
            Err(_) => Err(FetchError::Unreachable),
        }
    }

    fn connector(&self) -> &Connector {
        self.0.get_or_init(|| {
            Connector::builder()
                .pool_max_idle_per_host(CONNECTIONS_KEPT)
                .tls_provider(TLS)
                .build()
        })
    }
}

/// A client for the AWS SDK. It keeps no connections either.
pub(crate) fn sdk_client(context: Option<TlsContext>) -> SharedHttpClient {
    Builder::new()
        .pool_max_idle_per_host(CONNECTIONS_KEPT)
        .tls_provider(TLS)
        .tls_context(context.unwrap_or_default())
        .build_https()
}
