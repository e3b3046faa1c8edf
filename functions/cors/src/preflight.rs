//! Decides from its headers whether a preflight is allowed, and makes the answer.
//!
//! The rules are those of <https://fetch.spec.whatwg.org/#cors-preflight-fetch>, applied strictly.
//! A refusal has no `access-control-*` header, so the browser does not send the page's request. An
//! approval lists everything that is allowed, so the browser can use it for later requests too.

use lambda_http::{
    Body, Response,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN, VARY,
        },
    },
};
use shared::{
    cors::{AllowedOrigins, Origin},
    headers,
    problem::Problem,
};

use crate::allowed_headers::AllowedHeaders;

/// The API's methods. Methods are case-sensitive: a page that writes `patch` sends `patch`.
pub const ALLOWED_METHODS: &str = "GET, POST, PUT";

/// How long a browser may reuse an approval, in seconds.
///
/// Ten minutes avoid most preflights. An origin that is removed from the list is blocked after at
/// most that time. Chromium's own limit is two hours.
const MAX_AGE_SECONDS: &str = "600";

/// The `Allow` header of the answer to an OPTIONS request that is not a preflight.
const ALLOW_ANY: &str = "GET, POST, PUT, OPTIONS";

/// The request headers that the answer depends on, for caches between here and the browser.
const VARY_BY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// The most empty elements that a list of headers may have.
///
/// RFC 9110, section 5.6.1.2, requires "a reasonable number", so that a long list of commas cannot
/// keep the parser busy.
const EMPTY_ELEMENTS_MAX: usize = 16;

/// The longest header name that a refusal repeats.
const REPEATED_NAME_BYTES_MAX: usize = 64;

/// The result of an OPTIONS request.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Decision<'a> {
    /// A page of this origin may send its request.
    Allowed(&'a Origin),
    /// The page may not send its request.
    Refused(Refusal),
    /// The request is not a browser's preflight: `Origin` or `Access-Control-Request-Method` is
    /// missing.
    NotPreflight,
}

/// Why a preflight is refused.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Refusal {
    /// The origin is not in the list. Origins are compared byte for byte.
    Origin,
    /// The API has no such method.
    Method,
    /// A page may not set this header. The name is `None` if it is long or not a valid name.
    Header(Option<HeaderName>),
    /// The list of headers has too many empty elements.
    EmptyElements,
}

/// Decides an OPTIONS request by its headers alone, whatever its path is.
pub(crate) fn decide<'a>(
    request: &HeaderMap,
    origins: &'a AllowedOrigins,
    allowed: &AllowedHeaders,
) -> Decision<'a> {
    if !request.contains_key(ORIGIN) || !request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return Decision::NotPreflight;
    }
    let Some(origin) = origins.allow(only(request, &ORIGIN)) else {
        return Decision::Refused(Refusal::Origin);
    };
    if !only(request, &ACCESS_CONTROL_REQUEST_METHOD).is_some_and(is_allowed_method) {
        return Decision::Refused(Refusal::Method);
    }
    match check_headers(request, allowed) {
        Ok(()) => Decision::Allowed(origin),
        Err(refusal) => Decision::Refused(refusal),
    }
}

/// The value of a header that was sent exactly once. Two lines could contradict each other.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => Some(line),
        (None | Some(_), _) => None,
    }
}

fn is_allowed_method(method: &HeaderValue) -> bool {
    ALLOWED_METHODS.split(", ").any(|allowed| method == allowed)
}

/// Checks the requested headers. The gateway joins several lines into one; both forms are read.
fn check_headers(request: &HeaderMap, allowed: &AllowedHeaders) -> Result<(), Refusal> {
    let mut empty_elements = 0;
    for line in request.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
        for element in line.as_bytes().split(|byte| *byte == b',') {
            // The only ASCII white space in a header value is spaces and tabs.
            let name = element.trim_ascii();
            if !name.is_empty() {
                check_header(name, allowed)?;
                continue;
            }
            empty_elements += 1;
            if EMPTY_ELEMENTS_MAX < empty_elements {
                return Err(Refusal::EmptyElements);
            }
        }
    }
    Ok(())
}

fn check_header(name: &[u8], allowed: &AllowedHeaders) -> Result<(), Refusal> {
    if allowed.contain(name) {
        return Ok(());
    }
    let short = name.len() <= REPEATED_NAME_BYTES_MAX;
    let name = short.then(|| HeaderName::from_bytes(name).ok()).flatten();
    Err(Refusal::Header(name))
}

/// The whole answer to an OPTIONS request, with the security headers.
pub(crate) fn respond(
    decision: &Decision<'_>,
    headers: &AllowedHeaders,
    request_id: Option<&str>,
) -> Response<Body> {
    let mut response = match decision {
        Decision::Allowed(origin) => allowed(origin, headers),
        Decision::Refused(refusal) => {
            let problem = refusal.problem(headers);
            match request_id {
                Some(id) => problem.with("request_id", id).into_response(),
                None => problem.into_response(),
            }
        }
        Decision::NotPreflight => {
            let mut response = no_content();
            let methods = HeaderValue::from_static(ALLOW_ANY);
            response.headers_mut().insert(ALLOW, methods);
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static(VARY_BY));
    headers::secure(headers);
    response
}

fn allowed(origin: &Origin, allowed: &AllowedHeaders) -> Response<Body> {
    let mut response = no_content();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.header_value().clone());
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS),
        (ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // This always succeeds: names of headers, joined by commas, are a valid header value.
    if let Ok(list) = HeaderValue::from_str(allowed.list()) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, list);
    }
    response
}

fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

impl Refusal {
    /// The problem document, which a developer sees in the browser's network panel.
    pub(crate) fn problem(&self, allowed: &AllowedHeaders) -> Problem {
        let allowed = allowed.list();
        let refused =
            |kind, title, detail: String| Problem::new(StatusCode::FORBIDDEN, kind, title, detail);
        match self {
            Self::Origin => refused(
                "origin-not-allowed",
                "Origin not allowed",
                "Pages of this origin may not call the API. Origins are compared byte for byte \
                 with the configured list."
                    .to_owned(),
            ),
            Self::Method => refused(
                "request-method-not-allowed",
                "Method not allowed for pages",
                format!("Pages may use {ALLOWED_METHODS}, in upper case."),
            ),
            Self::Header(Some(name)) => refused(
                "request-header-not-allowed",
                "Header not allowed for pages",
                format!("{name} is not among the headers that pages may set: {allowed}."),
            ),
            Self::Header(None) => refused(
                "request-header-not-allowed",
                "Header not allowed for pages",
                format!("Pages may set these headers: {allowed}."),
            ),
            Self::EmptyElements => refused(
                "too-many-empty-elements",
                "Too many empty elements",
                format!(
                    "Access-Control-Request-Headers has more than {EMPTY_ELEMENTS_MAX} empty elements."
                ),
            ),
        }
    }
}

#[cfg(test)]
mod tests;
