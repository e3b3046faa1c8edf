//! Preflights that are allowed, preflights that are refused, and OPTIONS that are neither.

use proptest::prelude::*;

use super::*;

const APP: &str = "https://app.example";

fn origins() -> AllowedOrigins {
    AllowedOrigins::parse("http://localhost:5173,https://app.example").unwrap()
}

fn request(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn preflight(origin: &str, method: &str, names: &[&str]) -> HeaderMap {
    let mut lines = vec![
        ("origin", origin),
        ("access-control-request-method", method),
    ];
    lines.extend(
        names
            .iter()
            .map(|names| ("access-control-request-headers", *names)),
    );
    request(&lines)
}

fn answer(request: &HeaderMap) -> Response<Body> {
    {
        let headers = AllowedHeaders::and("").unwrap();
        respond(
            &decide(request, &origins(), &headers),
            &headers,
            Some("r-1"),
        )
    }
}

fn access_control(response: &Response<Body>) -> Vec<&str> {
    let names = response.headers().keys().map(HeaderName::as_str);
    names
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

/// Checks the headers that every answer to OPTIONS has.
#[track_caller]
fn check_always(response: &Response<Body>) {
    for (name, value) in &headers::SECURITY {
        let lines: Vec<_> = response.headers().get_all(name).iter().collect();
        // An error has no max-age, because some errors would be cached for it.
        if name == "cache-control" && response.status().is_client_error() {
            assert_eq!(lines, ["no-store, no-cache, must-revalidate"]);
        } else {
            assert_eq!(lines, [value], "{name}");
        }
    }
    let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
    assert_eq!(
        vary,
        ["Origin, Access-Control-Request-Method, Access-Control-Request-Headers"]
    );
}

#[track_caller]
fn check_allowed(request: &HeaderMap, origin: &str) {
    let response = answer(request);
    assert_eq!(response.status(), 204, "{request:?}");
    assert!(response.body().is_empty());
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], origin);
    assert_eq!(headers["access-control-allow-methods"], "GET, POST, PUT");
    assert_eq!(
        headers["access-control-allow-headers"],
        "authorization, content-type, idempotency-key, if-match, if-none-match"
    );
    assert_eq!(headers["access-control-max-age"], "600");
    // Exactly these four: no allow-credentials, no allow-private-network.
    assert_eq!(access_control(&response).len(), 4);
    check_always(&response);
}

#[track_caller]
fn check_refused(request: &HeaderMap, kind: &str) {
    let response = answer(request);
    assert_eq!(response.status(), 403, "{request:?}");
    assert_eq!(access_control(&response), [""; 0]);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let document: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(document["type"], format!("urn:surefire:problem:{kind}"));
    assert_eq!(document["status"], 403);
    assert_eq!(document["request_id"], "r-1");
    check_always(&response);
}

#[test]
fn a_request_of_an_allowed_origin_is_approved_for_exactly_that_origin() {
    let names = ["authorization, content-type, idempotency-key"];
    check_allowed(&preflight(APP, "POST", &names), APP);
    let local = "http://localhost:5173";
    check_allowed(&preflight(local, "POST", &names), local);
    check_allowed(
        &preflight(APP, "GET", &["authorization,if-none-match"]),
        APP,
    );
    check_allowed(&preflight(APP, "PUT", &["authorization,if-match"]), APP);
    check_allowed(&preflight(APP, "POST", &[]), APP);
}

#[test]
fn an_origin_that_does_not_equal_a_listed_one_is_refused() {
    for origin in [
        "https://app.example.evil",
        "https://evilapp.example",
        "https://evil.app.example",
        "null",
        "https://app.example/",
        "https://app.example:8443",
        "https://app.example:443",
        "http://app.example",
        "HTTPS://APP.EXAMPLE",
        "https://app.example,https://app.example",
        "https://app.example https://evil.example",
        "https://app.exampl\u{e9}",
        "*",
        "",
    ] {
        check_refused(&preflight(origin, "POST", &[]), "origin-not-allowed");
    }
}

#[test]
fn an_origin_that_is_sent_twice_is_refused_even_if_it_is_allowed() {
    let mut twice = preflight(APP, "POST", &[]);
    twice.append("origin", HeaderValue::from_static(APP));
    check_refused(&twice, "origin-not-allowed");
}

#[test]
fn a_method_that_is_not_listed_or_has_another_case_is_refused() {
    for method in [
        "patch",
        "PATCH",
        "DELETE",
        "TRACE",
        "post",
        "Get",
        "OPTIONS",
        "HEAD",
        "*",
        "",
        "GET,POST",
        "GET, POST",
    ] {
        let refused = preflight(APP, method, &[]);
        check_refused(&refused, "request-method-not-allowed");
    }
    let mut twice = preflight(APP, "POST", &[]);
    twice.append(
        "access-control-request-method",
        HeaderValue::from_static("GET"),
    );
    check_refused(&twice, "request-method-not-allowed");
}

