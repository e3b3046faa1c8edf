//! Every answer of every route has exactly the promised headers, for every origin.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use http::{Method, StatusCode};
use local::serve::Options;
use serde_json::json;
use template::Route;

use super::api::{Api, Call, Origin, changed};
use super::calls::{self, IN_STOCK, Row, SOLD_OUT, gateway};
use super::expected::{Maker, expected, observed};
use crate::support::between::{Between, Fate};
use crate::support::harness::Answer;

/// An issuer whose keys cannot be fetched. A token of it makes the authorizer fail.
const UNREACHABLE_ISSUER: &str = r#"{"name": "unreachable", "iss": "https://unreachable.example", "audiences": ["surefire"], "algorithms": ["RS256"], "keys": {"jwks_url": "http://127.0.0.1:1/"}}"#;

fn options(edge: bool) -> Options {
    Options {
        edge,
        ..Options::in_memory()
    }
}

async fn open(edge: bool) -> Api {
    let api = Api::start(options(edge)).await;
    api.stock(IN_STOCK, 1_000_000).await;
    api.stock(SOLD_OUT, 0).await;
    api
}

/// The keys of all routes except OPTIONS.
fn routes(api: &Api) -> Vec<String> {
    let acting = |route: &&Route| route.method != "OPTIONS";
    let routes = &api.running.template.routes;
    let keys: Vec<_> = routes.iter().filter(acting).map(Route::key).collect();
    assert!(!keys.is_empty());
    keys
}

/// The keys of the routes that have an authorizer.
fn guarded(api: &Api) -> Vec<String> {
    let routes = &api.running.template.routes;
    let guarded = routes.iter().filter(|route| route.authorizer.is_some());
    guarded.map(Route::key).collect()
}

/// A path that matches the route.
pub(super) fn path_of(route: &Route) -> String {
    route.path.replace(['{', '}', '+'], "x")
}

async fn check(api: &Api, row: &Row, origin: Origin, edge: bool) -> Answer {
    let answer = api.send(&row.call, origin).await;
    let Row { call, .. } = row;
    let place = format!(
        "{} {} from {origin:?}, edge {edge}: {}",
        call.method, call.path, answer.body
    );
    assert_eq!(answer.status, row.status, "{place}");
    let promised = expected(row.maker, row.status, &row.own, origin, edge);
    assert_eq!(observed(&answer), promised, "{place}");
    // Both headers have the same request identifier.
    if let Some(id) = answer.header("x-request-id") {
        assert_eq!(Some(id), answer.header("apigw-requestid"), "{place}");
    }
    answer
}

/// Checks the rows of every route for every origin. Each call may be sent only once, so `rows` makes
/// new ones for each origin.
async fn check_all(api: &Api, edge: bool, rows: impl AsyncFn(String) -> Vec<Row>) -> BTreeSet<u16> {
    let mut statuses = BTreeSet::new();
    for origin in Origin::ALL {
        for route in routes(api) {
            for row in rows(route).await {
                statuses.insert(check(api, &row, origin, edge).await.status);
            }
        }
    }
    statuses
}

#[tokio::test]
async fn every_success_of_every_route_has_exactly_the_promised_headers() {
    for edge in [true, false] {
        let api = open(edge).await;
        let statuses = check_all(&api, edge, async |route| {
            calls::successes(&api, &route).await
        });
        assert_eq!(statuses.await, BTreeSet::from([200, 201]));
        api.running.stop().await;
    }
}

#[tokio::test]
async fn every_refusal_of_the_orders_function_has_exactly_the_promised_headers() {
    for edge in [true, false] {
        let api = open(edge).await;
        let statuses = check_all(&api, edge, async |route| {
            let rows = calls::refusals(&api, &route).await;
            assert!(!rows.is_empty(), "{route}");
            rows
        });
        let all = BTreeSet::from([400, 404, 409, 412, 413, 415, 422]);
        assert_eq!(statuses.await, all);
        api.running.stop().await;
    }
}

