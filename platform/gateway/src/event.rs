//! Makes the events of functions and authorizers, in payload format 2.0.
//!
//! Source: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway" and "Control
//! access to HTTP APIs with AWS Lambda authorizers in API Gateway".

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::route::Chosen;
use template::Place;

/// The id of the API.
const API_ID: &str = "local";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// The method.
    pub method: String,
    /// The path, percent-encoded.
    pub path: String,
    /// The query, percent-encoded, without the `?`.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The protocol, such as `HTTP/1.1`.
    pub protocol: String,
    /// The client's address.
    pub source: IpAddr,
    /// When it arrived.
    pub time: Timestamp,
    /// Its id.
    pub request_id: String,
}

impl Inbound {
    /// A header's values, joined by commas; `None` if the header is missing.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<String> = self.headers.get_all(name).iter().map(text).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// The event of a function; `context` is the authorizer's.
    pub fn event(
        &self,
        place: &Place,
        chosen: &Chosen<'_>,
        context: Option<&Map<String, Value>>,
    ) -> Value {
        let mut event = self.common(place, chosen);
        if let (Some(context), Some(Value::Object(request))) =
            (context, event.get_mut("requestContext"))
        {
            request.insert("authorizer".to_owned(), json!({"lambda": context}));
        }
        let (body, encoded) = self.encoded_body();
        if let Some(body) = body {
            event.insert("body".to_owned(), body.into());
        }
        event.insert("isBase64Encoded".to_owned(), encoded.into());
        Value::Object(event)
    }

    /// The event of an authorizer; `identities` are the values of its identity headers.
    pub(crate) fn authorizer_event(
        &self,
        place: &Place,
        chosen: &Chosen<'_>,
        identities: &[String],
    ) -> Value {
        let mut event = self.common(place, chosen);
        let Place {
            account, region, ..
        } = place;
        let arn = format!(
            "arn:aws:execute-api:{region}:{account}:{API_ID}/$default/{}{}",
            self.method, self.path
        );
        event.insert("type".to_owned(), "REQUEST".into());
        event.insert("routeArn".to_owned(), arn.into());
        event.insert("identitySource".to_owned(), json!(identities));
        Value::Object(event)
    }

    /// The members that both kinds of event have.
    fn common(&self, place: &Place, chosen: &Chosen<'_>) -> Map<String, Value> {
        let raw_path = self.raw_path();
        let mut event = Map::new();
        let mut set = |name: &str, value: Value| drop(event.insert(name.to_owned(), value));
        set("version", "2.0".into());
        set("routeKey", chosen.route.key().into());
        set("rawPath", raw_path.as_str().into());
        set("rawQueryString", self.query.as_str().into());
        let cookies = self.cookies();
        if !cookies.is_empty() {
            set("cookies", json!(cookies));
        }
        set("headers", json!(self.joined_headers()));
        let query = self.query_parameters();
        if !query.is_empty() {
            set("queryStringParameters", json!(query));
        }
        if !chosen.parameters.is_empty() {
            set("pathParameters", json!(chosen.parameters));
        }
        set(
            "requestContext",
            self.request_context(place, chosen, &raw_path),
        );
        event
    }

    fn request_context(&self, place: &Place, chosen: &Chosen<'_>, raw_path: &str) -> Value {
        let host = self.headers.get(HOST).map(text).unwrap_or_default();
        let domain = match host.rsplit_once(':') {
            Some((domain, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => domain,
            _ => host.as_str(),
        };
        let prefix = domain.split('.').next().unwrap_or(domain);
        let agent = self.headers.get(USER_AGENT).map(text).unwrap_or_default();
        json!({
            "accountId": place.account,
            "apiId": API_ID,
            "domainName": domain,
            "domainPrefix": prefix,
            "http": {
                "method": self.method,
                "path": raw_path,
                "protocol": self.protocol,
                "sourceIp": self.source.to_string(),
                "userAgent": agent,
            },
            "requestId": self.request_id,
            "routeKey": chosen.route.key(),
            "stage": "$default",
            "time": self.time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": self.time.as_millisecond(),
        })
    }

    /// The decoded path, cut at the first question mark, as HTTP APIs do.
    fn raw_path(&self) -> String {
        let decoded = percent_decode_str(&self.path).decode_utf8_lossy();
        let kept = decoded.split('?').next().unwrap_or_default();
        kept.to_owned()
    }

    /// The cookies; they are in the member `cookies` and not in `headers`.
    fn cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all(COOKIE).iter().map(text);
        lines
            .flat_map(|line| {
                line.split(';')
                    .map(|cookie| cookie.trim().to_owned())
                    .collect::<Vec<_>>()
            })
            .filter(|cookie| !cookie.is_empty())
            .collect()
    }

    fn joined_headers(&self) -> BTreeMap<&str, String> {
        let names = self.headers.keys().filter(|name| **name != COOKIE);
        names
            .filter_map(|name| Some((name.as_str(), self.header(name.as_str())?)))
            .collect()
    }

    fn query_parameters(&self) -> BTreeMap<String, String> {
        let mut parameters = BTreeMap::<String, String>::new();
        for pair in self.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode_query(value);
            parameters
                .entry(decode_query(name))
                .and_modify(|values| {
                    values.push(',');
                    values.push_str(&value);
                })
                .or_insert(value);
        }
        parameters
    }

