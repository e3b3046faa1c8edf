//! Answers HTTP requests as API Gateway does: it chooses a route, invokes the authorizer and then
//! the function, and turns the result into a response.
//!
//! [`route`] chooses the route, [`event`] makes the events, `answer` makes the responses, and
//! `edge` adds CloudFront's headers.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use serde_json::{Map, Value};
use shared::world::World;
use tokio::sync::Semaphore;

use crate::access_log::Entry;
use template::{Authorizer, Template};

mod access_log;
mod answer;
mod edge;
pub mod event;
mod front;
mod function;
mod observed;
pub mod route;
mod throttle;

pub use access_log::AccessLog;
pub use front::Front;
pub use function::{FunctionError, Invocation, Invoke};
pub use observed::{Observe, Observed};
pub use throttle::Bucket;

use answer::Own;
use event::Inbound;
use route::Chosen;

/// The largest body that an HTTP API takes.
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The most bytes of the request line and the values of the headers together.
pub const HEADER_BYTES_MAX: usize = 10_240;
/// The largest event that Lambda takes.
const EVENT_BYTES_MAX: usize = 6 * 1024 * 1024;
/// An address of the edge, of those reserved for documentation.
const EDGE_ADDRESS: &str = "192.0.2.1";
/// The longest that the gateway waits for an authorizer.
const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest that the gateway waits for a function.
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// A gateway in front of a template's functions.
pub struct Gateway {
    /// The routes, and the edge's policy.
    pub template: Arc<Template>,
    /// Invokes the functions.
    pub invoke: Invoke,
    /// What stands in front of it.
    pub front: Front,
    /// Limits the requests, if there is a limit.
    pub throttle: Option<Bucket>,
    /// The requests that it answers at the same time, if there is a limit.
    pub at_once: Option<Semaphore>,
    /// The largest body that it takes, at most [`BODY_BYTES_MAX`].
    pub body_bytes_max: usize,
    /// How requests are logged.
    pub log: AccessLog,
    /// Hears of each answer, if somebody counts them.
    pub observe: Option<Observe>,
    /// Time, randomness and waiting.
    pub world: World,
}

/// Answers every request through the gateway.
pub fn router(gateway: Gateway) -> Router {
    Router::new().fallback(serve).with_state(Arc::new(gateway))
}

async fn serve(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    gateway.answer(peer.ip(), request).await
}

impl Gateway {
    /// Answers a request.
    pub async fn answer(&self, source: IpAddr, request: Request<Body>) -> Response<Body> {
        let begun = self.world.now();
        let (parts, body) = request.into_parts();
        let inbound = self.inbound(source, &parts, begun);
        let mut entry = Entry::begin(&inbound);
        let throttled = self.throttle.as_ref().is_some_and(|it| !it.take(begun));
        let place = self.at_once.as_ref().map(Semaphore::try_acquire);
        let mut response = if throttled || matches!(place, Some(Err(_))) {
            Own::TooManyRequests.response()
        } else if HEADER_BYTES_MAX < header_bytes(&parts) {
            Own::HeadersTooLarge.response()
        } else {
            // `Limited` fails for a body that is too large, and for a client that goes away.
            let collected = Limited::new(body, self.body_bytes_max).collect();
            match tokio::time::timeout(BODY_TIMEOUT, collected).await {
                Err(_) => Own::RequestTimeout.response(),
                Ok(Err(_)) => Own::TooLarge.response(),
                Ok(Ok(body)) => {
                    let body = body.to_bytes().to_vec();
                    let inbound = Inbound { body, ..inbound };
                    self.route(&inbound, &mut entry).await
                }
            }
        };
        if let Ok(id) = HeaderValue::from_str(&entry.request_id) {
            response
                .headers_mut()
                .insert(HeaderName::from_static("apigw-requestid"), id);
        }
        if let (true, Some(policy)) = (self.front.sets_headers(), &self.template.edge) {
            edge::apply(
                policy,
                &parts.method,
                &parts.headers,
                response.headers_mut(),
            );
        }
        entry.status = response.status().as_u16();
        entry.milliseconds = begun.duration_until(self.world.now()).as_secs_f64() * 1000.0;
        self.log.write(&entry);
        if let Some(observe) = &self.observe {
            observe(&Observed {
                begun,
                status: entry.status,
                milliseconds: entry.milliseconds,
                integration_milliseconds: entry.integration_milliseconds,
            });
        }
        response
    }

