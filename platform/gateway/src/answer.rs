//! Makes HTTP responses: of the JSON that a function returned, or of the gateway itself.

use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

/// The responses of the gateway itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Own {
    /// The identity source is missing.
    Unauthorized,
    /// The authorizer denied the request.
    Forbidden,
    /// No route matches.
    NotFound,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The body is larger than a gateway takes.
    TooLarge,
    /// The headers are larger than a gateway takes.
    HeadersTooLarge,
    /// The API has more requests than its throttle allows.
    TooManyRequests,
    /// The function or the authorizer failed, or returned a response of an unknown form.
    InternalServerError,
    /// The function took longer than the gateway waits.
    ServiceUnavailable,
}

impl Own {
    fn status_and_message(self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            ),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
            Self::InternalServerError => {
                (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Self::ServiceUnavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        }
    }

    /// The HTTP response.
    pub(crate) fn response(self) -> Response<Body> {
        let (status, message) = self.status_and_message();
        let mut response = Response::new(Body::from(json!({"message": message}).to_string()));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// What is wrong with a function's response.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Malformed {
    /// The status is not a status of HTTP.
    #[error("statusCode is not an HTTP status")]
    Status,
    /// The headers are not names with values.
    #[error("headers are not a map of header names to values")]
    Headers,
    /// The cookies are not a list of texts.
    #[error("cookies are not a list of header values")]
    Cookies,
    /// The body is not text, or not base64 although `isBase64Encoded` is true.
    #[error("body is not a text, or not base64")]
    Body,
}

/// Headers of the connection, which a function cannot set.
const FRAMING: [&str; 6] = [
    "connection",
    "content-length",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Headers that the gateway renames, because it or the edge sets them itself.
const REMAPPED: [&str; 3] = ["date", "server", "www-authenticate"];

/// Makes a response of a function's result.
///
/// A result with a `statusCode` is in payload format 2.0. Any other result is the body of a
/// response with status 200 and `content-type: application/json`.
pub(crate) fn response(returned: &Value) -> Result<Response<Body>, Malformed> {
    match returned.as_object() {
        Some(answer) if answer.contains_key("statusCode") => explicit(answer),
        _ => {
            // A text is the body itself; any other value is serialised.
            let body = returned
                .as_str()
                .map_or_else(|| returned.to_string(), str::to_owned);
            let mut response = Response::new(Body::from(body));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            Ok(response)
        }
    }
}

fn explicit(answer: &Map<String, Value>) -> Result<Response<Body>, Malformed> {
    let body = body(answer)?;
    let is_empty = body.is_empty();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status(answer.get("statusCode"))?;
    let headers = response.headers_mut();
    for (name, value) in map(answer.get("headers"))? {
        let (name, value) = header(name, value)?;
        if REMAPPED.contains(&name.as_str()) {
            let remapped = format!("x-amzn-remapped-{name}");
            let remapped = remapped
                .parse::<HeaderName>()
                .map_err(|_| Malformed::Headers)?;
            headers.append(remapped, value);
        } else if !FRAMING.contains(&name.as_str()) {
            headers.append(name, value);
        }
    }
    let cookies = match answer.get("cookies") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(cookies)) => cookies.as_slice(),
        Some(_) => return Err(Malformed::Cookies),
    };
    for cookie in cookies {
        let value = cookie
            .as_str()
            .and_then(|cookie| HeaderValue::from_str(cookie).ok());
        headers.append(SET_COOKIE, value.ok_or(Malformed::Cookies)?);
    }
    if !is_empty && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain;charset=UTF-8"),
        );
    }
    Ok(response)
}

fn status(value: Option<&Value>) -> Result<StatusCode, Malformed> {
    let number = match value {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    number
        .and_then(|number| u16::try_from(number).ok())
        // 1xx is not a final response.
        .filter(|number| (200..600).contains(number))
        .and_then(|number| StatusCode::from_u16(number).ok())
        .ok_or(Malformed::Status)
}

fn map(value: Option<&Value>) -> Result<Vec<(&String, &Value)>, Malformed> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(map)) => Ok(map.iter().collect()),
        Some(_) => Err(Malformed::Headers),
    }
}

fn header(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), Malformed> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err(Malformed::Headers),
    };
    let name = name.parse().map_err(|_| Malformed::Headers)?;
    let value = HeaderValue::from_str(&text).map_err(|_| Malformed::Headers)?;
    Ok((name, value))
}

fn body(answer: &Map<String, Value>) -> Result<Vec<u8>, Malformed> {
    let encoded = answer
        .get("isBase64Encoded")
        .and_then(Value::as_bool)
        .unwrap_or(false);
    match answer.get("body") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) if encoded => {
            BASE64_STANDARD.decode(text).map_err(|_| Malformed::Body)
        }
        Some(Value::String(text)) => Ok(text.clone().into_bytes()),
        Some(_) => Err(Malformed::Body),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[track_caller]
    fn check(returned: &Value, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let response = response(returned).unwrap();
        assert_eq!(response.status(), status);
        let mut found: Vec<(&str, &str)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, headers);
        let collected = futures::executor::block_on(response.into_body().collect()).unwrap();
        assert_eq!(collected.to_bytes(), body);
    }

    #[test]
    fn a_result_with_a_status_sets_status_headers_cookies_and_body() {
        let returned = json!({
            "statusCode": 201,
            "headers": {"Location": "/orders/1", "x-count": 3, "content-length": "9", "server": "me"},
            "multiValueHeaders": {},
            "cookies": ["a=1", "b=2"],
            "body": "aGk=",
            "isBase64Encoded": true,
        });
        let headers = [
            ("content-type", "text/plain;charset=UTF-8"),
            ("location", "/orders/1"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("x-amzn-remapped-server", "me"),
            ("x-count", "3"),
        ];
        check(&returned, 201, &headers, b"hi");
        check(
            &json!({"statusCode": "204", "headers": null, "body": null}),
            204,
            &[],
            b"",
        );
    }

    #[test]
    fn a_result_without_a_status_is_the_body() {
        let headers = [("content-type", "application/json")];
        check(&json!({"a": 1}), 200, &headers, br#"{"a":1}"#);
        check(&json!("hello"), 200, &headers, b"hello");
        check(&json!(null), 200, &headers, b"null");
    }

    #[track_caller]
    fn check_malformed(returned: &Value, expected: Malformed) {
        assert_eq!(response(returned).unwrap_err(), expected);
    }

    #[test]
    fn a_malformed_result_is_refused_with_its_malformed_part() {
        check_malformed(&json!({"statusCode": "many"}), Malformed::Status);
        check_malformed(&json!({"statusCode": 99}), Malformed::Status);
        check_malformed(
            &json!({"statusCode": 200, "headers": {"a b": "c"}}),
            Malformed::Headers,
        );
        check_malformed(
            &json!({"statusCode": 200, "headers": {"a": "b\nc"}}),
            Malformed::Headers,
        );
        check_malformed(
            &json!({"statusCode": 200, "cookies": "a=1"}),
            Malformed::Cookies,
        );
        check_malformed(&json!({"statusCode": 200, "body": {}}), Malformed::Body);
        let not_base64 = json!({"statusCode": 200, "body": "!", "isBase64Encoded": true});
        check_malformed(&not_base64, Malformed::Body);
    }
}
