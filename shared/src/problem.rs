//! Error answers: problem documents as in RFC 9457.

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request failed, for the client.
///
/// The client sees all of it. A cause that only operators may see goes to the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    members: Map<String, Value>,
    retry_after_seconds: Option<u32>,
}

impl Problem {
    /// A problem of type `urn:surefire:problem:<kind>`.
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            members: Map::new(),
            retry_after_seconds: None,
        }
    }

    /// Adds a member to the document, such as `lines` or `errors`.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a `Retry-After` header (RFC 9110, section 10.2.3).
    #[must_use]
    pub const fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// The answer's status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The last part of the problem's type. Metrics and logs use it as the reason.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The document as JSON text. Equal problems have equal texts.
    pub fn body(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
            #[serde(flatten)]
            members: &'a Map<String, Value>,
        }
        let document = Document {
            r#type: format!("urn:surefire:problem:{}", self.kind),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            members: &self.members,
        };
        // Strings, integers and JSON values always serialise. If that ever
        // failed, an empty body with the right status would still be correct.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// The whole answer, with the caller's body type.
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(self.body()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_members_come_before_the_added_ones() {
        let problem = Problem::new(
            StatusCode::CONFLICT,
            "out-of-stock",
            "Not enough stock",
            "TEA-01 has 1 left, 2 were asked for.",
        )
        .with("request_id", "r-1")
        .with("lines", vec![Value::from("TEA-01")]);
        assert_eq!(
            problem.body(),
            r#"{"type":"urn:surefire:problem:out-of-stock","title":"Not enough stock","status":409,"detail":"TEA-01 has 1 left, 2 were asked for.","lines":["TEA-01"],"request_id":"r-1"}"#
        );
    }

    #[test]
    fn an_answer_has_the_status_the_media_type_and_retry_after() {
        let response: Response<String> = Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "outcome-unknown",
            "Outcome unknown",
            "",
        )
        .retry_after(1)
        .into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[CONTENT_TYPE], MEDIA_TYPE);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
