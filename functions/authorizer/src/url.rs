//! An address that keys may be fetched from: https, or http on this machine.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

/// An address whose traffic no third party can read or change.
///
/// `Display` and `Debug` leave out the query, which may hold an API key.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct KeyUrl(Uri);

/// Why keys are not fetched from an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum KeyUrlError {
    /// Not an absolute URL.
    #[error("is not an absolute URL")]
    Syntax,
    /// `http` to another machine, or a scheme other than http and https.
    #[error("must be https (http is allowed for loopback addresses only)")]
    Scheme,
    /// The address holds `user:password@`.
    #[error("must not hold a user name or password")]
    Credentials,
}

impl KeyUrl {
    pub(crate) fn as_uri(&self) -> &Uri {
        &self.0
    }

    /// The address of an issuer's OpenID configuration (OpenID Connect Discovery
    /// 1.0, section 4).
    pub(crate) fn discovery(iss: &str) -> Result<Self, KeyUrlError> {
        let base = iss.strip_suffix('/').unwrap_or(iss);
        let url: Self = format!("{base}/.well-known/openid-configuration").parse()?;
        // A query in `iss` would swallow the path that is added here.
        if url.0.query().is_some() {
            return Err(KeyUrlError::Syntax);
        }
        Ok(url)
    }
}

impl FromStr for KeyUrl {
    type Err = KeyUrlError;

    fn from_str(text: &str) -> Result<Self, KeyUrlError> {
        let uri: Uri = text.parse().map_err(|_| KeyUrlError::Syntax)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(KeyUrlError::Syntax);
        };
        if authority.as_str().contains('@') {
            return Err(KeyUrlError::Credentials);
        }
        if text.contains('#') || authority.host().is_empty() {
            return Err(KeyUrlError::Syntax);
        }
        match scheme {
            "https" => Ok(Self(uri)),
            "http" if is_loopback(authority.host()) => Ok(Self(uri)),
            _ => Err(KeyUrlError::Scheme),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for KeyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self
            .0
            .authority()
            .map_or("", |authority| authority.as_str());
        write!(formatter, "{scheme}://{authority}{}", self.0.path())
    }
}

impl fmt::Debug for KeyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), KeyUrlError>) {
        assert_eq!(text.parse::<KeyUrl>().map(|_| ()), expected, "{text}");
    }

    #[test]
    fn keys_come_over_https_or_from_this_machine() {
        for good in [
            "https://issuer.example/keys",
            "https://issuer.example:8443/keys?tenant=1",
            "http://localhost:3000/keys",
            "http://127.0.0.1/keys",
            "http://127.8.8.8/keys",
            "http://[::1]:3000/keys",
        ] {
            check(good, Ok(()));
        }
        for bad in [
            "http://issuer.example/keys",
            "http://localhost.evil.example/keys",
            "http://127.0.0.1.evil.example/keys",
            "http://0.0.0.0/keys",
            "ftp://issuer.example/keys",
        ] {
            check(bad, Err(KeyUrlError::Scheme));
        }
        for bad in [
            "",
            "/keys",
            "issuer.example",
            "https:///keys",
            "https://a/b#c",
            "file:///keys",
        ] {
            assert!(bad.parse::<KeyUrl>().is_err(), "{bad}");
        }
        check(
            "http://localhost@evil.example/",
            Err(KeyUrlError::Credentials),
        );
        check(
            "https://user:password@issuer.example/",
            Err(KeyUrlError::Credentials),
        );
    }

    #[test]
    fn a_printed_address_has_no_query() {
        let url: KeyUrl = "https://issuer.example/keys?api_key=hunter2"
            .parse()
            .unwrap();
        assert_eq!(
            format!("{url} {url:?}"),
            "https://issuer.example/keys https://issuer.example/keys"
        );
    }

    #[test]
    fn the_discovery_address_is_below_the_issuers_own() {
        for iss in [
            "https://issuer.example/tenant",
            "https://issuer.example/tenant/",
        ] {
            assert_eq!(
                KeyUrl::discovery(iss).unwrap().to_string(),
                "https://issuer.example/tenant/.well-known/openid-configuration"
            );
        }
        assert_eq!(
            KeyUrl::discovery("http://issuer.example"),
            Err(KeyUrlError::Scheme)
        );
        assert_eq!(
            KeyUrl::discovery("https://issuer.example/?a=b"),
            Err(KeyUrlError::Syntax)
        );
    }
}
