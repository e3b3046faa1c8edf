//! The headers that every answer carries, whatever its status: security headers, and CORS.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::cors::{self, AllowedOrigins};

/// The security headers, each with the one value it has on every answer.
///
/// They follow the OWASP Secure Headers project and satisfy ZAP's passive rules. The answers are
/// data, so that everything a document could do is forbidden. `cross-origin-resource-policy`
/// does not hinder CORS: it is about requests that did not ask for it. The edge's policy in
/// `template.yaml` repeats these, for the answers that the gateway makes itself.
///
/// `x-xss-protection`, `server` and `x-powered-by` are left out on purpose: the first is harmful
/// in old browsers, the others only tell an attacker what runs here.
pub static SECURITY: [(HeaderName, HeaderValue); 11] = [
    (
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=63072000; includeSubDomains"),
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
        ),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
    (
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store, no-cache, must-revalidate, max-age=0"),
    ),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        HeaderValue::from_static("none"),
    ),
];

/// Completes an actual answer of an HTTP function; call it last, on every answer.
///
/// Adds what [`cors::apply`] and [`secure`] add. `origin` is the request's `Origin` header.
/// Calling it twice changes nothing.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use shared::{cors::AllowedOrigins, headers};
///
/// let origins = AllowedOrigins::parse("https://app.example")?;
/// let mut answer = HeaderMap::new();
/// headers::finish(&mut answer, Some(&HeaderValue::from_static("https://app.example")), &origins);
/// assert_eq!(answer["access-control-allow-origin"], "https://app.example");
/// assert_eq!(answer["vary"], "Origin");
/// assert_eq!(answer["x-content-type-options"], "nosniff");
/// # Ok::<(), shared::cors::OriginError>(())
/// ```
pub fn finish(headers: &mut HeaderMap, origin: Option<&HeaderValue>, origins: &AllowedOrigins) {
    cors::apply(headers, origin, origins);
    secure(headers);
}

/// Sets the security headers, each on exactly one line.
///
/// A `cache-control` with the directive `public` was chosen by the handler and stays; any other
/// is replaced, since answers are a caller's own and no cache may keep them.
pub fn secure(headers: &mut HeaderMap) {
    let public = is_public(headers);
    for (name, value) in &SECURITY {
        if !(public && name == header::CACHE_CONTROL) {
            headers.insert(name, value.clone());
        }
    }
}

fn is_public(headers: &HeaderMap) -> bool {
    headers
        .get(header::CACHE_CONTROL)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .split(',')
                .any(|directive| directive.trim().eq_ignore_ascii_case("public"))
        })
}
