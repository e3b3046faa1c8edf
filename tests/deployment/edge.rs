//! The edge caches no errors, and accepts only encrypted requests.

use serde_json::json;

use template::{Kind, Template};

use super::{keeps, list, names, stack, with};

/// The statuses for which CloudFront has a minimum time in its cache, among those that it caches.
///
/// Source: "How CloudFront processes HTTP 4xx and 5xx status codes from your origin".
const CACHED: [u16; 11] = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504];

fn faults(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let config = &stack.resources["Edge"].properties["DistributionConfig"];
    let responses = list(&config["CustomErrorResponses"]);
    let mut faults = Vec::new();
    for status in CACHED {
        let never = json!({"ErrorCode": status, "ErrorCachingMinTTL": 0});
        if !responses.contains(&&never) {
            faults.push(format!("the edge caches the status {status}"));
        }
    }
    let plain = &config["DefaultCacheBehavior"]["ViewerProtocolPolicy"];
    if *plain != json!("redirect-to-https") {
        faults.push(format!("the edge does not redirect plain HTTP: {plain}"));
    }
    let policy = &stack.resources["EdgeHeaders"].properties["ResponseHeadersPolicyConfig"];
    let transport = &policy["SecurityHeadersConfig"]["StrictTransportSecurity"];
    if transport["AccessControlMaxAgeSec"].as_u64() < Some(31_536_000) {
        faults.push("browsers do not remember for a year to use HTTPS".to_owned());
    }
    faults
}

#[test]
fn the_edge_caches_no_error_and_redirects_plain_http() {
    keeps(faults);
}

/// Deployments in which the orders function looks for the client's address in the wrong place.
fn misplaced(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for edge in ["true", "false"] {
        let template = match Template::read(text, [("EnableEdge", edge)]) {
            Ok(template) => template,
            Err(error) => return vec![error.to_string()],
        };
        let (_, orders) = template.function(Kind::Orders).unwrap();
        let told = orders.environment.get("BEHIND_EDGE");
        if told.map(String::as_str) != Some(edge) {
            faults.push(format!("EnableEdge is {edge}, but BEHIND_EDGE is {told:?}"));
        }
    }
    faults
}

#[test]
fn the_orders_function_knows_whether_the_edge_adds_the_clients_address() {
    keeps(misplaced);
    let broken = with(
        "OrdersFunction",
        "[WithEdge, \"true\", \"false\"]",
        "[WithOrders, \"true\", \"false\"]",
    );
    names(
        misplaced,
        &broken,
        "EnableEdge is false, but BEHIND_EDGE is Some(\"true\")",
    );
}

#[test]
fn an_edge_that_refuses_or_takes_plain_http_is_named() {
    for policy in ["https-only", "allow-all"] {
        let broken = with("Edge", "redirect-to-https", policy);
        names(faults, &broken, "the edge does not redirect plain HTTP");
    }
    let broken = with(
        "EdgeHeaders",
        "{AccessControlMaxAgeSec: 63072000, IncludeSubdomains: true, Override: true}",
        "{AccessControlMaxAgeSec: 600, IncludeSubdomains: true, Override: true}",
    );
    names(faults, &broken, "do not remember for a year");
}

#[test]
fn an_error_that_the_edge_caches_is_named() {
    let broken = with(
        "Edge",
        "          - {ErrorCode: 404, ErrorCachingMinTTL: 0}\n",
        "",
    );
    names(faults, &broken, "the edge caches the status 404");
    let never = "{ErrorCode: 503, ErrorCachingMinTTL: 0}";
    let broken = with("Edge", never, "{ErrorCode: 503, ErrorCachingMinTTL: 10}");
    names(faults, &broken, "the edge caches the status 503");
}
