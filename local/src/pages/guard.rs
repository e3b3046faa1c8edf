//! Keeps pages of other origins away from `/_local`.
//!
//! A page anywhere on the web can send requests to this machine, and with a host name that it points at
//! 127.0.0.1 it can even read the answers (DNS rebinding). So the host must be one that nobody else can name, and
//! a request that a browser sends must come from this server's own pages. Programs such as curl send neither
//! `Sec-Fetch-Site` nor `Origin`.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Answers 403 to a request that a page of another origin may have sent.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    match refusal(request.method(), request.headers()) {
        None => next.run(request).await,
        Some(reason) => (StatusCode::FORBIDDEN, format!("{reason}\n")).into_response(),
    }
}

/// Why a request is refused.
fn refusal(method: &Method, headers: &HeaderMap) -> Option<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text("host").unwrap_or_default();
    if !is_own(host) {
        return Some("open this page at localhost or at an IP address");
    }
    let origin = text(header::ORIGIN.as_str());
    if origin.is_some_and(|origin| origin != format!("http://{host}")) {
        return Some("a page of another origin cannot do this: use curl");
    }
    match text("sec-fetch-site") {
        None | Some("same-origin" | "none") => None,
        // A link on another page may lead here. The reader then sees this page, and the other page does not.
        Some(_) if method == Method::GET && text("sec-fetch-mode") == Some("navigate") => None,
        Some(_) => Some("a page of another site cannot do this: use curl"),
    }
}

/// Whether a host is an IP address or `localhost`, which no DNS server can point elsewhere.
fn is_own(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(method: &Method, headers: &[(&'static str, &'static str)], passes: bool) {
        let pairs = headers.iter();
        let pairs = pairs.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let refused = refusal(method, &pairs.collect());
        assert_eq!(refused.is_none(), passes, "{headers:?}: {refused:?}");
    }

    #[test]
    fn a_host_that_somebody_else_can_name_is_refused() {
        for host in [
            "localhost",
            "localhost:3000",
            "LOCALHOST:3000",
            "127.0.0.1:3000",
            "[::1]:3000",
            "192.168.0.7:3000",
        ] {
            check(&Method::GET, &[("host", host)], true);
        }
        for host in [
            "evil.example:3000",
            "localhost.evil.example",
            "127.0.0.1.evil.example:3000",
            "localhost:3000:x",
            "",
        ] {
            check(&Method::GET, &[("host", host)], false);
        }
        check(&Method::GET, &[], false);
    }

    #[test]
    fn only_this_servers_own_pages_may_send_requests() {
        const HOST: (&str, &str) = ("host", "localhost:3000");
        for (name, value, passes) in [
            ("origin", "http://localhost:3000", true),
            ("origin", "http://127.0.0.1:3000", false),
            ("origin", "http://localhost:5173", false),
            ("origin", "null", false),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "none", true),
            ("sec-fetch-site", "same-site", false),
            ("sec-fetch-site", "cross-site", false),
        ] {
            check(&Method::POST, &[HOST, (name, value)], passes);
        }
    }

    #[test]
    fn a_link_on_another_page_may_lead_here_but_a_form_may_not() {
        let sent = [
            ("host", "localhost:3000"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ];
        check(&Method::GET, &sent, true);
        check(&Method::POST, &sent, false);
    }
}