/// An API whose database can be made to fail.
struct Breakable {
    database: Api,
    between: Between,
    api: Api,
    broken: Arc<AtomicBool>,
}

impl Breakable {
    async fn open(edge: bool, fault: Fate) -> Self {
        let database = open(edge).await;
        let broken = Arc::new(AtomicBool::new(false));
        let is_broken = Arc::clone(&broken);
        let between = Between::start(&database.running.dynamodb_url, move |_| {
            if is_broken.load(Ordering::Relaxed) {
                fault.clone()
            } else {
                Fate::Passes
            }
        });
        let between = between.await;
        let api = Api::start(Options {
            dynamodb: Some(between.url.clone()),
            ..options(edge)
        });
        Self {
            api: api.await,
            database,
            between,
            broken,
        }
    }
}

async fn check_with_broken_database(
    fault: Fate,
    status: u16,
    own: &[(&'static str, &'static str)],
) {
    for edge in [true, false] {
        let Breakable {
            database,
            between,
            api,
            broken,
        } = Breakable::open(edge, fault.clone()).await;
        broken.store(true, Ordering::Relaxed);
        let before = between.seen().len();
        for origin in Origin::ALL {
            let rows = routes(&api).into_iter().map(|route| Row {
                call: calls::any(&api, &route),
                maker: Maker::Orders,
                status,
                own: own.to_vec(),
            });
            let rows: Vec<Row> = rows.collect();
            join_all(rows.iter().map(|row| check(&api, row, origin, edge))).await;
        }
        assert_ne!(
            between.seen().len(),
            before,
            "no request reached the database"
        );
        api.running.stop().await;
        database.running.stop().await;
    }
}

#[tokio::test]
async fn a_503_of_every_route_has_exactly_the_promised_headers() {
    check_with_broken_database(Fate::RequestLost, 503, &[("retry-after", "1")]).await;
}

#[tokio::test]
async fn a_500_of_every_route_has_exactly_the_promised_headers() {
    let refused = r#"{"__type": "com.amazon.coral.validate#ValidationException", "message": "no"}"#;
    let fault = Fate::Answered {
        status: StatusCode::BAD_REQUEST,
        headers: vec![("content-type", "application/x-amz-json-1.0".to_owned())],
        body: refused.to_owned(),
    };
    check_with_broken_database(fault, 500, &[]).await;
}