#[test]
fn listed_headers_are_allowed_in_any_case_on_several_lines_and_with_empty_elements() {
    for names in [
        &["Authorization, CONTENT-TYPE"][..],
        &["authorization", "If-Match,if-none-match"],
        &["authorization,,content-type, ,\t"],
        &[" \tauthorization\t ,\tidempotency-key "],
        &["authorization,authorization"],
        &[""],
        &["", ""],
        // Fifteen commas separate sixteen empty elements. Two lines share one limit.
        &[",,,,,,,,,,,,,,,"],
        &["authorization,,,,,,,,", "content-type,,,,,,,,"],
    ] {
        check_allowed(&preflight(APP, "POST", names), APP);
    }
}

#[test]
fn an_unlisted_header_is_refused() {
    for names in [
        &["x-debug"][..],
        &["authorization,x-debug"],
        &["authorization", "x-debug"],
        &["*"],
        &["authorization content-type"],
        &["authorization;content-type"],
        &["authorizatio"],
        &["authorization2"],
        &["authorization\u{e9}"],
    ] {
        let refused = preflight(APP, "POST", names);
        check_refused(&refused, "request-header-not-allowed");
    }
}

#[test]
fn a_seventeenth_empty_element_is_refused() {
    for names in [
        &[",,,,,,,,,,,,,,,,"][..],
        &["authorization,,,,,,,,,", "content-type,,,,,,,,"],
    ] {
        let refused = preflight(APP, "POST", names);
        check_refused(&refused, "too-many-empty-elements");
    }
}

#[test]
fn a_refusal_repeats_a_header_name_only_if_it_is_short_and_valid() {
    #[track_caller]
    fn check(name: &str, repeated: Option<&str>) {
        assert_eq!(
            decide(
                &preflight(APP, "POST", &[name]),
                &origins(),
                &AllowedHeaders::and("").unwrap()
            ),
            Decision::Refused(Refusal::Header(
                repeated.map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap())
            ))
        );
    }
    let longest = "x".repeat(REPEATED_NAME_BYTES_MAX);
    check(&longest, Some(&longest));
    check(&format!("{longest}x"), None);
    check("X-Debug", Some("x-debug"));
    check("<script>", None);
    let problem = Refusal::Header(Some(HeaderName::from_static("x-debug")))
        .problem(&AllowedHeaders::and("").unwrap());
    assert!(problem.body().contains("x-debug is not among"));
}

#[test]
fn options_without_an_origin_or_a_method_is_not_a_preflight() {
    for lines in [
        &[][..],
        &[("origin", APP)],
        &[("origin", "https://evil.example")],
        &[("access-control-request-method", "POST")],
        &[("access-control-request-headers", "authorization")],
    ] {
        let response = answer(&request(lines));
        assert_eq!(response.status(), 204);
        assert!(response.body().is_empty());
        assert_eq!(response.headers()["allow"], "GET, POST, PUT, OPTIONS");
        assert_eq!(access_control(&response), [""; 0]);
        check_always(&response);
    }
}

/// An allowed origin with a small change. Random bytes are never that similar.
fn nearly_allowed() -> impl Strategy<Value = Vec<u8>> {
    let edit = (
        0_usize..24,
        0_usize..3,
        prop::collection::vec(0x20_u8..0x7f, 0..3),
    );
    prop_oneof![
        Just(APP.as_bytes().to_vec()),
        Just(b"http://localhost:5173".to_vec())
    ]
    .prop_flat_map(move |origin| (Just(origin), edit.clone()))
    .prop_map(|(mut origin, (at, removed, inserted))| {
        let at = at.min(origin.len());
        let end = (at + removed).min(origin.len());
        origin.splice(at..end, inserted);
        origin
    })
}

proptest! {
    #[test]
    fn an_origin_outside_the_list_never_gets_an_access_control_header(
        origin in prop_oneof![prop::collection::vec(any::<u8>(), 0..40), nearly_allowed()],
        method in prop_oneof![Just("POST"), Just("GET"), Just("patch")],
        names in prop_oneof![Just("authorization"), Just("x-debug"), Just("")],
    ) {
        let listed = [APP.as_bytes(), b"http://localhost:5173"].contains(&origin.as_slice());
        let Ok(origin) = HeaderValue::from_bytes(&origin) else { return Ok(()) };
        prop_assume!(!listed);
        let mut headers = preflight(APP, method, &[names]);
        headers.insert(ORIGIN, origin);
        let response = answer(&headers);
        prop_assert_eq!(response.status(), 403);
        prop_assert_eq!(access_control(&response), [""; 0]);
    }
}