    fn inbound(
        &self,
        source: IpAddr,
        parts: &http::request::Parts,
        time: jiff::Timestamp,
    ) -> Inbound {
        let mut bytes = [0; 11];
        self.world.fill(&mut bytes);
        let mut headers = parts.headers.clone();
        // HTTP/1.1 has the host in a header, or in an absolute target.
        if let (Some(authority), false) = (
            parts.uri.authority(),
            headers.contains_key(http::header::HOST),
        ) && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            headers.insert(http::header::HOST, host);
        }
        self.add_forwarding(&mut headers, source, time);
        Inbound {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers,
            body: Vec::new(),
            protocol: format!("{:?}", parts.version),
            source,
            time,
            request_id: BASE64_URL_SAFE.encode(bytes),
        }
    }

    /// Adds the headers of a load balancer in front of the gateway.
    fn add_forwarding(&self, headers: &mut HeaderMap, source: IpAddr, time: jiff::Timestamp) {
        let before = headers
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok());
        let mut forwarded = before.map_or_else(
            || source.to_string(),
            |before| format!("{before}, {source}"),
        );
        // The edge adds the client's address, and the gateway then that of the edge.
        if self.front == Front::Edge && self.template.edge.is_some() {
            forwarded = format!("{forwarded}, {EDGE_ADDRESS}");
        }
        let host = headers
            .get(http::header::HOST)
            .and_then(|host| host.to_str().ok());
        let port = host
            .and_then(|host| host.rsplit_once(':'))
            .map_or_else(|| "80".to_owned(), |(_, port)| port.to_owned());
        let mut random = [0; 12];
        self.world.fill(&mut random);
        let random = random
            .iter()
            .fold(0, |number, byte| number << 8 | u128::from(*byte));
        let traced = self.front == Front::Balancer && headers.contains_key("x-amzn-trace-id");
        let trace = format!("Root=1-{:08x}-{random:024x}", time.as_second());
        let mut set = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        set("x-forwarded-for", forwarded);
        set("x-forwarded-port", port);
        set("x-forwarded-proto", "http".to_owned());
        if !traced {
            set("x-amzn-trace-id", trace);
        }
    }

    async fn route(&self, inbound: &Inbound, entry: &mut Entry) -> Response<Body> {
        let chosen = route::choose(&self.template.routes, &inbound.method, &inbound.path);
        let Some(chosen) = chosen else {
            return Own::NotFound.response();
        };
        entry.route = Some(chosen.route.key());
        let context = match &chosen.route.authorizer {
            None => None,
            Some(authorizer) => match self.authorize(authorizer, inbound, &chosen, entry).await {
                Ok(context) => Some(context),
                Err(own) => return own.response(),
            },
        };
        let event = inbound.event(&self.template.place, &chosen, context.as_ref());
        self.integrate(&chosen, event, inbound, entry).await
    }

    /// Invokes the authorizer, and returns the context that it gives the caller.
    async fn authorize(
        &self,
        authorizer: &Authorizer,
        inbound: &Inbound,
        chosen: &Chosen<'_>,
        entry: &mut Entry,
    ) -> Result<Map<String, Value>, Own> {
        let mut identities = Vec::new();
        for name in &authorizer.identity_headers {
            let identity = inbound.header(&name.to_ascii_lowercase());
            identities.push(
                identity
                    .filter(|value| !value.is_empty())
                    .ok_or(Own::Unauthorized)?,
            );
        }
        let event = inbound.authorizer_event(&self.template.place, chosen, &identities);
        let answer = self.invoke(&authorizer.function, event, inbound);
        let answer = tokio::time::timeout(AUTHORIZER_TIMEOUT, answer).await;
        let answer = match answer {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("took longer than the gateway waits for an authorizer".to_owned()),
        };
        let returned = answer.map_err(|fault| {
            entry.fault = Some(format!("{}: {fault}", authorizer.function));
            Own::InternalServerError
        })?;
        judge(&returned).inspect_err(|own| {
            if *own == Own::InternalServerError {
                let function = &authorizer.function;
                entry.fault = Some(format!("{function} returned a response of an unknown form"));
            }
        })
    }

    fn invoke(
        &self,
        function: &str,
        event: Value,
        inbound: &Inbound,
    ) -> BoxFuture<'static, Result<Value, FunctionError>> {
        (self.invoke)(Invocation {
            function: function.to_owned(),
            event,
            trace: inbound.header("x-amzn-trace-id"),
        })
    }

    async fn integrate(
        &self,
        chosen: &Chosen<'_>,
        event: Value,
        inbound: &Inbound,
        entry: &mut Entry,
    ) -> Response<Body> {
        if EVENT_BYTES_MAX < event.to_string().len() {
            return Own::TooLarge.response();
        }
        let function = &chosen.route.function;
        let begun = self.world.now();
        let invocation = self.invoke(function, event, inbound);
        let ended = tokio::time::timeout(INTEGRATION_TIMEOUT, invocation).await;
        let seconds = begun.duration_until(self.world.now()).as_secs_f64();
        entry.integration_milliseconds = Some(seconds * 1000.0);
        let answered = match ended {
            Err(_) => Err((
                Own::ServiceUnavailable,
                "took longer than the gateway waits for it".to_owned(),
            )),
            Ok(Err(error)) => Err((Own::InternalServerError, FunctionError::to_string(&error))),
            Ok(Ok(returned)) => answer::response(&returned)
                .map_err(|error| (Own::InternalServerError, error.to_string())),
        };
        answered.unwrap_or_else(|(own, fault)| {
            entry.fault = Some(format!("{function}: {fault}"));
            own.response()
        })
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Gateway")
    }
}

