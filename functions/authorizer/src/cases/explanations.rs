//! Tests of explanations: they name the step and the reason, and quote nothing of the token.

use serde_json::{Value, json};

use super::harness::{app, bearer, block_on, claims, claims_with, event};
use super::signers::{SIGNERS, Signer};
use crate::{Algorithm, explain};

fn explained(event: &Value) -> Value {
    block_on(explain(&app(), event))
}

#[track_caller]
fn check(event: &Value, step: &str, reason: &str, expects: &Value) {
    let explanation = explained(event);
    assert_eq!(explanation["decision"], "deny");
    assert_eq!(
        (&explanation["step"], &explanation["reason"]),
        (&json!(step), &json!(reason))
    );
    assert_eq!(explanation.get("expects").unwrap_or(&Value::Null), expects);
    let text = explanation.to_string();
    let header = event["headers"]["authorization"].as_str().unwrap();
    for part in header.split(['.', ' ']).filter(|part| 8 <= part.len()) {
        assert!(!text.contains(part), "{text}");
    }
    assert!(
        !text.contains("MARKED") && !text.contains("demo-subject"),
        "{text}"
    );
}

#[test]
fn a_denied_request_is_explained_by_its_step_and_the_configuration() {
    let token = |claims: &Value| bearer(&SIGNERS.hmac.token(Algorithm::HS256, claims));
    let with = |name: &str, value: Value| token(&claims_with("hs", name, value));
    check(&event("Bearer MARKED"), "form", "malformed", &json!(null));
    let known = explained(&with("iss", json!("https://MARKED.example")));
    assert_eq!(known["expects"]["iss"][0], "https://hs.example");
    assert!(!known.to_string().contains("MARKED"));
    check(
        &with("aud", json!("MARKED")),
        "claims",
        "audience",
        &json!({"audiences": ["api", "other-api"]}),
    );
    check(
        &with("exp", json!(1)),
        "claims",
        "expired",
        &json!({"leeway_seconds": 5}),
    );
    check(
        &with("cnf", json!("MARKED")),
        "claims",
        "bound",
        &json!(null),
    );
    check(
        &with("scope", json!("MARKED")),
        "scopes",
        "scope",
        &json!({"scopes": ["orders:write"]}),
    );
    let forged = Signer::hmac(b'x').token(Algorithm::HS256, &claims("hs"));
    check(&bearer(&forged), "signature", "signature", &json!(null));
    let mut unlisted = token(&claims("hs"));
    unlisted["routeKey"] = "GET /MARKED".into();
    check(&unlisted, "route", "route", &json!(null));
}

#[test]
fn an_allowed_request_is_explained_by_its_issuer_and_route() {
    let token = SIGNERS.hmac.token(Algorithm::HS256, &claims("hs"));
    assert_eq!(
        explained(&bearer(&token)),
        json!({"decision": "allow", "issuer": "hs", "route": "POST /orders"})
    );
}
