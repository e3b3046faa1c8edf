//! The allowed origins, and the CORS headers of every answer except a preflight's.
//!
//! The rules are those of <https://fetch.spec.whatwg.org/#http-cors-protocol>. Cookies and client
//! certificates, which it calls credentials, are never allowed: callers send bearer tokens.

use http::{
    HeaderMap, HeaderValue,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, VARY},
};

pub use crate::origin::Origin;
use crate::origin::OriginFault;

/// The response headers that a page may read, besides those that browsers always let it read.
pub const EXPOSED_HEADERS: &str =
    "etag, location, idempotent-replayed, order-status, retry-after, x-request-id";

/// The configured origins, whose pages may call the API.
///
/// The list has at least one entry and no duplicates. Each entry is one origin, never a pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedOrigins(Vec<Origin>);

impl AllowedOrigins {
    /// Parses a comma-separated list. White space around an entry is ignored.
    ///
    /// # Errors
    ///
    /// [`OriginError`] names the first entry that is not an origin in the form that browsers send,
    /// or that stands for more than one origin.
    pub fn parse(list: &str) -> Result<Self, OriginError> {
        let mut origins: Vec<Origin> = Vec::new();
        for (index, entry) in list.split(',').map(str::trim).enumerate() {
            let refuse = |fault| OriginError {
                position: index + 1,
                entry: entry.to_owned(),
                fault,
            };
            let origin: Origin = entry.parse().map_err(refuse)?;
            if origins.contains(&origin) {
                return Err(refuse(OriginFault::Duplicate));
            }
            origins.push(origin);
        }
        Ok(Self(origins))
    }

    /// The configured origin that equals a request's `Origin` header, byte for byte.
    ///
    /// Two `Origin` headers joined into one value are equal to no entry.
    pub fn allow(&self, origin_header: Option<&HeaderValue>) -> Option<&Origin> {
        let sent = origin_header?;
        self.0.iter().find(|origin| origin.header_value() == sent)
    }
}

/// The first wrong entry of a list of origins. Its `Display` is one line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
// The entry is printed with `Debug`, which escapes a line break in it.
#[error("entry {position}, {entry:?}, {fault}")]
pub struct OriginError {
    /// The entry's place in the list, from 1.
    position: usize,
    /// The entry as configured, without the white space around it.
    entry: String,
    fault: OriginFault,
}

/// Lets a page of an allowed origin read the answer, and no other page.
///
/// `access-control-*` headers that the handler set are removed: only this function sets them.
/// `vary: Origin` is on every answer, also when the request had no `Origin`. Without it, a shared
/// cache could store that answer and return it to a page, which could not read it.
pub(crate) fn apply(
    headers: &mut HeaderMap,
    origin: Option<&HeaderValue>,
    origins: &AllowedOrigins,
) {
    remove_access_control(headers);
    if let Some(origin) = origins.allow(origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.header_value().clone());
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED_HEADERS),
        );
    }
    vary_by_origin(headers);
}

fn remove_access_control(headers: &mut HeaderMap) {
    let stale: Vec<_> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("access-control-"))
        .cloned()
        .collect();
    for name in stale {
        headers.remove(name);
    }
}

