//! Applies CloudFront's response headers policy to a response.
//!
//! Source: "Add or remove HTTP headers in CloudFront responses with a policy".

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use template::{EdgeCors, EdgePolicy};

/// Applies a policy to the headers of a response.
pub(crate) fn apply(
    policy: &EdgePolicy,
    method: &Method,
    request: &HeaderMap,
    answer: &mut HeaderMap,
) {
    if let Some(cors) = &policy.cors {
        apply_cors(cors, method, request, answer);
    }
    for header in &policy.headers {
        set(answer, &header.name, &header.value, header.replaces);
    }
}

fn apply_cors(cors: &EdgeCors, method: &Method, request: &HeaderMap, answer: &mut HeaderMap) {
    // Without an origin, or with one that is not allowed, there are no CORS headers.
    let Some(origin) = request.get(ORIGIN) else {
        return;
    };
    let anyone = cors.origins.iter().any(|allowed| allowed == "*");
    if !anyone
        && !cors
            .origins
            .iter()
            .any(|allowed| allowed.as_bytes() == origin.as_bytes())
    {
        return;
    }
    let allowed = if anyone {
        HeaderValue::from_static("*")
    } else {
        origin.clone()
    };
    if cors.replaces || !answer.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    }
    let mut set = |name: HeaderName, value: &str| set(answer, name.as_str(), value, cors.replaces);
    if cors.credentials {
        set(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    if method == Method::OPTIONS && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        set(ACCESS_CONTROL_ALLOW_METHODS, &cors.methods.join(", "));
        set(ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers.join(", "));
        if let Some(seconds) = cors.max_age_seconds {
            set(ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
        }
    } else if !cors.exposed.is_empty() {
        set(ACCESS_CONTROL_EXPOSE_HEADERS, &cors.exposed.join(", "));
    }
    if !anyone {
        vary_by_origin(answer);
    }
}

/// Adds `Origin` to `Vary`, and joins its lines into one.
fn vary_by_origin(answer: &mut HeaderMap) {
    let lines = answer
        .get_all(VARY)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut members: Vec<&str> = lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .collect();
    if !members
        .iter()
        .any(|member| member.eq_ignore_ascii_case("origin"))
    {
        members.push("Origin");
    }
    if let Ok(value) = HeaderValue::from_str(&members.join(", ")) {
        answer.insert(VARY, value);
    }
}

fn set(answer: &mut HeaderMap, name: &str, value: &str, replaces: bool) {
    // CloudFormation refuses names and values that are not valid in a header.
    let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) else {
        return;
    };
    if replaces || !answer.contains_key(&name) {
        answer.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use template::EdgeHeader;

    fn policy() -> EdgePolicy {
        let header = |name: &str, value: &str, replaces| EdgeHeader {
            name: name.to_owned(),
            value: value.to_owned(),
            replaces,
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        EdgePolicy {
            cors: Some(EdgeCors {
                origins: texts(&["https://a.example", "https://b.example"]),
                methods: texts(&["GET", "POST"]),
                headers: texts(&["authorization"]),
                exposed: texts(&["etag"]),
                max_age_seconds: Some(600),
                credentials: false,
                replaces: true,
            }),
            headers: vec![
                header("x-frame-options", "DENY", true),
                header("cache-control", "no-store", false),
                header("vary", "Origin", false),
            ],
        }
    }

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[track_caller]
    fn check(
        method: &Method,
        request: &[(&'static str, &'static str)],
        answer: &[(&'static str, &'static str)],
        expected: &[(&'static str, &'static str)],
    ) {
        let mut headers = map(answer);
        apply(&policy(), method, &map(request), &mut headers);
        assert_eq!(headers, map(expected));
    }

    #[test]
    fn an_allowed_page_can_read_a_response_of_the_gateway_itself() {
        check(
            &Method::GET,
            &[("origin", "https://b.example")],
            &[],
            &[
                ("access-control-allow-origin", "https://b.example"),
                ("access-control-expose-headers", "etag"),
                ("vary", "Origin"),
                ("x-frame-options", "DENY"),
                ("cache-control", "no-store"),
            ],
        );
    }

    #[test]
    fn an_origin_that_is_not_allowed_gets_security_headers_but_no_cors_headers() {
        let expected = [
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
            // A cache must not give this answer to a page of an allowed origin.
            ("vary", "Origin"),
        ];
        check(
            &Method::GET,
            &[("origin", "https://a.example.evil")],
            &[],
            &expected,
        );
        check(&Method::GET, &[], &[], &expected);
    }

    #[test]
    fn a_header_is_replaced_only_if_the_policy_overrides_it() {
        check(
            &Method::GET,
            &[],
            &[
                ("x-frame-options", "SAMEORIGIN"),
                ("cache-control", "public, max-age=5"),
            ],
            &[
                ("x-frame-options", "DENY"),
                ("cache-control", "public, max-age=5"),
                ("vary", "Origin"),
            ],
        );
    }

    #[test]
    fn a_preflights_answer_lists_methods_and_headers() {
        check(
            &Method::OPTIONS,
            &[
                ("origin", "https://a.example"),
                ("access-control-request-method", "POST"),
            ],
            &[("vary", "Origin, Access-Control-Request-Method")],
            &[
                ("access-control-allow-origin", "https://a.example"),
                ("access-control-allow-methods", "GET, POST"),
                ("access-control-allow-headers", "authorization"),
                ("access-control-max-age", "600"),
                ("vary", "Origin, Access-Control-Request-Method"),
                ("x-frame-options", "DENY"),
                ("cache-control", "no-store"),
            ],
        );
    }
}
