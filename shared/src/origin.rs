//! Parses one web origin, in exactly the form in which a browser sends it.
//!
//! A browser writes an origin in one way only (<https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin>):
//! scheme and host in lower case, no default port, nothing after the port. An entry in any other
//! form would never match a request, and nobody would notice. It is therefore an error.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use http::HeaderValue;

/// The longest host name, from RFC 1035, section 2.3.4.
const HOST_BYTES_MAX: usize = 253;
/// The longest part of a host name between two dots, from the same section.
const LABEL_BYTES_MAX: usize = 63;

/// A web origin such as `https://app.example` or `http://localhost:5173`.
///
/// It is stored as a header value. Answers copy this value from the configuration, never from
/// the request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin(HeaderValue);

impl Origin {
    /// The value for `access-control-allow-origin`.
    pub fn header_value(&self) -> &HeaderValue {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => return Err(OriginFault::Empty),
            "*" => return Err(OriginFault::Wildcard),
            "null" => return Err(OriginFault::Null),
            _ => {}
        }
        if !text.is_ascii() {
            return Err(OriginFault::NotAscii);
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(OriginFault::UpperCase);
        }
        let (scheme, rest) = text.split_once("://").ok_or(OriginFault::NoScheme)?;
        let scheme = Scheme::parse(scheme)?;
        let authority = authority(rest)?;
        let (host, port) = split_port(authority)?;
        let loopback = check_host(host)?;
        if let Some(port) = port {
            check_port(port, scheme)?;
        }
        if scheme == Scheme::Http && !loopback {
            return Err(OriginFault::PlainHttp);
        }
        HeaderValue::from_str(text)
            .map(Self)
            .map_err(|_| OriginFault::Host)
    }
}

/// Why a text is not an origin that can be allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OriginFault {
    /// The list is empty, or nothing stands between two commas.
    #[error("is empty")]
    Empty,
    /// `*`: every page could call the API.
    #[error("is a wildcard; list each origin by name")]
    Wildcard,
    /// `https://*.example`: a pattern also matches hosts that its author did not expect.
    #[error("is a pattern; list each origin by name")]
    Pattern,
    /// `null`: every sandboxed frame and every local file sends it.
    #[error("is the origin that every sandboxed page sends; it cannot be allowed")]
    Null,
    /// A browser sends an international name in its ASCII form.
    #[error("is not ASCII; write an international name in its xn-- form")]
    NotAscii,
    /// A browser sends lower case only.
    #[error("has an upper-case letter; browsers send lower case")]
    UpperCase,
    /// `app.example` instead of `https://app.example`.
    #[error("has no scheme; write it as https://host or https://host:port")]
    NoScheme,
    /// A scheme that is neither http nor https.
    #[error("has a scheme other than https (http is for localhost and loopback addresses only)")]
    Scheme,
    /// `https://app.example/`: the most common mistake, so it has its own message.
    #[error("has a trailing slash; an origin ends with its host or port")]
    TrailingSlash,
    /// `https://app.example/shop`, `?query` or `#fragment`.
    #[error("has a path, a query or a fragment; an origin ends with its host or port")]
    Path,
    /// `https://user@app.example`.
    #[error("has a user name; an origin has none")]
    UserInfo,
    /// A host that is not a name or an address in the form that browsers send.
    #[error("has a host that is neither a name nor an address in the form browsers send")]
    Host,
    /// A port that is not 1 to 65535, or that has a leading zero.
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    /// `https://app.example:443`: browsers leave out the default port.
    #[error("has its scheme's default port; browsers leave it out")]
    DefaultPort,
    /// `http://app.example`: anyone on the network could change that page and call the API.
    #[error("uses http; only localhost and loopback addresses may do so, all others need https")]
    PlainHttp,
    /// The same entry twice is probably a mistake.
    #[error("is listed twice")]
    Duplicate,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Result<Self, OriginFault> {
        match text {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(OriginFault::Scheme),
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Checks that `rest`, the text after the scheme, is only a host and perhaps a port.
fn authority(rest: &str) -> Result<&str, OriginFault> {
    if let Some(before) = rest.strip_suffix('/')
        && !before.contains(['/', '?', '#'])
    {
        return Err(OriginFault::TrailingSlash);
    }
    if rest.contains(['/', '\\', '?', '#']) {
        return Err(OriginFault::Path);
    }
    if rest.contains('@') {
        return Err(OriginFault::UserInfo);
    }
    if rest.contains('*') {
        return Err(OriginFault::Pattern);
    }
    Ok(rest)
}

/// Splits `host:port`. An IPv6 address is in brackets, because it contains colons.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), OriginFault> {
    let Some(bracketed) = authority.strip_prefix('[') else {
        return Ok(match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        });
    };
    let (_, after) = bracketed.split_once(']').ok_or(OriginFault::Host)?;
    let host = authority.strip_suffix(after).ok_or(OriginFault::Host)?;
    match after.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if after.is_empty() => Ok((host, None)),
        None => Err(OriginFault::Host),
    }
}

fn check_port(port: &str, scheme: Scheme) -> Result<(), OriginFault> {
    // `u16::from_str` also accepts "+80" and "0080".
    let canonical = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(number) if canonical && number == scheme.default_port() => Err(OriginFault::DefaultPort),
        Ok(_) if canonical => Ok(()),
        Ok(_) | Err(_) => Err(OriginFault::Port),
    }
}

/// Checks the host. The result says whether it is this machine.
fn check_host(host: &str) -> Result<bool, OriginFault> {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or(OriginFault::Host)?;
        let parsed = Ipv6Addr::from_str(address).map_err(|_| OriginFault::Host)?;
        if browser_form(parsed) != address {
            return Err(OriginFault::Host);
        }
        return Ok(parsed.is_loopback());
    }
    // If the last label of a host is a number, a browser reads the host as an IPv4 address, also
    // in forms such as 0x7f.1 or 127.1. It sends the address as four decimal numbers.
    let last = host.rsplit('.').next().unwrap_or(host);
    if last.starts_with(|first: char| first.is_ascii_digit())
        && (last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x"))
    {
        let parsed = Ipv4Addr::from_str(host).map_err(|_| OriginFault::Host)?;
        return Ok(parsed.is_loopback());
    }
    if HOST_BYTES_MAX < host.len() || !host.split('.').all(is_label) {
        return Err(OriginFault::Host);
    }
    Ok(host == "localhost")
}

/// An IPv6 address as browsers write it: as in RFC 5952, except that the last two groups of a
/// mapped IPv4 address are hexadecimal.
fn browser_form(address: Ipv6Addr) -> String {
    match address.to_ipv4_mapped() {
        Some(_) => {
            let [.., high, low] = address.segments();
            format!("::ffff:{high:x}:{low:x}")
        }
        None => address.to_string(),
    }
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

#[cfg(test)]
mod tests;