    /// The body, and whether it is in base64: only bodies with a media type of text are not.
    fn encoded_body(&self) -> (Option<String>, bool) {
        if self.body.is_empty() {
            return (None, false);
        }
        let content_type = self.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        match std::str::from_utf8(&self.body) {
            Ok(body) if is_text(&content_type) => (Some(body.to_owned()), false),
            _ => (Some(BASE64_STANDARD.encode(&self.body)), true),
        }
    }
}

fn is_text(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let whole = [
        "application/json",
        "application/xml",
        "application/javascript",
    ];
    let suffixes = ["+json", "+xml"];
    essence.starts_with("text/")
        || whole.contains(&essence.as_str())
        || suffixes.iter().any(|suffix| essence.ends_with(suffix))
}

/// A header's value; bytes that are not ASCII are read as Latin-1.
fn text(value: &HeaderValue) -> String {
    value.as_bytes().iter().copied().map(char::from).collect()
}

/// Decodes a part of a query: percent-encoding, and `+` for a space.
fn decode_query(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use template::Route;

    fn inbound(content_type: &str, body: &[u8]) -> Inbound {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "127.0.0.1:3000"),
            ("user-agent", "curl/8"),
            ("x-many", "1"),
            ("x-many", "2"),
            ("cookie", "a=1; b=2"),
            ("cookie", "c=3"),
            ("authorization", "Bearer x.y.z"),
            ("content-type", content_type),
        ] {
            headers.append(name, value.parse().unwrap());
        }
        Inbound {
            method: "POST".to_owned(),
            path: "/orders/a%20b/confirm".to_owned(),
            query: "x=1&x=a%2Cb+c&%C3%BC=&flag".to_owned(),
            headers,
            body: body.to_vec(),
            protocol: "HTTP/1.1".to_owned(),
            source: IpAddr::from([127, 0, 0, 1]),
            time: "2026-11-22T04:05:06.789Z".parse().unwrap(),
            request_id: "JKJaXmPLvHcESHA=".to_owned(),
        }
    }

    fn route() -> Route {
        Route {
            method: "POST".to_owned(),
            path: "/orders/{id}/confirm".to_owned(),
            function: "OrdersFunction".to_owned(),
            authorizer: None,
            line: 1,
        }
    }

    fn chosen(route: &Route) -> Chosen<'_> {
        let parameters = BTreeMap::from([("id".to_owned(), "a b".to_owned())]);
        Chosen { route, parameters }
    }

    fn expected_context() -> Value {
        json!({
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": "POST",
                "path": "/orders/a b/confirm",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "POST /orders/{id}/confirm",
            "stage": "$default",
            "time": "22/Nov/2026:04:05:06 +0000",
            "timeEpoch": 1_795_320_306_789_i64,
        })
    }

    fn expected_common() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "POST /orders/{id}/confirm",
            "rawPath": "/orders/a b/confirm",
            "rawQueryString": "x=1&x=a%2Cb+c&%C3%BC=&flag",
            "cookies": ["a=1", "b=2", "c=3"],
            "headers": {
                "host": "127.0.0.1:3000",
                "user-agent": "curl/8",
                "x-many": "1,2",
                "authorization": "Bearer x.y.z",
                "content-type": "application/json",
            },
            "queryStringParameters": {"x": "1,a,b c", "ü": "", "flag": ""},
            "pathParameters": {"id": "a b"},
            "requestContext": expected_context(),
        })
    }

    #[test]
    fn an_event_has_exactly_the_documented_form() {
        let route = route();
        let context = json!({"sub": "demo"});
        let mut expected = expected_common();
        expected["requestContext"]["authorizer"] = json!({"lambda": {"sub": "demo"}});
        expected["body"] = "{}".into();
        expected["isBase64Encoded"] = false.into();
        let event = inbound("application/json", b"{}").event(
            &Place::default(),
            &chosen(&route),
            context.as_object(),
        );
        assert_eq!(event, expected);
    }

    #[test]
    fn an_authorizers_event_names_the_route_and_the_identity_and_has_no_body() {
        let route = route();
        let mut expected = expected_common();
        expected["type"] = "REQUEST".into();
        expected["routeArn"] =
            "arn:aws:execute-api:ap-northeast-2:123456789012:local/$default/POST/orders/a%20b/confirm".into();
        expected["identitySource"] = json!(["Bearer x.y.z"]);
        let event = inbound("application/json", b"{}").authorizer_event(
            &Place::default(),
            &chosen(&route),
            &["Bearer x.y.z".to_owned()],
        );
        assert_eq!(event, expected);
    }

    #[track_caller]
    fn check_body(content_type: &str, body: &[u8], expected: (Option<&str>, bool)) {
        let (body, encoded) = inbound(content_type, body).encoded_body();
        assert_eq!((body.as_deref(), encoded), expected);
    }

    #[test]
    fn a_body_is_in_base64_unless_its_media_type_is_text() {
        check_body(
            "application/problem+json; charset=utf-8",
            b"{}",
            (Some("{}"), false),
        );
        check_body("TEXT/csv", b"a", (Some("a"), false));
        check_body("application/octet-stream", b"{}", (Some("e30="), true));
        check_body("application/json", b"\xff", (Some("/w=="), true));
        check_body("application/json", b"", (None, false));
    }

    #[test]
    fn an_encoded_question_mark_ends_the_raw_path() {
        let mut inbound = inbound("text/plain", b"");
        inbound.path = "/products/a%3Fb".to_owned();
        assert_eq!(inbound.raw_path(), "/products/a");
    }
}
