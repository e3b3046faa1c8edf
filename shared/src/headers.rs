//! Sets the headers that every answer has, whatever its status: security headers and CORS.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::cors::{self, AllowedOrigins};
use crate::problem;

/// The security headers of every answer, with their values.
///
/// They follow the OWASP Secure Headers project and satisfy ZAP's passive rules. Answers are data,
/// so everything that an HTML document could do is forbidden. `cross-origin-resource-policy` does
/// not block CORS: it applies only to requests made without CORS. The edge's policy in
/// `template.yaml` repeats these headers, for the answers that the gateway makes itself.
///
/// Three headers are left out on purpose. `x-xss-protection` is harmful in old browsers. `server`
/// and `x-powered-by` would show an attacker which software runs here.
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

/// Adds the CORS headers and the security headers to an answer that is not a preflight's.
///
/// Call it last, on every answer of an HTTP function. `origin` is the request's `Origin` header.
/// A second call changes nothing.
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

/// The `cache-control` of an error answer.
///
/// It has no `max-age`, not even 0. CloudFront caches some errors, such as 412 and 415, only if they
/// have a `max-age`, and has no setting to turn that off ("How CloudFront processes HTTP 4xx and 5xx
/// status codes from your origin").
const CACHE_CONTROL_OF_ERRORS: HeaderValue =
    HeaderValue::from_static("no-store, no-cache, must-revalidate");

/// Sets the security headers, each on exactly one line.
///
/// A `cache-control` with the directive `public` is kept, because the handler chose it. Any other
/// is replaced: answers belong to one caller, and no cache may store them. An error answer is a
/// problem document, and is never public.
pub fn secure(headers: &mut HeaderMap) {
    let chosen = headers
        .get(header::CACHE_CONTROL)
        .filter(|value| is_public(value))
        .cloned();
    for (name, value) in &SECURITY {
        headers.insert(name, value.clone());
    }
    if headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|it| it == problem::MEDIA_TYPE)
    {
        headers.insert(header::CACHE_CONTROL, CACHE_CONTROL_OF_ERRORS);
    } else if let Some(public) = chosen {
        headers.insert(header::CACHE_CONTROL, public);
    }
}

fn is_public(cache_control: &HeaderValue) -> bool {
    let directives = cache_control.to_str().unwrap_or_default();
    directives
        .split(',')
        .any(|directive| directive.trim().eq_ignore_ascii_case("public"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(before: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in before {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let origins = AllowedOrigins::parse("https://app.example").unwrap();
        let origin = HeaderValue::from_static("https://app.example");
        finish(&mut headers, Some(&origin), &origins);
        headers
    }

    #[track_caller]
    fn check_cache_control(before: &[(&'static str, &'static str)], expected: &str) {
        let headers = finished(before);
        let lines: Vec<_> = headers.get_all("cache-control").iter().collect();
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn every_answer_has_the_promised_security_headers() {
        // Written out here, so that a change of the table is noticed.
        let promised = [
            (
                "strict-transport-security",
                "max-age=63072000; includeSubDomains",
            ),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; sandbox",
            ),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            (
                "permissions-policy",
                "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            ),
            (
                "cache-control",
                "no-store, no-cache, must-revalidate, max-age=0",
            ),
            ("x-permitted-cross-domain-policies", "none"),
        ];
        let headers = finished(&[]);
        for (name, value) in promised {
            assert_eq!(headers[name], value, "{name}");
        }
        // Three more headers are those of CORS. There are no others.
        assert_eq!(headers.len(), promised.len() + 3);
    }

    #[test]
    fn each_header_has_one_line_even_if_the_handler_set_it() {
        let headers = finished(&[
            ("strict-transport-security", "max-age=1"),
            ("strict-transport-security", "max-age=2"),
            ("vary", "Accept"),
            ("vary", "Origin"),
            ("cache-control", "private"),
            ("cache-control", "no-store"),
        ]);
        for name in headers.keys() {
            assert_eq!(headers.get_all(name).iter().count(), 1, "{name}");
        }
        assert_eq!(
            headers["strict-transport-security"],
            "max-age=63072000; includeSubDomains"
        );
    }

    #[test]
    fn finishing_twice_changes_nothing() {
        let mut headers = finished(&[("vary", "Accept"), ("etag", "\"1\"")]);
        let once = headers.clone();
        let origins = AllowedOrigins::parse("https://app.example").unwrap();
        let origin = HeaderValue::from_static("https://app.example");
        finish(&mut headers, Some(&origin), &origins);
        assert_eq!(headers, once);
    }

    #[test]
    fn an_error_answer_has_no_max_age() {
        let errors = "no-store, no-cache, must-revalidate";
        let problem = ("content-type", "application/problem+json");
        check_cache_control(&[problem], errors);
        let public = ("cache-control", "public, max-age=60");
        check_cache_control(&[problem, public], errors);
        check_cache_control(&[problem, ("cache-control", "max-age=60")], errors);
    }

    #[test]
    fn only_a_public_answer_keeps_its_cache_control() {
        let none = "no-store, no-cache, must-revalidate, max-age=0";
        for public in [
            "public, max-age=60",
            "max-age=60,PUBLIC",
            "max-age=60 , public ",
        ] {
            check_cache_control(&[("cache-control", public)], public);
        }
        for private in [
            "private",
            "max-age=60",
            "publicity",
            "no-cache=\"public\"",
            "",
        ] {
            check_cache_control(&[("cache-control", private)], none);
        }
        check_cache_control(&[], none);
        let two = [
            ("cache-control", "public, max-age=60"),
            ("cache-control", "immutable"),
        ];
        check_cache_control(&two, "public, max-age=60");
    }
}
