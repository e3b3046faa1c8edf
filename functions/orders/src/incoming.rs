//! Reads what the routes need from the gateway's event, once for each request.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _};
use once::IdempotencyKey;
use serde_json::{Map, Value};
use shared::caller::Caller;

use crate::deadline::deadline;
use crate::error::Error;

/// The largest body, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// A request, as the routes need it.
#[derive(Debug)]
pub(crate) struct Incoming {
    /// The route that the gateway matched, such as `GET /orders/{id}`.
    pub(crate) route: String,
    /// The gateway's id of the request. Every answer carries it.
    pub(crate) request_id: String,
    /// Lambda's id of the invocation.
    pub(crate) invocation_id: String,
    /// The trace that the invocation belongs to.
    pub(crate) trace_id: Option<String>,
    /// When the invocation ends.
    pub(crate) deadline: Timestamp,
    headers: HeaderMap,
    parameters: Vec<(String, String)>,
    query: Vec<(String, String)>,
    context: Option<Map<String, Value>>,
    body: Body,
}

impl Incoming {
    /// Reads a request.
    pub(crate) fn read(request: Request, now: Timestamp) -> Self {
        let invocation = request.lambda_context();
        let pairs = |map: lambda_http::aws_lambda_events::query_map::QueryMap| {
            map.iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        let parameters = pairs(request.path_parameters());
        let query = pairs(request.query_string_parameters());
        let (route, request_id, context) = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => (
                context.route_key.clone(),
                context.request_id.clone(),
                // `fields` is the member `authorizer.lambda` of the event.
                context.authorizer.as_ref().map(|authorizer| {
                    let fields = authorizer.fields.iter();
                    fields
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect()
                }),
            ),
            // An event of another form is refused before it gets here.
            _ => (None, None, None),
        };
        let (parts, body) = request.into_parts();
        Self {
            route: route.unwrap_or_default(),
            request_id: request_id.unwrap_or_else(|| invocation.request_id.clone()),
            invocation_id: invocation.request_id,
            trace_id: invocation.xray_trace_id,
            deadline: deadline(invocation.deadline, now),
            headers: parts.headers,
            parameters,
            query,
            context,
            body,
        }
    }

    /// The page's origin, if a browser sent it.
    pub(crate) fn origin(&self) -> Option<&HeaderValue> {
        self.headers.get(http::header::ORIGIN)
    }

    /// The address of the client, as the gateway or CloudFront saw it.
    pub(crate) fn client_address(&self, behind_edge: bool) -> Option<IpAddr> {
        let forwarded = self.headers.get("x-forwarded-for")?;
        client_address(forwarded.to_str().ok()?, behind_edge)
    }

    /// All headers.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A parameter of the path.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        first(&self.parameters, name).unwrap_or_default()
    }

    /// A parameter of the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// Who is calling.
    ///
    /// # Errors
    /// The event names no caller: the route has no authorizer.
    pub(crate) fn caller(&self) -> Result<Caller, Error> {
        let context = self
            .context
            .as_ref()
            .ok_or_else(|| Error::NoCaller("there is no authorizer's context".to_owned()))?;
        Caller::from_context(context).map_err(|error| Error::NoCaller(error.to_string()))
    }

    /// The client's name for this attempt.
    ///
    /// # Errors
    /// It is missing or malformed.
    pub(crate) fn idempotency_key(&self) -> Result<IdempotencyKey, Error> {
        let value = self
            .headers
            .get("idempotency-key")
            .ok_or(Error::KeyMissing)?;
        Ok(IdempotencyKey::try_from(value.as_bytes())?)
    }

    /// The body. Its `Content-Type` must be JSON.
    ///
    /// # Errors
    /// The body is compressed, its `Content-Type` is another one, or it is too large.
    pub(crate) fn json(&self) -> Result<&[u8], Error> {
        if self.headers.get(CONTENT_ENCODING).is_some_and(is_encoded) {
            return Err(Error::ContentEncoding);
        }
        if !self.headers.get(CONTENT_TYPE).is_some_and(is_json) {
            return Err(Error::MediaType);
        }
        self.bytes()
    }

    /// The body of a route where it is optional: `None` if it is empty.
    ///
    /// # Errors
    /// As [`Incoming::json`].
    pub(crate) fn optional_json(&self) -> Result<Option<&[u8]>, Error> {
        if self.body.is_empty() {
            return Ok(None);
        }
        self.json().map(Some)
    }

    fn bytes(&self) -> Result<&[u8], Error> {
        let bytes: &[u8] = &self.body;
        if BODY_BYTES_MAX < bytes.len() {
            return Err(Error::BodyTooLarge(BODY_BYTES_MAX));
        }
        Ok(bytes)
    }
}

/// The client's address in a list of `X-Forwarded-For`.
///
/// Each server adds the address that it was called from, at the end: CloudFront the client's, then
/// the gateway CloudFront's. Without CloudFront, the gateway's entry is the client's. Entries before
/// these can be forged. A client that bypasses CloudFront can forge the second entry from the end
/// too; the access log has its real address.
fn client_address(forwarded: &str, behind_edge: bool) -> Option<IpAddr> {
    let entry = forwarded.rsplit(',').nth(usize::from(behind_edge))?;
    entry.trim().parse().ok()
}

fn first<'pairs>(pairs: &'pairs [(String, String)], name: &str) -> Option<&'pairs str> {
    let found = pairs.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.as_str())
}

/// Whether a `Content-Encoding` names a coding. `identity` is none (RFC 9110, section
/// 8.4.1 lists no such coding, but some clients send it).
fn is_encoded(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return true;
    };
    let mut codings = text.split(',').map(str::trim);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
}