/// Reads an authorizer's simple response.
///
/// Source: "Working with AWS Lambda authorizers for HTTP APIs", section "Authorizer response
/// format".
fn judge(returned: &Value) -> Result<Map<String, Value>, Own> {
    match (returned.get("isAuthorized"), returned.get("context")) {
        (Some(Value::Bool(false)), _) => Err(Own::Forbidden),
        (Some(Value::Bool(true)), None) => Ok(Map::new()),
        (Some(Value::Bool(true)), Some(Value::Object(context))) => Ok(context.clone()),
        _ => Err(Own::InternalServerError),
    }
}

/// The number of bytes in the request line and the values of the headers.
///
/// Source: "Quotas for configuring and running an HTTP API in API Gateway".
fn header_bytes(parts: &http::request::Parts) -> usize {
    let target = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let headers = parts.headers.values().map(http::HeaderValue::len);
    parts.method.as_str().len() + target + headers.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_names_of_headers_do_not_count() {
        let mut request = Request::get("/orders?x=1");
        for number in 0..90 {
            let name = format!("x-a-rather-long-name-of-a-header-{number:02}");
            request = request.header(name, "12345");
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(header_bytes(&parts), "GET/orders?x=1".len() + 90 * 5);
    }

    #[track_caller]
    fn check(returned: &Value, expected: &Result<Value, Own>) {
        let judged = judge(returned).map(Value::Object);
        assert_eq!(&judged, expected);
    }

    #[test]
    fn an_authorizer_allows_or_denies_and_any_other_response_is_an_error() {
        check(
            &json!({"isAuthorized": true, "context": {"sub": "a"}}),
            &Ok(json!({"sub": "a"})),
        );
        check(&json!({"isAuthorized": true}), &Ok(json!({})));
        check(
            &json!({"isAuthorized": false, "context": null}),
            &Err(Own::Forbidden),
        );
        for malformed in [
            json!({"isAuthorized": "true"}),
            json!({"isAuthorized": true, "context": null}),
            json!({"principalId": "me", "policyDocument": {}}),
            json!(true),
            json!(null),
        ] {
            check(&malformed, &Err(Own::InternalServerError));
        }
    }
}