/// Joins all `vary` lines into one, with `Origin` first and no name twice.
///
/// `lambda_http` passes only the first of several lines to the gateway.
fn vary_by_origin(headers: &mut HeaderMap) {
    let mut members = vec!["Origin"];
    for line in headers.get_all(VARY) {
        // A header name is ASCII, so a value that is not ASCII is dropped.
        for member in line.to_str().unwrap_or_default().split(',').map(str::trim) {
            let known = members.iter().any(|old| old.eq_ignore_ascii_case(member));
            if !member.is_empty() && !known {
                members.push(member);
            }
        }
    }
    // This always succeeds: parts of header values, joined by commas, are a valid header value.
    if let Ok(value) = HeaderValue::from_str(&members.join(", ")) {
        headers.insert(VARY, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const APP: &str = "https://app.example";
    const LOCAL: &str = "http://localhost:5173";

    fn origins() -> AllowedOrigins {
        AllowedOrigins::parse("http://localhost:5173,https://app.example").unwrap()
    }

    fn applied(origin: Option<&[u8]>, before: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in before {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let origin = origin.map(|origin| HeaderValue::from_bytes(origin).unwrap());
        apply(&mut headers, origin.as_ref(), &origins());
        headers
    }

    #[track_caller]
    fn check_vary(before: &[(&'static str, &'static str)], expected: &str) {
        for origin in [None, Some(APP.as_bytes())] {
            let headers = applied(origin, before);
            let lines: Vec<_> = headers.get_all(VARY).iter().collect();
            assert_eq!(lines, [expected]);
        }
    }

    #[track_caller]
    fn check_list(list: &str, expected: Result<&[&str], (usize, &str, OriginFault)>) {
        let parsed = AllowedOrigins::parse(list);
        let expected = expected
            .map(|origins| {
                let origins = origins.iter().map(|origin| origin.parse().unwrap());
                AllowedOrigins(origins.collect())
            })
            .map_err(|(position, entry, fault)| OriginError {
                position,
                entry: entry.to_owned(),
                fault,
            });
        assert_eq!(parsed, expected);
    }

    #[test]
    fn a_list_keeps_its_order_and_ignores_white_space_around_entries() {
        check_list(APP, Ok(&[APP]));
        check_list(
            " http://localhost:5173 ,\n\thttps://app.example ",
            Ok(&[LOCAL, APP]),
        );
    }

    #[test]
    fn an_error_names_the_wrong_entry_and_its_place() {
        check_list("", Err((1, "", OriginFault::Empty)));
        check_list("https://app.example,", Err((2, "", OriginFault::Empty)));
        check_list(
            "https://app.example, *",
            Err((2, "*", OriginFault::Wildcard)),
        );
        check_list(
            "https://app.example,http://localhost:5173,https://app.example",
            Err((3, APP, OriginFault::Duplicate)),
        );
        let error = AllowedOrigins::parse("https://app.example,https://App.example\nx");
        assert_eq!(
            error.unwrap_err().to_string(),
            r#"entry 2, "https://App.example\nx", has an upper-case letter; browsers send lower case"#
        );
    }

    #[test]
    fn an_allowed_origin_may_read_the_answer_and_the_exposed_headers() {
        for origin in [APP, LOCAL] {
            let headers = applied(Some(origin.as_bytes()), &[]);
            assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], origin);
            assert_eq!(
                headers[ACCESS_CONTROL_EXPOSE_HEADERS],
                "etag, location, idempotent-replayed, order-status, retry-after, x-request-id"
            );
            assert_eq!(headers.len(), 3);
        }
    }

    #[test]
    fn an_origin_that_does_not_equal_a_listed_one_may_read_nothing() {
        for origin in [
            "https://app.example.evil",
            "https://evilapp.example",
            "null",
            "https://app.example/",
            "https://app.example:8443",
            "http://app.example",
            "https://app.example,https://app.example",
        ] {
            let headers = applied(Some(origin.as_bytes()), &[]);
            assert_eq!(headers.len(), 1, "{origin}: {headers:?}");
            assert_eq!(headers[VARY], "Origin");
        }
    }

    #[test]
    fn the_answer_to_a_request_without_origin_varies_by_origin_too() {
        let headers = applied(None, &[]);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[VARY], "Origin");
    }

    #[test]
    fn one_vary_line_names_origin_and_what_the_handler_named() {
        check_vary(&[("vary", "accept-encoding")], "Origin, accept-encoding");
        check_vary(&[("vary", "ORIGIN")], "Origin");
        check_vary(&[("vary", "Accept, origin, Accept")], "Origin, Accept");
        check_vary(&[("vary", " , ,")], "Origin");
        check_vary(&[("vary", "*")], "Origin, *");
        check_vary(
            &[("vary", "Accept"), ("vary", "Accept-Language, accept")],
            "Origin, Accept, Accept-Language",
        );
    }

    #[test]
    fn cors_headers_that_a_handler_sets_are_removed() {
        let before = [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-credentials", "true"),
            ("access-control-expose-headers", "*"),
            ("etag", "\"1\""),
        ];
        let foreign = applied(Some(b"https://app.example.evil"), &before);
        assert_eq!(foreign.len(), 2, "{foreign:?}");
        let ours = applied(Some(APP.as_bytes()), &before);
        assert_eq!(ours[ACCESS_CONTROL_ALLOW_ORIGIN], APP);
        assert!(!ours.contains_key("access-control-allow-credentials"));
    }

    /// An allowed origin with a small change. Random bytes are never that similar.
    fn nearly_allowed() -> impl Strategy<Value = Vec<u8>> {
        let inserted = prop::collection::vec(0x20_u8..0x7f, 0..3);
        (
            prop_oneof![Just(APP), Just(LOCAL)],
            0_usize..24,
            0_usize..3,
            inserted,
        )
            .prop_map(|(origin, at, removed, inserted)| {
                let mut origin = origin.as_bytes().to_vec();
                let at = at.min(origin.len());
                let end = (at + removed).min(origin.len());
                origin.splice(at..end, inserted);
                origin
            })
    }

    proptest! {
        #[test]
        fn an_origin_outside_the_list_never_gets_an_access_control_header(
            origin in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), nearly_allowed()],
        ) {
            let Ok(value) = HeaderValue::from_bytes(&origin) else { return Ok(()) };
            prop_assume!(origin != APP.as_bytes() && origin != LOCAL.as_bytes());
            let ours = origins();
            prop_assert_eq!(ours.allow(Some(&value)), None);
            let headers = applied(Some(&origin), &[("access-control-allow-origin", "*")]);
            let opened = headers.keys().any(|name| name.as_str().starts_with("access-control-"));
            prop_assert!(!opened, "{:?}", headers);
        }

        #[test]
        fn a_list_that_parses_allows_exactly_its_own_bytes(text in "https?://[a-z0-9.:/@*_-]{0,12}") {
            if let Ok(origins) = AllowedOrigins::parse(&text) {
                let value = HeaderValue::from_str(&text).unwrap();
                prop_assert!(origins.allow(Some(&value)).is_some());
                prop_assert!(!text.ends_with('/') && !text.contains(['@', '*']));
            }
        }
    }
}
