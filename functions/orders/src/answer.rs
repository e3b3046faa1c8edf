//! Owns a successful answer, or a recorded one, before it is an HTTP response.

use http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION};
use http::{Response, StatusCode};
use lambda_http::Body;
use serde::Serialize;

use crate::error::Error;

/// Tells a client that this answer was given before.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Tells a client, beside an answer given before, where the order stands now.
const ORDER_STATUS: HeaderName = HeaderName::from_static("order-status");

const JSON: &str = "application/json";

/// What happened, for the metrics; one a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Something was read; nothing is counted.
    Read,
    /// An order was placed.
    Placed,
    /// A decision of before was told again.
    Replayed,
    /// An order or an adjustment was refused, for this reason.
    Refused(&'static str),
    /// Stock was adjusted.
    Adjusted,
    /// A product was described.
    Described,
    /// An order was confirmed.
    Confirmed,
    /// An order was cancelled.
    Cancelled,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What happened.
    pub(crate) outcome: Outcome,
    status: StatusCode,
    media_type: &'static str,
    body: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Answer {
    /// An answer of these exact bytes.
    pub(crate) fn bytes(
        outcome: Outcome,
        status: StatusCode,
        media_type: &'static str,
        body: String,
    ) -> Self {
        Self {
            outcome,
            status,
            media_type,
            body,
            headers: Vec::new(),
        }
    }

    /// An answer of a value as JSON.
    ///
    /// # Errors
    /// The value has no form in JSON: a defect.
    pub(crate) fn json(
        outcome: Outcome,
        status: StatusCode,
        value: &impl Serialize,
    ) -> Result<Self, Error> {
        let body =
            serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self::bytes(outcome, status, JSON, body))
    }

    /// Names the version of what the body shows.
    #[must_use]
    pub(crate) fn etag(self, version: i64) -> Self {
        self.header(ETAG, format!("\"{version}\""))
    }

    /// Names where what was made can be read.
    #[must_use]
    pub(crate) fn location(self, path: String) -> Self {
        self.header(LOCATION, path)
    }

    /// Marks the answer as one that was given before.
    #[must_use]
    pub(crate) fn replayed(self) -> Self {
        self.header(IDEMPOTENT_REPLAYED, "true".to_owned())
    }

    /// Says where the order stands now.
    #[must_use]
    pub(crate) fn order_status(self, status: &str) -> Self {
        self.header(ORDER_STATUS, status.to_owned())
    }

    fn header(mut self, name: HeaderName, value: String) -> Self {
        // Everything put here is made of digits, ids and fixed words.
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The HTTP response.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::Text(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.extend(self.headers);
        response
    }
}
