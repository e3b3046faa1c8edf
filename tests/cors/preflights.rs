//! Preflights over real HTTP, with the edge and without it.
//!
//! Without the edge, the tests see the function's own answer. The edge adds the CORS headers to every
//! answer for an allowed origin, also to refusals: the browser then stops because of the status. For
//! any other origin it adds no CORS headers.

use gateway::route::choose;
use http::Method;
use local::serve::Options;

use super::api::{ALLOWED, Api, Call, changed};
use super::table::path_of;
use crate::support::harness::Answer;

const METHOD: &str = "access-control-request-method";
const HEADERS: &str = "access-control-request-headers";

async fn open(edge: bool) -> Api {
    Api::start(Options {
        edge,
        ..Options::in_memory()
    })
    .await
}

async fn ask(api: &Api, path: &str, lines: &[(&'static str, &str)]) -> Answer {
    let lines: Vec<_> = lines
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    api.send_with(&Call::new(Method::OPTIONS, path), &lines)
        .await
}

fn access_control(answer: &Answer) -> Vec<&str> {
    let names = answer.headers.keys().map(http::HeaderName::as_str);
    names
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

#[tokio::test]
async fn an_order_from_an_allowed_page_is_approved_for_exactly_that_page() {
    for edge in [true, false] {
        let api = open(edge).await;
        for origin in [ALLOWED, "http://localhost:5173"] {
            let names = "authorization, content-type, idempotency-key";
            let lines = [("origin", origin), (METHOD, "POST"), (HEADERS, names)];
            let answer = ask(&api, "/orders", &lines).await;
            answer.assert(204);
            assert_eq!(answer.body, "");
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
            assert_eq!(access_control(&answer).len(), 4, "{answer:?}");
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn a_foreign_page_is_refused_without_cors_headers() {
    for edge in [true, false] {
        let api = open(edge).await;
        for origin in [
            "https://shop.example.evil",
            "https://evilshop.example",
            "null",
            "https://shop.example/",
            "https://shop.example:8443",
            "https://shop.example:443",
            "http://shop.example",
            "HTTPS://SHOP.EXAMPLE",
            "*",
            "",
        ] {
            let lines = [("origin", origin), (METHOD, "POST")];
            let answer = ask(&api, "/orders", &lines).await;
            answer.assert_problem(403, "origin-not-allowed");
            assert_eq!(access_control(&answer), [""; 0], "{origin}");
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn two_origins_that_the_gateway_joins_are_refused() {
    for edge in [true, false] {
        let api = open(edge).await;
        for second in [ALLOWED, "http://localhost:5173", "https://evil.example"] {
            let lines = [("origin", second), ("origin", ALLOWED), (METHOD, "POST")];
            ask(&api, "/orders", &lines)
                .await
                .assert_problem(403, "origin-not-allowed");
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn a_method_that_no_route_has_is_refused() {
    for edge in [true, false] {
        let api = open(edge).await;
        for method in ["patch", "PATCH", "DELETE", "TRACE", "post", "*", ""] {
            let lines = [("origin", ALLOWED), (METHOD, method)];
            let answer = ask(&api, "/orders", &lines).await;
            answer.assert_problem(403, "request-method-not-allowed");
            assert_eq!(access_control(&answer).is_empty(), !edge, "{answer:?}");
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn requested_headers_are_read_in_any_case_with_gaps_and_from_several_lines() {
    for edge in [true, false] {
        let api = open(edge).await;
        for (first, second) in [
            ("Authorization, CONTENT-TYPE", "If-Match"),
            ("authorization,,content-type, ,", ",idempotency-key"),
            ("authorization", "content-type ,\tif-none-match"),
            ("", ""),
        ] {
            let lines = [
                ("origin", ALLOWED),
                (METHOD, "PUT"),
                (HEADERS, first),
                (HEADERS, second),
            ];
            ask(&api, "/orders", &lines).await.assert(204);
        }
        for (first, second) in [
            ("authorization, x-debug", "content-type"),
            ("content-type", "x-debug"),
            ("*", "authorization"),
        ] {
            let lines = [
                ("origin", ALLOWED),
                (METHOD, "PUT"),
                (HEADERS, first),
                (HEADERS, second),
            ];
            let answer = ask(&api, "/orders", &lines).await;
            answer.assert_problem(403, "request-header-not-allowed");
            assert_eq!(access_control(&answer).is_empty(), !edge, "{answer:?}");
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn options_that_is_not_a_preflight_is_answered_with_the_methods() {
    for edge in [true, false] {
        let api = open(edge).await;
        for lines in [
            &[][..],
            &[("origin", ALLOWED)],
            &[("origin", "https://evil.example")],
            &[(METHOD, "POST")],
        ] {
            let answer = ask(&api, "/orders", lines).await;
            answer.assert(204);
            assert_eq!(answer.header("allow"), Some("GET, POST, PUT, OPTIONS"));
            let readable = edge && lines.contains(&("origin", ALLOWED));
            assert_eq!(!access_control(&answer).is_empty(), readable, "{answer:?}");
        }
        api.running.stop().await;
    }
}

#[tokio::test]
async fn a_preflight_never_reaches_the_authorizer() {
    let mut options = Options::in_memory();
    // The cors function takes the authorizer's place. A request that reaches it gets a 500.
    let arn = "FunctionArn: !Ref AuthorizerFunction.Alias";
    let wrong = "FunctionArn: !Ref CorsFunction.Alias";
    options.template = changed(&options.template, arn, wrong);
    let api = Api::start(options).await;
    let routes = &api.running.template.routes;
    let mut paths: Vec<(String, String)> = routes
        .iter()
        .map(|route| (path_of(route), route.path.clone()))
        .collect();
    let rest = "/{proxy+}".to_owned();
    paths.extend([
        ("/".to_owned(), "/".to_owned()),
        ("/nowhere".to_owned(), rest.clone()),
        ("/orders/".to_owned(), rest.clone()),
        ("/orders/one/two/three".to_owned(), rest),
    ]);
    for (path, expected) in paths {
        let chosen = choose(routes, "OPTIONS", &path).unwrap();
        assert_eq!(chosen.route.path, expected, "{path}");
        let lines = [
            ("origin", ALLOWED),
            (METHOD, "POST"),
            (HEADERS, "authorization"),
        ];
        ask(&api, &path, &lines).await.assert(204);
        // A token changes nothing, although a real preflight never has one.
        let with_token = [lines.as_slice(), &[("authorization", "Bearer x")]].concat();
        ask(&api, &path, &with_token).await.assert(204);
    }
    let guarded = Call::new(Method::GET, "/orders").header("authorization", "Bearer x");
    api.send_with(&guarded, &[]).await.assert(500);
    api.running.stop().await;
}
