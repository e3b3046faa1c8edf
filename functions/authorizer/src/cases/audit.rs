//! Tests of logs and metrics: a denial is logged and counted with its reason, and quotes nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::harness::{
    Clock, NOW, answer, app, app_of_issuers, assert_silent, bearer, block_on, claims, claims_with,
    config, event, issuers,
};
use super::signers::{KID, SIGNERS, Signer};
use crate::{Algorithm, App, Denial};

fn hs256(claims: &Value) -> String {
    SIGNERS.hmac.token(Algorithm::HS256, claims)
}

/// An event for each reason, except for unavailable keys.
fn denied() -> Vec<(Denial, Value)> {
    let with = |name: &str, value: Value| bearer(&hs256(&claims_with("hs", name, value)));
    let mut unlisted = bearer(&hs256(&claims("hs")));
    unlisted["routeKey"] = "GET /secret-route".into();
    let header = json!({"alg": "HS256", "kid": "unknown"}).to_string();
    vec![
        (Denial::MissingToken, event("")),
        (Denial::Malformed, event("Basic x")),
        (
            Denial::Algorithm,
            bearer(&SIGNERS.hmac.token(Algorithm::EdDSA, &claims("hs"))),
        ),
        (
            Denial::Key,
            bearer(
                &SIGNERS
                    .hmac
                    .compact(Algorithm::HS256, &header, claims("hs").to_string()),
            ),
        ),
        (
            Denial::Signature,
            bearer(&Signer::hmac(b'x').token(Algorithm::HS256, &claims("hs"))),
        ),
        (Denial::Expired, with("exp", json!(NOW - 60))),
        (Denial::NotYetValid, with("nbf", json!(NOW + 60))),
        (Denial::Issuer, with("iss", json!("https://evil.example"))),
        (Denial::Bound, with("cnf", json!({"jkt": "x"}))),
        (
            Denial::Claim,
            bearer(&SIGNERS.p256.token(Algorithm::ES256, &claims("es"))),
        ),
        (Denial::Audience, with("aud", json!("another-api"))),
        (Denial::Subject, with("sub", json!(""))),
        (Denial::Lifetime, with("exp", json!(NOW + 100_000_000))),
        (Denial::Scope, with("scope", json!("orders:read"))),
        (Denial::Route, unlisted),
    ]
}

#[test]
fn every_denial_is_logged_with_its_reason_and_counted() {
    let mut seen = BTreeSet::new();
    let mut issuers = issuers();
    issuers[3]["require"] = json!({"token_use": "access"});
    let app = app_of_issuers(&issuers);
    for (denial, event) in denied() {
        let answer = super::harness::check_event(&app, event, Err(denial));
        seen.insert(answer.reason());
    }
    let set = App::with_fixed_keys(config(&issuers), None, None, Clock::new().world()).unwrap();
    let answer = block_on(answer(&set, bearer(&hs256(&claims("hs")))));
    assert_eq!(answer.result, Err(crate::Error::KeysUnavailable));
    seen.insert(answer.reason());
    let all: BTreeSet<String> = Denial::ALL
        .iter()
        .map(|denial| denial.reason().to_owned())
        .collect();
    assert_eq!(seen, all);
}

#[test]
fn the_log_line_holds_only_configured_names_and_a_hash() {
    let answer = block_on(answer(&app(), bearer(&hs256(&claims("hs")))));
    let lines = answer.lines_with("decision");
    let line = &lines[0];
    for (name, value) in [
        ("message", "decision"),
        ("decision", "allow"),
        ("service", "authorizer"),
        ("issuer", "hs"),
        ("route", "POST /orders"),
        ("jti_hash", "e5fa19888eb42e92"),
        ("level", "INFO"),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    assert_silent(&answer, &hs256(&claims("hs")));
}

#[test]
fn texts_of_the_token_and_the_event_are_not_logged() {
    let marked = "MARKED-TEXT";
    for (name, value) in [
        ("iss", json!(marked)),
        ("aud", json!(marked)),
        ("sub", json!(marked)),
        ("scope", json!(marked)),
        ("jti", json!(marked)),
        ("exp", json!(marked)),
        ("client_id", json!([marked])),
        (marked, json!(marked)),
    ] {
        let token = hs256(&claims_with("hs", name, value));
        let mut event = bearer(&token);
        event["headers"]["x-marked"] = marked.into();
        event["rawPath"] = marked.into();
        let answered = block_on(answer(&app(), event));
        assert!(!answered.output.contains(marked), "{}", answered.output);
        assert_silent(&answered, &token);
    }
    let header = json!({"alg": marked, "kid": KID}).to_string();
    let unlisted = {
        let mut event = bearer(&hs256(&claims("hs")));
        event["routeKey"] = marked.into();
        event
    };
    let algorithm = bearer(&SIGNERS.hmac.compact(
        Algorithm::HS256,
        &header,
        claims("hs").to_string(),
    ));
    for event in [algorithm, unlisted, event(marked)] {
        let answered = block_on(answer(&app(), event));
        assert!(!answered.output.contains(marked), "{}", answered.output);
    }
}
