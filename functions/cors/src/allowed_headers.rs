//! The request headers that a page may set.

use lambda_http::http::HeaderName;

/// The request headers that a page may always set, besides those that browsers always let it set.
///
/// `authorization` must be named: `*` does not include it.
pub const ALLOWED_HEADERS: &str =
    "authorization, content-type, idempotency-key, if-match, if-none-match";

/// The headers that pages may set: [`ALLOWED_HEADERS`], then those of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AllowedHeaders {
    names: Vec<HeaderName>,
    /// The names in one line, as `access-control-allow-headers` lists them.
    list: String,
}

impl AllowedHeaders {
    /// [`ALLOWED_HEADERS`] and the headers of a comma-separated list, which may be empty. White space
    /// around an entry is ignored, and so is a name that is there already.
    pub(crate) fn and(more: &str) -> Result<Self, HeaderError> {
        let mut names: Vec<HeaderName> = Vec::new();
        let always = ALLOWED_HEADERS.split(", ").map(|name| (0, name));
        let more = Some(more).filter(|more| !more.trim().is_empty());
        let more = (1..).zip(more.into_iter().flat_map(|more| more.split(',')));
        for (position, entry) in always.chain(more) {
            let entry = entry.trim();
            let refuse = |fault| HeaderError {
                position,
                entry: entry.to_owned(),
                fault,
            };
            // `*` is a valid name of a header, but browsers read it as a wildcard.
            if entry == "*" {
                return Err(refuse("is a wildcard; list each header by name"));
            }
            let name = HeaderName::from_bytes(entry.as_bytes());
            let name = name.map_err(|_| refuse("is not the name of a header"))?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let list: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
        let list = list.join(", ");
        Ok(Self { names, list })
    }

    /// Whether a page may set the header of this name. Case does not matter.
    pub(crate) fn contain(&self, name: &[u8]) -> bool {
        let mut names = self.names.iter();
        names.any(|allowed| name.eq_ignore_ascii_case(allowed.as_str().as_bytes()))
    }

    /// The names in lower case, separated by a comma and a space.
    pub(crate) fn list(&self) -> &str {
        &self.list
    }
}

/// The first wrong entry of a list of headers. Its `Display` is one line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
// The entry is printed with `Debug`, which escapes a line break in it.
#[error("entry {position}, {entry:?}, {fault}")]
pub struct HeaderError {
    /// The entry's place in the list, from 1.
    position: usize,
    /// The entry as configured, without the white space around it.
    entry: String,
    fault: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(more: &str, expected: Result<&str, &str>) {
        let allowed = AllowedHeaders::and(more);
        let list = allowed.map(|allowed| allowed.list().to_owned());
        let expected = expected
            .map(|more| format!("{ALLOWED_HEADERS}{more}"))
            .map_err(str::to_owned);
        assert_eq!(list.map_err(|error| error.to_string()), expected);
    }

    #[test]
    fn configured_headers_are_added_to_the_five() {
        check("", Ok(""));
        check(" ", Ok(""));
        check("traceparent", Ok(", traceparent"));
        check(
            "traceparent , X-Requested-With",
            Ok(", traceparent, x-requested-with"),
        );
        check("If-Match,traceparent,TraceParent", Ok(", traceparent"));
    }

    #[test]
    fn a_wildcard_and_a_malformed_name_are_refused() {
        let wildcard = r#"entry 1, "*", is a wildcard; list each header by name"#;
        check("*", Err(wildcard));
        let malformed = r#"entry 2, "a b", is not the name of a header"#;
        check("traceparent,a b", Err(malformed));
        check("a,", Err(r#"entry 2, "", is not the name of a header"#));
        check(
            "a\nb",
            Err(r#"entry 1, "a\nb", is not the name of a header"#),
        );
        check("ä", Err(r#"entry 1, "ä", is not the name of a header"#));
    }

    #[test]
    fn the_case_of_a_name_does_not_matter() {
        let allowed = AllowedHeaders::and("X-Requested-With").unwrap();
        assert!(allowed.contain(b"x-REQUESTED-with"));
        assert!(allowed.contain(b"Authorization"));
        assert!(!allowed.contain(b"x-requested"));
    }
}
