//! Tests of claims: their types, their times, and the scopes of a route.

use jsonwebtoken::get_current_timestamp;
use serde_json::{Value, json};

use super::harness::{
    NOW, app, assert_library_accepts, bearer, check, check_event, claims, claims_with, config, iss,
    issuers, keys,
};
use super::signers::SIGNERS;
use crate::{Algorithm, Denial, Issuer, verify};

fn token(claims: &Value) -> String {
    SIGNERS.hmac.token(Algorithm::HS256, claims)
}

fn with(name: &str, value: Value) -> String {
    token(&claims_with("hs", name, value))
}

/// The issuers, with one setting of the first changed.
fn issuer_with(name: &str, value: Value) -> Vec<Issuer> {
    let mut issuers = issuers();
    issuers[0][name] = value;
    config(&issuers).issuers().to_vec()
}

#[track_caller]
fn check_at(issuers: &[Issuer], token: &str, now: i64, expected: Result<(), Denial>) {
    let now = jiff::Timestamp::from_second(now).unwrap();
    let keys = keys("hs");
    let verified = verify(token, issuers, |_| Some(&keys), now);
    assert_eq!(verified.map(|_| ()), expected, "{token} at {now}");
}

#[test]
fn an_audience_of_the_wrong_type_or_of_another_api_is_denied() {
    for aud in [json!(123), json!({}), json!(["api", 1])] {
        let token = with("aud", aud);
        assert_library_accepts(&token);
        check(&token, Err(Denial::Audience));
    }
    for aud in [
        json!(true),
        json!([["api"]]),
        json!({"api": "api"}),
        json!(["api", null]),
    ] {
        check(&with("aud", aud), Err(Denial::Audience));
    }
    for aud in [
        json!("api"),
        json!(["api"]),
        json!(["x", "api"]),
        json!("other-api"),
    ] {
        check(&with("aud", aud), Ok(()));
    }
    for aud in [
        json!("API"),
        json!("api "),
        json!("ap"),
        json!(["x", "apis"]),
        json!(""),
    ] {
        check(&with("aud", aud), Err(Denial::Audience));
    }
}

#[test]
fn a_missing_audience_is_denied() {
    let token = with("aud", json!(null));
    assert_library_accepts(&token);
    check(&token, Err(Denial::Audience));
}

#[test]
fn an_empty_list_of_audiences_is_denied() {
    check(&with("aud", json!([])), Err(Denial::Audience));
}

#[test]
fn a_list_of_issuers_is_denied() {
    let token = with("iss", json!(["https://evil.example", iss("hs")]));
    assert_library_accepts(&token);
    check(&token, Err(Denial::Issuer));
}

#[test]
fn a_missing_numeric_or_unknown_issuer_is_denied() {
    for iss in [json!(null), json!(7)] {
        let token = with("iss", iss);
        assert_library_accepts(&token);
        check(&token, Err(Denial::Issuer));
    }
    for other in [
        "https://evil.example",
        "",
        "https://hs.example/",
        "HTTPS://hs.example",
    ] {
        check(&with("iss", json!(other)), Err(Denial::Issuer));
    }
}

#[test]
fn a_subject_that_is_missing_empty_or_not_a_string_is_denied() {
    for sub in [json!(1), json!("")] {
        let token = with("sub", sub);
        assert_library_accepts(&token);
        check(&token, Err(Denial::Subject));
    }
    check(&with("sub", json!(null)), Err(Denial::Subject));
    check(&with("sub", json!(["demo"])), Err(Denial::Subject));
}

#[test]
fn a_subject_that_is_too_long_or_has_control_characters_is_denied() {
    for sub in ["s".repeat(256), "é".repeat(128), "auth0|a b".to_owned()] {
        check(&with("sub", json!(sub)), Ok(()));
    }
    let long = ["s".repeat(257), "é".repeat(129)];
    let controls = ["a\0b", "\n", "a\u{7f}", "a\u{85}b", "\u{1b}[2J"].map(str::to_owned);
    for sub in long.into_iter().chain(controls) {
        check(&with("sub", json!(sub)), Err(Denial::Subject));
    }
}

#[test]
fn an_expiry_that_is_not_an_integer_or_has_passed_is_denied() {
    for exp in [
        json!("4000000600"),
        json!(1e300),
        json!(4_000_000_600.5),
        json!(null),
        json!([NOW]),
    ] {
        check(&with("exp", exp), Err(Denial::Lifetime));
    }
    for exp in [json!(-1), json!(0), json!(i64::MIN)] {
        check(&with("exp", exp), Err(Denial::Expired));
    }
}

#[test]
fn a_token_that_expires_now_is_denied_without_leeway() {
    let now = i64::try_from(get_current_timestamp()).unwrap();
    let expiring = |exp: i64| {
        token(&json!({"iss": iss("hs"), "aud": "api", "sub": "s", "iat": now - 60, "exp": exp}))
    };
    assert_library_accepts(&expiring(now));
    assert_library_accepts(&expiring(now - 30));
    let issuers = issuer_with("leeway_seconds", json!(0));
    check_at(&issuers, &expiring(now), now, Err(Denial::Expired));
    check_at(&issuers, &expiring(now + 1), now, Ok(()));
}

