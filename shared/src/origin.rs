//! One web origin, in the exact bytes in which a browser sends it.
//!
//! A browser serialises an origin in one way only (<https://html.spec.whatwg.org/#ascii-serialisation-of-an-origin>):
//! lower-case scheme and host, no default port, nothing behind the port. Whatever else
//! stands in a configuration would never match, silently, so it does not parse.

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
/// It is kept as the header value that answers carry, so that what is echoed is what was
/// configured and never what a request contained.
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

/// What keeps a text from being an origin that a browser could send and that may be allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OriginFault {
    /// Nothing between two commas, or nothing at all.
    #[error("is empty")]
    Empty,
    /// `*`: any page could call the API.
    #[error("is a wildcard; list each origin by name")]
    Wildcard,
    /// `https://*.example`: patterns let in hosts that nobody thought of.
    #[error("is a pattern; list each origin by name")]
    Pattern,
    /// `null` is sent by sandboxed frames and files of anyone.
    #[error("is the origin of every sandboxed page and cannot be allowed")]
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
    /// Neither http nor https.
    #[error("has a scheme other than https (or http for this machine)")]
    Scheme,
    /// `https://app.example/`: the commonest slip, so it has words of its own.
    #[error("has a trailing slash; an origin ends with its host or port")]
    TrailingSlash,
    /// `https://app.example/shop`, `?query` or `#fragment`.
    #[error("has a path, a query or a fragment; an origin ends with its host or port")]
    Path,
    /// `https://user@app.example`.
    #[error("has a user name; an origin has none")]
    UserInfo,
    /// Not a name or an address as a browser writes it.
    #[error("has a host that is neither a name nor an address in the form browsers send")]
    Host,
    /// Not 1 to 65535, or with a leading zero.
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    /// `https://app.example:443`: browsers leave it out.
    #[error("has its scheme's default port; browsers leave it out")]
    DefaultPort,
    /// Plain http would let anyone on the way speak as that page.
    #[error("uses http; only localhost and loopback addresses may, all others need https")]
    PlainHttp,
    /// The same entry twice is a slip worth hearing about.
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

/// What stands between the scheme and the end, once it is sure that nothing follows it.
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

/// Splits `host:port`; the colons of an IPv6 address stand in brackets.
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
    // `u16::from_str` alone would take "+80" and "0080".
    let canonical = port.bytes().all(|byte| byte.is_ascii_digit()) && !port.starts_with('0');
    match port.parse::<u16>() {
        Ok(number) if canonical && number == scheme.default_port() => Err(OriginFault::DefaultPort),
        Ok(_) if canonical => Ok(()),
        Ok(_) | Err(_) => Err(OriginFault::Port),
    }
}

/// Checks the host and tells whether it is this machine.
fn check_host(host: &str) -> Result<bool, OriginFault> {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or(OriginFault::Host)?;
        let parsed = Ipv6Addr::from_str(address).map_err(|_| OriginFault::Host)?;
        if browser_form(parsed) != address {
            return Err(OriginFault::Host);
        }
        return Ok(parsed.is_loopback());
    }
    // A browser reads a host whose last label is a number as an IPv4 address, whatever its form
    // (0x7f.1, 127.1), and sends it as four decimal numbers.
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

/// RFC 5952, but for mapped IPv4 addresses, which browsers write as two hexadecimal groups.
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
