//! Which origins may read answers, and what an actual answer (not a preflight's) says about it.
//!
//! The rules are those of <https://fetch.spec.whatwg.org/#http-cors-protocol>. Credentials in its
//! sense (cookies, client certificates) are never allowed: callers send bearer tokens.

use http::{
    HeaderMap, HeaderValue,
    header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, VARY},
};

pub use crate::origin::{Origin, OriginFault};

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

    /// The origins in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter()
    }
}

/// An entry of a list of origins that cannot be allowed; its `Display` is one line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
// Debug form of the entry: a line break in it must not break the line.
#[error("entry {position}, {entry:?}, {fault}")]
pub struct OriginError {
    /// The entry's place in the list, from 1.
    pub position: usize,
    /// The entry as configured, without the white space around it.
    pub entry: String,
    /// What is wrong with it.
    pub fault: OriginFault,
}

/// Makes an actual answer readable by a page of an allowed origin, and by no other.
///
/// `access-control-*` headers that are there already are dropped: this function alone decides.
/// `vary: Origin` is there for every request, because a shared cache that stored the answer to a
/// request without `Origin` would otherwise hand it to a page, which could not read it.
pub fn apply(headers: &mut HeaderMap, origin: Option<&HeaderValue>, origins: &AllowedOrigins) {
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
