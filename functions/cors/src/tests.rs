//! Calls the whole function with the sample events.

use super::*;

const ALLOWED_PREFLIGHT: &str = include_str!("../../../events/cors/allowed-preflight.json");
const FOREIGN_PREFLIGHT: &str = include_str!("../../../events/cors/foreign-preflight.json");
const BARE_OPTIONS: &str = include_str!("../../../events/cors/bare-options.json");

fn app() -> App {
    let var = |name: &str| (name == "ALLOWED_ORIGINS").then(|| "http://localhost:5173".to_owned());
    App::new(Config::from_env(var).unwrap())
}

async fn invoke(event: &str) -> Response<Body> {
    let request = lambda_http::request::from_str(event).unwrap();
    let Ok(AsIs(response)) = handle(&app(), request).await;
    for (name, value) in &headers::SECURITY {
        let lines: Vec<_> = response.headers().get_all(name).iter().collect();
        // An error has no max-age, because some errors would be cached for it.
        if name == "cache-control" && response.status().is_client_error() {
            assert_eq!(lines, ["no-store, no-cache, must-revalidate"]);
        } else {
            assert_eq!(lines, [value], "{name}");
        }
    }
    assert_eq!(response.headers().get_all("vary").iter().count(), 1);
    response
}

#[tokio::test]
async fn the_sample_of_an_allowed_preflight_is_approved() {
    let response = invoke(ALLOWED_PREFLIGHT).await;
    assert_eq!(response.status(), 204);
    assert_eq!(
        response.headers()["access-control-allow-origin"],
        "http://localhost:5173"
    );
    assert_eq!(response.headers()["x-request-id"], "cors-allowed-1");
}

#[tokio::test]
async fn the_sample_of_a_foreign_preflight_is_refused_with_a_problem() {
    let response = invoke(FOREIGN_PREFLIGHT).await;
    assert_eq!(response.status(), 403);
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
    assert_eq!(response.headers()["x-request-id"], "cors-foreign-1");
    let document: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(document["type"], "urn:surefire:problem:origin-not-allowed");
    assert_eq!(document["request_id"], "cors-foreign-1");
}

#[tokio::test]
async fn the_sample_of_a_bare_options_is_answered_with_the_methods() {
    let response = invoke(BARE_OPTIONS).await;
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()["allow"], "GET, POST, PUT, OPTIONS");
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
}

#[tokio::test]
async fn another_method_is_refused_with_an_answer_that_the_page_may_read() {
    for method in ["GET", "POST", "DELETE", "HEAD", "PATCH"] {
        let event = ALLOWED_PREFLIGHT.replace("\"OPTIONS\"", &format!("\"{method}\""));
        let response = invoke(&event).await;
        assert_eq!(response.status(), 405, "{method}");
        let headers = response.headers();
        assert_eq!(headers["allow"], "OPTIONS");
        assert_eq!(headers["vary"], "Origin");
        assert_eq!(
            headers["access-control-allow-origin"],
            "http://localhost:5173"
        );
        assert!(!headers.contains_key("access-control-allow-methods"));
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(headers["x-request-id"], "cors-allowed-1");
        let document: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(document["type"], "urn:surefire:problem:method-not-allowed");
        assert_eq!(document["request_id"], "cors-allowed-1");
    }
}

#[tokio::test]
async fn an_event_without_a_request_identifier_is_answered_without_one() {
    let event = ALLOWED_PREFLIGHT.replace("\"requestId\"", "\"anotherMember\"");
    let response = invoke(&event).await;
    assert_eq!(response.status(), 204);
    assert!(!response.headers().contains_key("x-request-id"));
}

#[test]
fn a_long_origin_is_cut_in_the_log() {
    let mut request = Request::default();
    let long = HeaderValue::from_bytes(&[b'a'; 4096]).unwrap();
    request.headers_mut().insert(ORIGIN, long);
    assert_eq!(logged_origin(&request), "a".repeat(LOGGED_ORIGIN_BYTES_MAX));
    assert_eq!(logged_origin(&Request::default()), "");
}