#[tokio::test]
async fn every_answer_has_one_line_of_transport_security_and_one_of_vary() {
    for edge in [true, false] {
        let api = open(edge).await;
        for origin in Origin::ALL {
            let mut calls: Vec<Call> = routes(&api)
                .iter()
                .map(|route| calls::any(&api, route))
                .collect();
            calls.push(Call::new(Method::OPTIONS, "/orders"));
            calls.push(
                Call::new(Method::OPTIONS, "/orders")
                    .header("access-control-request-method", "GET"),
            );
            for call in calls {
                let answer = api.send(&call, origin).await;
                for name in ["strict-transport-security", "vary"] {
                    let lines = answer.headers.get_all(name).iter().count();
                    assert_eq!(lines, 1, "{name} of {call:?}: {answer:?}");
                }
            }
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn the_answer_to_a_request_without_origin_varies_by_origin_too() {
    for edge in [true, false] {
        let api = open(edge).await;
        let call = Call::new(Method::GET, "/products");
        let answer = api.send(&call, Origin::Absent).await;
        assert_eq!(answer.assert(200).header("vary"), Some("Origin"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
        api.running.stop().await;
    }
}

/// A token of the issuer whose keys cannot be fetched, so its signature is never checked.
fn undecidable_token(api: &Api) -> String {
    let valid = api.running.token("demo", "orders:read").unwrap();
    let signature = valid.rsplit('.').next().unwrap();
    let header = r#"{"alg":"RS256","kid":"one","typ":"JWT"}"#;
    let claims = json!({"iss": "https://unreachable.example", "aud": "surefire", "sub": "demo"});
    format!(
        "{}.{}.{signature}",
        base64url(header),
        base64url(&claims.to_string())
    )
}

fn base64url(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let bits = bits << (8 * (3 - chunk.len()));
        for index in 0..=chunk.len() {
            out.push(char::from(ALPHABET[bits >> (18 - 6 * index) & 63]));
        }
    }
    out
}

#[tokio::test]
async fn every_answer_of_the_gateway_has_cors_and_security_headers_through_the_edge() {
    for edge in [true, false] {
        let mut options = options(edge);
        let issuer = (
            "AdditionalIssuers".to_owned(),
            UNREACHABLE_ISSUER.to_owned(),
        );
        options.parameters.push(issuer);
        let api = Api::start(options).await;
        let undecidable = format!("Bearer {}", undecidable_token(&api));
        let long = "x".repeat(11 * 1024);
        for origin in Origin::ALL {
            let mut rows = vec![
                gateway(Call::new(Method::GET, "/nowhere"), 404),
                gateway(Call::new(Method::DELETE, "/orders"), 404),
                gateway(
                    Call::new(Method::GET, "/products").header("x-long", &long),
                    431,
                ),
            ];
            for route in guarded(&api) {
                rows.extend(calls::gateway_refusals(&api, &route));
                // The authorizer fails, because it can neither allow nor deny the token.
                let mut call = calls::any(&api, &route);
                call.headers.retain(|(name, _)| *name != "authorization");
                rows.push(gateway(call.header("authorization", &undecidable), 500));
            }
            for row in rows {
                check(&api, &row, origin, edge).await;
            }
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn the_answer_for_a_failed_function_has_cors_and_security_headers_through_the_edge() {
    for edge in [true, false] {
        let mut options = options(edge);
        // The functions run the authorizer's binary, which fails on their events.
        for own in ["{Binary: orders}", "{Binary: cors}"] {
            options.template = changed(&options.template, own, "{Binary: authorizer}");
        }
        let origins = "          ALLOWED_ORIGINS: ";
        let environment = format!(
            "          ROUTE_SCOPES: \"{{}}\"\n          ISSUERS: '[{UNREACHABLE_ISSUER}]'\n{origins}"
        );
        options.template = changed(&options.template, origins, &environment);
        let api = Api::start(options).await;
        for origin in Origin::ALL {
            for route in &api.running.template.routes {
                let row = if route.method == "OPTIONS" {
                    let call = Call::new(Method::OPTIONS, path_of(route));
                    Row {
                        call: call.header("access-control-request-method", "POST"),
                        maker: Maker::FailedPreflight,
                        status: 500,
                        own: Vec::new(),
                    }
                } else {
                    gateway(calls::any(&api, &route.key()), 500)
                };
                check(&api, &row, origin, edge).await;
            }
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn every_options_of_every_path_has_exactly_the_promised_headers() {
    for edge in [true, false] {
        let api = Api::start(options(edge)).await;
        for route in &api.running.template.routes {
            if route.method != "OPTIONS" {
                continue;
            }
            let call = Call::new(Method::OPTIONS, path_of(route));
            let asks = |method| call.clone().header("access-control-request-method", method);
            for origin in Origin::ALL {
                let row = |call, maker, status| Row {
                    call,
                    maker,
                    status,
                    own: Vec::new(),
                };
                let is_preflight = origin != Origin::Absent;
                let (maker, status) = match origin {
                    Origin::Allowed => (Maker::Preflight, 204),
                    Origin::Foreign | Origin::Null => (Maker::Preflight, 403),
                    Origin::Absent => (Maker::Options, 204),
                };
                check(&api, &row(asks("POST"), maker, status), origin, edge).await;
                check(&api, &row(call.clone(), Maker::Options, 204), origin, edge).await;
                if is_preflight {
                    let refused = row(asks("DELETE"), Maker::Refusal, 403);
                    check(&api, &refused, origin, edge).await;
                }
            }
        }
        api.running.stop().await;
    }
}