#[test]
fn an_expired_token_is_denied_when_the_leeway_has_passed() {
    let issuers = issuer_with("leeway_seconds", json!(30));
    let token = with("exp", json!(NOW + 1));
    check_at(&issuers, &token, NOW + 1 + 29, Ok(()));
    check_at(&issuers, &token, NOW + 1 + 30, Err(Denial::Expired));
    check_at(&issuers, &token, NOW + 1 + 31, Err(Denial::Expired));
}

#[test]
fn a_token_that_lives_too_long_is_denied() {
    for exp in [json!(u64::MAX), json!(i64::MAX)] {
        let token = with("exp", exp);
        assert_library_accepts(&token);
        check(&token, Err(Denial::Lifetime));
    }
    let day = 24 * 60 * 60;
    check(&with("exp", json!(NOW - 10 + day)), Ok(()));
    check(
        &with("exp", json!(NOW - 10 + day + 1)),
        Err(Denial::Lifetime),
    );
    let hour = issuer_with("max_ttl_seconds", json!(3_600));
    check_at(&hour, &with("exp", json!(NOW - 10 + 3_600)), NOW, Ok(()));
    check_at(
        &hour,
        &with("exp", json!(NOW - 10 + 3_601)),
        NOW,
        Err(Denial::Lifetime),
    );
    // A token that is issued when it expires, or later, was never valid.
    for iat in [NOW + 3, NOW + 4] {
        let mut claims = claims_with("hs", "exp", json!(NOW + 3));
        claims["iat"] = json!(iat);
        check(&token(&claims), Err(Denial::Lifetime));
    }
}

#[test]
fn a_token_that_is_not_valid_yet_is_denied() {
    for nbf in [json!(NOW + 60), json!("0")] {
        let token = with("nbf", nbf);
        assert_library_accepts(&token);
        check(&token, Err(Denial::NotYetValid));
    }
    check(&with("nbf", json!(NOW + 6)), Err(Denial::NotYetValid));
    for nbf in [json!(NOW + 5), json!(NOW), json!(0)] {
        check(&with("nbf", nbf), Ok(()));
    }
    check(&with("nbf", json!(1.5)), Err(Denial::NotYetValid));
}

#[test]
fn a_token_issued_in_the_future_or_at_an_unknown_time_is_denied() {
    let missing = with("iat", json!(null));
    assert_library_accepts(&missing);
    check(&missing, Err(Denial::Lifetime));
    let future = with("iat", json!(NOW + 500));
    assert_library_accepts(&future);
    check(&future, Err(Denial::NotYetValid));
    check(&with("iat", json!(NOW + 6)), Err(Denial::NotYetValid));
    check(&with("iat", json!(NOW + 5)), Ok(()));
    check(&with("iat", json!("4000000000")), Err(Denial::Lifetime));
    check(&with("iat", json!(u64::MAX)), Err(Denial::NotYetValid));
    check(&with("iat", json!(i64::MIN)), Err(Denial::Lifetime));
}

#[test]
fn a_token_without_the_scope_of_a_route_and_an_unlisted_route_are_denied() {
    for scope in [
        json!(null),
        json!("orders:read"),
        json!("orders:write:all orders"),
        json!("ORDERS:WRITE"),
        json!(["orders:write"]),
    ] {
        check_event(&app(), bearer(&with("scope", scope)), Err(Denial::Scope));
    }
    let mut claims = claims_with("hs", "scope", json!(null));
    claims["scp"] = json!(["orders:write"]);
    check(&token(&claims), Ok(()));
    for route_key in [
        "DELETE /orders",
        "POST /orders/",
        "$default",
        "",
        "ANY /orders",
    ] {
        let mut event = bearer(&token(&super::harness::claims("hs")));
        event["routeKey"] = route_key.into();
        if route_key.starts_with("DELETE") {
            event["requestContext"]["http"]["method"] = "DELETE".into();
        }
        check_event(&app(), event, Err(Denial::Route));
    }
}

#[test]
fn the_same_subject_of_two_issuers_is_two_callers() {
    let of = |token: String| block(bearer(&token))["context"].clone();
    let first = of(token(&claims("hs")));
    let second = of(SIGNERS.ed25519.token(Algorithm::EdDSA, &claims("ed")));
    assert_eq!(first["sub"], second["sub"]);
    assert_eq!(
        (first["issuer"].as_str(), second["issuer"].as_str()),
        (Some("hs"), Some("ed"))
    );
    let caller = |context: &Value| {
        shared::caller::Caller::from_context(context.as_object().unwrap()).unwrap()
    };
    assert_ne!(caller(&first), caller(&second));
}

fn block(event: Value) -> Value {
    check_event(&app(), event, Ok(())).result.unwrap()
}

#[test]
fn a_token_that_is_bound_to_a_key_of_its_client_is_denied() {
    for cnf in [
        json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
        json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}),
        json!({"jwk": {}}),
        json!({}),
        json!("x"),
        json!([]),
        json!(false),
    ] {
        let token = with("cnf", cnf.clone());
        assert_library_accepts(&token);
        check(&token, Err(Denial::Bound));
    }
    let mut claims = claims("hs");
    claims["cnf"] = Value::Null;
    check(&token(&claims), Err(Denial::Bound));
    // Other denials of a bound token say no more about its contents than this one.
    claims["aud"] = "another-api".into();
    check(&token(&claims), Err(Denial::Bound));
}