/// Whether a media type is JSON. If it has a charset, that must be UTF-8.
fn is_json(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let mut parts = text.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts.all(|parameter| {
            parameter.eq_ignore_ascii_case("charset=utf-8")
                || parameter.eq_ignore_ascii_case("charset=\"utf-8\"")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_address_is_the_entry_that_the_client_cannot_forge() {
        let address = |forwarded, behind_edge| {
            client_address(forwarded, behind_edge).map(|address| address.to_string())
        };
        let forged = "10.0.0.1, 203.0.113.7, 130.176.0.1";
        assert_eq!(address(forged, true).as_deref(), Some("203.0.113.7"));
        assert_eq!(address(forged, false).as_deref(), Some("130.176.0.1"));
        let six = "2001:db8::1,130.176.0.1";
        assert_eq!(address(six, true).as_deref(), Some("2001:db8::1"));
        assert_eq!(
            address("203.0.113.7", false).as_deref(),
            Some("203.0.113.7")
        );
        // Nothing that a client wrote is logged as its address.
        assert_eq!(address("203.0.113.7", true), None);
        assert_eq!(address("<script>, 130.176.0.1", true), None);
        assert_eq!(address("", false), None);
    }

    #[test]
    fn every_coding_but_identity_is_an_encoding() {
        let encoded = |text: &'static str| is_encoded(&HeaderValue::from_static(text));
        assert!(encoded("gzip") && encoded("identity, br") && encoded("x"));
        assert!(!encoded("identity") && !encoded("Identity, ") && !encoded(""));
    }

    #[test]
    fn only_json_in_utf_8_is_json() {
        let json = |text: &'static str| is_json(&HeaderValue::from_static(text));
        assert!(json("application/json"));
        assert!(json("Application/JSON; charset=UTF-8"));
        assert!(!json("text/plain"));
        assert!(!json("application/json; charset=latin-1"));
        assert!(!json("application/jsonp"));
        assert!(!json("application/json, text/plain"));
        assert!(!json(""));
    }

    /// A request to take goods back, with this body and these headers.
    fn incoming(body: &str, headers: &[(&str, &str)]) -> Incoming {
        let headers: Map<String, Value> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let event = serde_json::json!({
            "version": "2.0",
            "routeKey": "POST /orders/{id}/returns",
            "rawPath": "/orders/ord_1/returns",
            "rawQueryString": "limit=7&after=x%20y",
            "queryStringParameters": {"limit": "7", "after": "x y"},
            "pathParameters": {"id": "ord_1"},
            "headers": headers,
            "requestContext": {
                "http": {"method": "POST", "path": "/orders/ord_1/returns", "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1", "userAgent": "x"},
                "requestId": "request-1",
                "routeKey": "POST /orders/{id}/returns",
                "authorizer": {"lambda": {"issuer": "local", "sub": "demo", "scope": "a b"}},
                "timeEpoch": 0,
            },
            "body": body,
            "isBase64Encoded": false,
        });
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let request = request.with_lambda_context(lambda_http::Context::default());
        Incoming::read(request, Timestamp::UNIX_EPOCH)
    }

    const JSON: (&str, &str) = ("content-type", "application/json");

    #[test]
    fn an_event_is_read_into_what_the_routes_need() {
        let incoming = incoming(
            "{}",
            &[
                ("origin", "https://a.example"),
                ("x-forwarded-for", "192.0.2.7"),
            ],
        );
        assert_eq!(incoming.route, "POST /orders/{id}/returns");
        assert_eq!(incoming.request_id, "request-1");
        assert_eq!(incoming.origin().unwrap(), "https://a.example");
        assert_eq!(incoming.headers()["origin"], "https://a.example");
        let address = incoming.client_address(false).unwrap();
        assert_eq!(address.to_string(), "192.0.2.7");
        assert_eq!(
            (incoming.parameter("id"), incoming.parameter("sku")),
            ("ord_1", "")
        );
        assert_eq!(
            (incoming.query("limit"), incoming.query("after")),
            (Some("7"), Some("x y"))
        );
        assert_eq!(incoming.query("from"), None);
        let caller = incoming.caller().unwrap();
        assert_eq!(
            (caller.issuer.as_str(), caller.sub.as_str()),
            ("local", "demo")
        );
        assert!(caller.may("a") && caller.may("b") && !caller.may("c"));
    }

    #[test]
    fn a_body_is_json_that_is_not_compressed_and_not_too_large() {
        let read = |body: &str, headers: &[_]| incoming(body, headers).json().map(<[u8]>::to_vec);
        assert_eq!(read("{}", &[JSON]), Ok(b"{}".to_vec()));
        assert_eq!(read("", &[JSON]), Ok(Vec::new()));
        assert_eq!(read("{}", &[]), Err(Error::MediaType));
        assert_eq!(
            read("{}", &[("content-type", "text/plain")]),
            Err(Error::MediaType)
        );
        let compressed = [JSON, ("content-encoding", "gzip")];
        assert_eq!(read("{}", &compressed), Err(Error::ContentEncoding));
        let most = "x".repeat(65_536);
        assert_eq!(read(&most, &[JSON]), Ok(most.clone().into_bytes()));
        let larger = Err(Error::BodyTooLarge(BODY_BYTES_MAX));
        assert_eq!(read(&format!("{most}x"), &[JSON]), larger);
    }

    #[test]
    fn a_body_that_is_optional_needs_a_type_only_if_it_is_there() {
        let read = |body: &str, headers: &[_]| {
            let incoming = incoming(body, headers);
            incoming
                .optional_json()
                .map(|body| body.map(<[u8]>::to_vec))
        };
        assert_eq!(read("", &[]), Ok(None));
        assert_eq!(read("{}", &[JSON]), Ok(Some(b"{}".to_vec())));
        assert_eq!(read("{}", &[]), Err(Error::MediaType));
    }
}
