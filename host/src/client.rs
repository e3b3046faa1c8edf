//! Finds the client's address behind proxies.
//!
//! Anyone can send a `Forwarded` or an `X-Forwarded-For` header. So only one of the two is read: the
//! one that the trusted proxies write. Its entries are read from the last, and those of trusted
//! proxies are passed over. Nothing that the client wrote is reached.
//!
//! Behind a VPC link, the client is in `Forwarded`, which API Gateway writes. The balancer's
//! `X-Forwarded-For` ends with the link's private address, and begins with what the client sent.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use ipnet::IpNet;

/// The header that the trusted proxies write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AddressHeader {
    /// There are no proxies.
    Nothing,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

/// How a client's address is found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clients {
    /// The header that the proxies write.
    pub header: AddressHeader,
    /// The networks of the proxies.
    pub networks: Vec<IpNet>,
}

impl Clients {
    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The address of the client that sent these headers over a connection from `peer`.
    ///
    /// Falls back to the last address that is known for certain.
    pub(crate) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut known = peer.to_canonical();
        if !self.trusts(known) {
            return known;
        }
        for entry in self.entries(headers).iter().rev() {
            // Behind an entry that is not an address, nothing is certain.
            let Some(address) = entry else { break };
            known = address.to_canonical();
            if !self.trusts(known) {
                break;
            }
        }
        known
    }

    /// The addresses that the header lists; `None` for an entry that is not one.
    fn entries(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            AddressHeader::Nothing => return Vec::new(),
            AddressHeader::Forwarded => ("forwarded", forwarded_for),
            AddressHeader::XForwardedFor => ("x-forwarded-for", node),
        };
        let lines = headers.get_all(name).iter();
        let lines = lines.map(|line| line.to_str().unwrap_or_default());
        lines.flat_map(|line| line.split(',').map(read)).collect()
    }
}

/// The `for` parameter of an element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    node(value.trim().trim_matches('"'))
}

/// An address, perhaps with a port, and in brackets if it is of version 6.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: AddressHeader, peer: &str, lines: &[(&'static str, &str)], expected: &str) {
        let networks = ["10.0.0.0/16", "fd00::/8"].map(|network| network.parse().unwrap());
        let clients = Clients {
            header,
            networks: networks.to_vec(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let found = clients.address(peer.parse().unwrap(), &headers);
        assert_eq!(found.to_string(), expected);
    }

    const LINK: &str = "10.0.1.2";

    #[test]
    fn behind_a_vpc_link_the_client_is_in_forwarded() {
        let lines = [
            (
                "forwarded",
                "by=3.4.5.6;for=203.0.113.7;host=api.example;proto=https",
            ),
            ("x-forwarded-for", "198.51.100.1, 10.0.9.9"),
        ];
        check(AddressHeader::Forwarded, LINK, &lines, "203.0.113.7");
    }

    #[test]
    fn what_the_client_wrote_is_not_its_address() {
        let forged = [
            ("forwarded", "for=198.51.100.1"),
            ("forwarded", "for=203.0.113.7"),
        ];
        check(AddressHeader::Forwarded, LINK, &forged, "203.0.113.7");
        let forged = [("forwarded", "for=198.51.100.1, For=\"[2001:db8::7]:4711\"")];
        check(AddressHeader::Forwarded, LINK, &forged, "2001:db8::7");
        let forged = [("x-forwarded-for", "198.51.100.1, 203.0.113.7, 10.0.3.4")];
        check(AddressHeader::XForwardedFor, LINK, &forged, "203.0.113.7");
    }

    #[test]
    fn a_peer_that_is_not_trusted_is_the_client() {
        let forged = [("forwarded", "for=198.51.100.1")];
        check(
            AddressHeader::Forwarded,
            "203.0.113.7",
            &forged,
            "203.0.113.7",
        );
        check(AddressHeader::Nothing, LINK, &forged, LINK);
        check(
            AddressHeader::XForwardedFor,
            "::ffff:203.0.113.7",
            &[],
            "203.0.113.7",
        );
    }

    #[test]
    fn an_entry_that_is_not_an_address_ends_what_is_known() {
        check(
            AddressHeader::Forwarded,
            LINK,
            &[("forwarded", "for=unknown")],
            LINK,
        );
        let lines = [("x-forwarded-for", "203.0.113.7, x, 10.0.3.4")];
        check(AddressHeader::XForwardedFor, LINK, &lines, "10.0.3.4");
        check(
            AddressHeader::XForwardedFor,
            "fd00::1",
            &[("x-forwarded-for", "")],
            "fd00::1",
        );
    }
}
