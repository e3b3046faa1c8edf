//! What a client reads about an error.

use super::*;

fn body(error: &Error, route: &str) -> Value {
    serde_json::from_str(&error.problem(route).body()).unwrap()
}

#[test]
fn each_route_says_how_to_find_out_what_happened() {
    let key = "Send the same request again with the same Idempotency-Key";
    for (route, done, again) in [
        ("POST /orders", "placed", key),
        ("POST /orders/{id}/returns", "changed", key),
        ("POST /products/{sku}/stock", "changed", key),
        (
            "POST /orders/{id}/confirm",
            "changed",
            "Send the same payment_reference again",
        ),
        ("POST /orders/{id}/cancel", "changed", "Cancel it again"),
        (
            "POST /orders/{id}/fulfil",
            "changed",
            "Send the same reference again",
        ),
        (
            "PUT /products/{sku}",
            "changed",
            "Send it again with the same If-Match or If-None-Match",
        ),
        ("GET /orders", "changed", "Send the same request again"),
    ] {
        let unknown = body(&Error::OutcomeUnknown, route);
        assert_eq!(
            unknown["detail"],
            format!("{again}: it is never done twice.")
        );
        let busy = body(&Error::Busy, route);
        let words = "Other requests for the same came first. This try";
        assert_eq!(busy["detail"], format!("{words} {done} nothing. {again}."));
    }
}

#[test]
fn a_request_with_faults_names_the_first_and_lists_all() {
    let fault = |place| Fault {
        place,
        detail: "is wrong".to_owned(),
    };
    let total = fault(Place::Body("/total".to_owned()));
    let all = [
        total,
        fault(Place::Body(String::new())),
        fault(Place::Parameter("limit")),
    ];
    let problem = |faults: &[Fault]| body(&Error::Invalid(faults.to_vec()), "POST /orders");
    assert_eq!(problem(&all[1..2])["detail"], "The body: is wrong.");
    assert_eq!(
        problem(&all[1..])["detail"],
        "The body: is wrong. There is 1 more fault."
    );
    assert_eq!(
        problem(&all)["detail"],
        "/total: is wrong. There are 2 more faults."
    );
    assert_eq!(problem(&all[2..])["detail"], "limit: is wrong.");
    assert_eq!(
        problem(&all)["errors"],
        json!([
            {"pointer": "/total", "detail": "is wrong"},
            {"pointer": "", "detail": "is wrong"},
            {"parameter": "limit", "detail": "is wrong"},
        ])
    );
}
