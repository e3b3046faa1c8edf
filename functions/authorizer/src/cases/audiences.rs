//! Tests of issuers whose tokens name this API in another claim than `aud`.

use serde_json::{Value, json};

use super::harness::{
    ROUTES, answer, app_of_issuers, bearer, block_on, check_event, claims, config, issuers,
};
use super::signers::SIGNERS;
use crate::{Algorithm, App, Config, Denial};

/// The EdDSA issuer as Amazon Cognito needs it.
fn issuer() -> Value {
    let mut issuer = issuers()[4].clone();
    issuer["audiences"] = json!(["client-1"]);
    issuer["audience_from"] = json!("client_id");
    issuer["require"] = json!({"token_use": "access"});
    issuer
}

fn app() -> App {
    app_of_issuers(&json!([issuer()]))
}

/// Valid claims without `aud`, with these changed. `null` removes a claim.
fn token(changes: &Value) -> String {
    let mut claims = claims("ed");
    let members = claims.as_object_mut().unwrap();
    members.remove("aud");
    members.insert("client_id".to_owned(), json!("client-1"));
    members.insert("token_use".to_owned(), json!("access"));
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
    SIGNERS.ed25519.token(Algorithm::EdDSA, &claims)
}

#[track_caller]
fn check(changes: &Value, expected: Result<(), Denial>) {
    check_event(&app(), bearer(&token(changes)), expected);
}

#[test]
fn a_token_without_an_audience_is_allowed_by_the_client_that_it_names() {
    check(&json!({}), Ok(()));
    for client in [json!("client-2"), json!(""), json!(["client-1"]), json!(1)] {
        check(&json!({"client_id": client}), Err(Denial::Audience));
    }
}

#[test]
fn the_client_is_read_from_one_claim_only() {
    check(
        &json!({"client_id": null, "azp": "client-1"}),
        Err(Denial::Audience),
    );
    check(&json!({"client_id": null}), Err(Denial::Audience));
    check(
        &json!({"client_id": "client-2", "azp": "client-1"}),
        Err(Denial::Audience),
    );
}

#[test]
fn an_audience_that_is_present_must_match_too() {
    check(&json!({"aud": "client-1"}), Ok(()));
    check(&json!({"aud": ["x", "client-1"]}), Ok(()));
    for aud in [json!("api"), json!([]), json!(7), json!(["client-1", 7])] {
        check(&json!({"aud": aud}), Err(Denial::Audience));
    }
}

#[test]
fn an_explicit_null_is_not_a_missing_audience() {
    let mut claims = claims("ed");
    claims["aud"] = Value::Null;
    claims["client_id"] = json!("client-1");
    claims["token_use"] = json!("access");
    let token = SIGNERS.ed25519.token(Algorithm::EdDSA, &claims);
    check_event(&app(), bearer(&token), Err(Denial::Audience));
}

#[test]
fn a_token_of_another_use_is_denied() {
    for other in [
        json!(null),
        json!("id"),
        json!("ACCESS"),
        json!(["access"]),
        json!(true),
    ] {
        let token = token(&json!({"token_use": other}));
        let answer = block_on(answer(&app(), bearer(&token)));
        assert_eq!(answer.result, Ok(json!({"isAuthorized": false})));
        assert_eq!(answer.reason(), "claim");
    }
}

#[test]
fn required_claims_also_restrict_an_issuer_with_an_audience() {
    let mut issuer = issuers()[4].clone();
    issuer["require"] = json!({"tid": "tenant-1"});
    let app = app_of_issuers(&json!([issuer]));
    let mut claims = claims("ed");
    let token = |claims: &Value| SIGNERS.ed25519.token(Algorithm::EdDSA, claims);
    assert_eq!(
        block_on(answer(&app, bearer(&token(&claims)))).reason(),
        "claim"
    );
    claims["tid"] = "tenant-1".into();
    check_event(&app, bearer(&token(&claims)), Ok(()));
}

#[track_caller]
fn refused(name: &str, value: Value, words: &str) {
    let mut issuer = issuer();
    match value {
        Value::Null => drop(issuer.as_object_mut().unwrap().remove(name)),
        value => issuer[name] = value,
    }
    let text = json!([issuer]).to_string();
    let var = |asked: &str| match asked {
        "ISSUERS" => Some(text.clone()),
        "ROUTE_SCOPES" => Some(ROUTES.to_owned()),
        _ => None,
    };
    let error = Config::from_env(var).map(|_| ()).expect_err(&text);
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn another_claim_for_the_audience_needs_a_required_claim() {
    config(&json!([issuer()]));
    refused("require", json!(null), "`audience_from` needs `require`");
    refused("require", json!({}), "`require`");
    refused("require", json!({"token_use": ""}), "`require`");
    refused("require", json!({"": "access"}), "`require`");
    refused(
        "require",
        json!({"token_use": ["access"]}),
        "expected a string",
    );
    for other in ["azp", "aud", "sub", ""] {
        refused(
            "audience_from",
            json!(other),
            "`audience_from` must be `client_id`",
        );
    }
}
