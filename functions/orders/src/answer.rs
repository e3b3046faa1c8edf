//! Builds an answer: a successful one, or a recorded one that is given again.

use http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION};
use http::{Response, StatusCode};
use lambda_http::Body;
use serde::Serialize;

use crate::error::Error;

/// Marks an answer that was given before.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The order's status now, beside an answer that was given before.
const ORDER_STATUS: HeaderName = HeaderName::from_static("order-status");

const JSON: &str = "application/json";

/// What a request did, for the metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Something was read. It is not counted.
    Read,
    /// An order was placed.
    Placed,
    /// The first answer was given again.
    Replayed,
    /// An order, an adjustment or a return was refused, for this reason.
    Refused(&'static str),
    /// Stock was adjusted.
    Adjusted,
    /// A product was described.
    Described,
    /// An order was confirmed.
    Confirmed,
    /// An order was fulfilled.
    Fulfilled,
    /// An order was cancelled.
    Cancelled,
    /// Goods were returned.
    Returned,
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

    /// An answer whose body is a value as JSON.
    ///
    /// # Errors
    /// The value cannot be written as JSON: a defect.
    pub(crate) fn json(
        outcome: Outcome,
        status: StatusCode,
        value: &impl Serialize,
    ) -> Result<Self, Error> {
        let body =
            serde_json::to_string(value).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self::bytes(outcome, status, JSON, body))
    }

    /// Adds the version of what the body shows, as its ETag.
    #[must_use]
    pub(crate) fn etag(self, version: i64) -> Self {
        self.header(ETAG, format!("\"{version}\""))
    }

    /// Adds the path at which the new resource can be read.
    #[must_use]
    pub(crate) fn location(self, path: String) -> Self {
        self.header(LOCATION, path)
    }

    /// Marks the answer as one that was given before.
    #[must_use]
    pub(crate) fn replayed(self) -> Self {
        self.header(IDEMPOTENT_REPLAYED, "true".to_owned())
    }

    /// Adds the order's status now.
    #[must_use]
    pub(crate) fn order_status(self, status: &str) -> Self {
        self.header(ORDER_STATUS, status.to_owned())
    }

    fn header(mut self, name: HeaderName, value: String) -> Self {
        // The values consist of digits, ids and fixed words, so they are always
        // valid.
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
