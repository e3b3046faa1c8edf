//! The complete list of promised headers for each kind of answer.
//!
//! The lists are written out here and not taken from the code under test. A header that changes or
//! goes missing in the code therefore fails the tests.

use super::api::{ALLOWED, Origin};
use crate::support::harness::Answer;

/// The security headers, which answers of every status have.
pub(super) const SECURITY: [(&str, &str); 11] = [
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

/// The headers that let a page of an allowed origin read an answer.
const READABLE: [(&str, &str); 2] = [
    ("access-control-allow-origin", ALLOWED),
    (
        "access-control-expose-headers",
        "etag, location, idempotent-replayed, order-status, retry-after, x-request-id",
    ),
];

/// The headers that approve a preflight of an allowed origin.
const PERMITTED: [(&str, &str); 4] = [
    ("access-control-allow-origin", ALLOWED),
    ("access-control-allow-methods", "GET, POST, PUT"),
    (
        "access-control-allow-headers",
        "authorization, content-type, idempotency-key, if-match, if-none-match",
    ),
    ("access-control-max-age", "600"),
];

const PREFLIGHT_VARY: (&str, &str) = (
    "vary",
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
);

/// Headers whose value differs from answer to answer. Only their presence is checked.
const VOLATILE: [&str; 5] = [
    "apigw-requestid",
    "content-length",
    "date",
    "location",
    "x-request-id",
];

/// What makes an answer, and to which kind of request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Maker {
    /// The orders function.
    Orders,
    /// The gateway itself, without calling the function.
    Gateway,
    /// The cors function, to a preflight that is allowed if its origin is.
    Preflight,
    /// The cors function, to a preflight whose method or headers are never allowed.
    Refusal,
    /// The cors function, to an OPTIONS that is not a preflight.
    Options,
    /// The gateway, to an OPTIONS when the function failed.
    FailedPreflight,
}

/// All expected headers of an answer, sorted. `own` are those that only this answer has.
pub(super) fn expected(
    maker: Maker,
    status: u16,
    own: &[(&'static str, &'static str)],
    origin: Origin,
    edge: bool,
) -> Vec<(String, String)> {
    let mut lines = vec![("apigw-requestid", "*"), ("date", "*")];
    let allowed = origin == Origin::Allowed;
    let json = if status < 400 {
        "application/json"
    } else {
        "application/problem+json"
    };
    let with_body = |lines: &mut Vec<_>, media_type| {
        lines.extend([("content-length", "*"), ("content-type", media_type)]);
    };
    match maker {
        Maker::Orders => {
            with_body(&mut lines, json);
            lines.extend([("x-request-id", "*"), ("vary", "Origin")]);
            lines.extend(SECURITY);
            lines.extend(READABLE.iter().filter(|_| allowed));
        }
        Maker::Gateway => {
            with_body(&mut lines, "application/json");
            lines.extend(SECURITY.iter().filter(|_| edge));
            lines.extend(READABLE.iter().filter(|_| edge && allowed));
            lines.extend(Some(("vary", "Origin")).filter(|_| edge));
        }
        Maker::FailedPreflight => {
            with_body(&mut lines, "application/json");
            lines.extend(SECURITY.iter().filter(|_| edge));
            lines.extend(PERMITTED.iter().filter(|_| edge && allowed));
            lines.extend(Some(("vary", "Origin")).filter(|_| edge));
        }
        Maker::Preflight => {
            if !allowed {
                with_body(&mut lines, json);
            }
            lines.extend([("x-request-id", "*"), PREFLIGHT_VARY]);
            lines.extend(SECURITY);
            lines.extend(PERMITTED.iter().filter(|_| allowed));
        }
        Maker::Refusal => {
            with_body(&mut lines, json);
            lines.extend([("x-request-id", "*"), PREFLIGHT_VARY]);
            lines.extend(SECURITY);
            // The edge adds these although the preflight was refused. A browser stops because of
            // the status.
            lines.extend(PERMITTED.iter().filter(|_| edge && allowed));
        }
        Maker::Options => {
            lines.extend([("x-request-id", "*"), PREFLIGHT_VARY]);
            lines.push(("allow", "GET, POST, PUT, OPTIONS"));
            lines.extend(SECURITY);
            lines.extend(READABLE.iter().filter(|_| edge && allowed));
        }
    }
    lines.extend(own);
    // The functions' errors have no max-age: CloudFront would cache some of them because of it.
    if lines.contains(&("content-type", "application/problem+json")) {
        for (name, value) in &mut lines {
            if *name == "cache-control" {
                *value = "no-store, no-cache, must-revalidate";
            }
        }
    }
    sorted(
        lines
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

/// All header lines of an answer, sorted. A header with two lines is in the list twice.
pub(super) fn observed(answer: &Answer) -> Vec<(String, String)> {
    let lines = answer.headers.iter().map(|(name, value)| {
        let value = match name.as_str() {
            volatile if VOLATILE.contains(&volatile) => "*",
            _ => value.to_str().unwrap(),
        };
        (name.as_str().to_owned(), value.to_owned())
    });
    sorted(lines)
}

fn sorted(lines: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    lines
}
