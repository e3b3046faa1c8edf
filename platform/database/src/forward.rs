//! Passes a request on to a database at a URL.

use axum::body::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The headers of a request that a database reads.
const HEADERS: [&str; 4] = [
    "x-amz-target",
    "content-type",
    "authorization",
    "x-amz-date",
];

/// The way to a database, for a server before it.
#[derive(Debug)]
pub struct Forward {
    target: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Forward {
    /// The way to the database at `target`, an `http://` URL.
    pub fn to(target: &str) -> Self {
        Self {
            target: target.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Sends a request, and returns the answer's status and body.
    ///
    /// # Errors
    /// The database gave no answer. The text says why.
    pub async fn send(&self, headers: &HeaderMap, body: Bytes) -> Result<(u16, Bytes), String> {
        let mut request = Request::post(&self.target);
        for name in HEADERS {
            if let Some(value) = headers.get(name) {
                request = request.header(name, value);
            }
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await;
        let body = body.map_err(|error| error.to_string())?;
        Ok((status, body.to_bytes()))
    }
}
