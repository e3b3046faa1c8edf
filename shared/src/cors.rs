//! Which origins may read answers, and what an actual answer (not a preflight's) says about it.
//!
//! The rules are those of <https://fetch.spec.whatwg.org/#http-cors-protocol>. Credentials in its
//! sense (cookies, client certificates) are never allowed: callers send bearer tokens.

use http::{
    HeaderMap, HeaderValue,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, VARY},
};

pub use crate::origin::Origin;
use crate::origin::OriginFault;

/// The response headers that a page may read, beyond those that every page may.
pub const EXPOSED_HEADERS: &str =
    "etag, location, idempotent-replayed, order-status, retry-after, x-request-id";

/// The origins whose pages may call the API, as configured.
///
/// There is at least one, none is listed twice, and none stands for several.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedOrigins(Vec<Origin>);

impl AllowedOrigins {
    /// Parses a comma-separated list; white space around an entry is of no account.
    ///
    /// # Errors
    ///
    /// [`OriginError`] names the first entry that is not an origin as a browser sends it, or that
    /// is too broad to allow.
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

    /// The configured origin that a request's `Origin` header names, byte for byte.
    ///
    /// Two joined `Origin` headers, or any other value that is not one of the list, are `None`.
    pub fn allow(&self, origin_header: Option<&HeaderValue>) -> Option<&Origin> {
        let sent = origin_header?;
        self.0.iter().find(|origin| origin.header_value() == sent)
    }
}

/// An entry of a list of origins that cannot be allowed; its `Display` is one line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
// Debug form of the entry: a line break in it must not break the line.
#[error("entry {position}, {entry:?}, {fault}")]
pub struct OriginError {
    /// The entry's place in the list, from 1.
    position: usize,
    /// The entry as configured, without the white space around it.
    entry: String,
    /// What is wrong with it.
    fault: OriginFault,
}

/// Makes an actual answer readable by a page of an allowed origin, and by no other.
///
/// `access-control-*` headers that are there already are dropped: this function alone decides.
/// `vary: Origin` is there for every request, because a shared cache that stored the answer to a
/// request without `Origin` would otherwise hand it to a page, which could not read it.
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

/// Leaves one `vary` line that names `Origin` once, first, and then whatever was named before.
///
/// One line, because `lambda_http` hands only the first of several to the gateway.
fn vary_by_origin(headers: &mut HeaderMap) {
    let mut members = vec!["Origin"];
    for line in headers.get_all(VARY) {
        // A value that is not ASCII names no header and is dropped.
        for member in line.to_str().unwrap_or_default().split(',').map(str::trim) {
            let known = members.iter().any(|old| old.eq_ignore_ascii_case(member));
            if !member.is_empty() && !known {
                members.push(member);
            }
        }
    }
    // Parts of header values, joined by a comma, are a header value again.
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
    fn case_11_the_entry_at_fault_is_named_with_its_place() {
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
    fn an_allowed_origin_reads_the_answer_and_the_exposed_headers() {
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
    fn case_2_an_origin_that_is_not_the_listed_bytes_reads_nothing() {
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
    fn case_7_an_answer_without_origin_still_varies_by_origin() {
        let headers = applied(None, &[]);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[VARY], "Origin");
    }

    #[test]
    fn case_9_there_is_one_vary_line_that_keeps_what_the_handler_named() {
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
    fn a_handler_cannot_open_the_answer_by_itself() {
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

    /// Random bytes never come near an allowed origin: these are an allowed one with a change.
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
        fn no_origin_outside_the_list_ever_yields_an_access_control_header(
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
