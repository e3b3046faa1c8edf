//! The edge caches no errors, and accepts only encrypted requests.

use serde_json::json;

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
    faults
}

#[test]
fn the_edge_caches_no_error() {
    keeps(faults);
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
