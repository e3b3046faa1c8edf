//! Tests of key sets: what makes a whole set unusable, and which keys are skipped.

use serde_json::{Value, json};

use super::harness::{Clock, answer, bearer, block_on, check_event, claims, config, issuers, now};
use super::signers::{KID, SIGNERS, Signer, base64url};
use super::test_keys;
use crate::{Algorithm, App, Denial, Error, KeySet};

pub(super) fn jwk(signer: &Signer, members: &Value) -> Value {
    let mut jwk = signer.jwk();
    jwk["kid"] = KID.into();
    for (name, value) in members.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

pub(super) fn read(keys: &Value) -> Result<KeySet, String> {
    KeySet::from_jwks(json!({"keys": keys}).to_string().as_bytes())
        .map_err(|error| error.to_string())
}

#[track_caller]
pub(super) fn refused(keys: &Value, words: &str) {
    let result = read(keys).map(|set| set.len());
    assert!(
        result.clone().is_err_and(|text| text.contains(words)),
        "{result:?}: {keys}"
    );
}

/// Checks the answer to a token when this key set is given by hand.
#[track_caller]
pub(super) fn check_given(keys: &Value, token: &str, expected: Result<Result<(), Denial>, Error>) {
    let text = json!({"keys": keys}).to_string();
    let app =
        App::with_fixed_keys(config(&issuers()), Some(&text), None, Clock::new().world()).unwrap();
    match expected {
        Ok(expected) => drop(check_event(&app, bearer(token), expected)),
        Err(error) => assert_eq!(block_on(answer(&app, bearer(token))).result, Err(error)),
    }
}

pub(super) fn rs256() -> String {
    SIGNERS.rsa.token(Algorithm::RS256, &claims("rs"))
}

#[test]
fn a_set_with_a_duplicate_key_id_is_refused_and_every_event_fails() {
    let twice = json!([
        jwk(&SIGNERS.rsa, &json!({})),
        jwk(&Signer::rsa(test_keys::RSA_OTHER), &json!({}))
    ]);
    refused(&twice, "same id");
    check_given(&twice, &rs256(), Err(Error::KeysUnavailable));
    let other = json!([
        jwk(&SIGNERS.rsa, &json!({})),
        jwk(&SIGNERS.p256, &json!({"use": "enc"}))
    ]);
    refused(&other, "same id");
}

#[test]
fn a_set_that_mixes_symmetric_and_asymmetric_keys_is_refused() {
    let mixed = json!([
        jwk(&SIGNERS.p256, &json!({})),
        jwk(&SIGNERS.hmac, &json!({"kid": "oct"}))
    ]);
    refused(&mixed, "mixes");
    let token = SIGNERS.p256.token(Algorithm::ES256, &claims("es"));
    check_given(&mixed, &token, Err(Error::KeysUnavailable));
}

#[test]
fn a_key_for_encryption_is_skipped() {
    for members in [
        json!({"use": "enc"}),
        json!({"key_ops": ["encrypt"]}),
        json!({"key_ops": ["wrapKey", "unwrapKey"]}),
        json!({"use": "enc", "alg": "RSA-OAEP"}),
        json!({"alg": "RSA-OAEP-256"}),
        json!({"use": "tls"}),
        json!({"key_ops": ["sign"]}),
        json!({"key_ops": []}),
    ] {
        let keys = json!([jwk(&SIGNERS.rsa, &members)]);
        assert_eq!(read(&keys).map(|set| set.len()), Ok(0), "{keys}");
        check_given(&keys, &rs256(), Ok(Err(Denial::Key)));
        // Many issuers publish such a key beside the one for signatures.
        let beside = json!([
            jwk(&SIGNERS.rsa, &json!({"use": "sig"})),
            jwk(&SIGNERS.rsa, &json!({"kid": "enc"}))
        ]);
        check_given(&beside, &rs256(), Ok(Ok(())));
    }
}

#[test]
fn a_set_with_a_key_that_contradicts_itself_is_refused() {
    for members in [
        json!({"use": "sig", "key_ops": ["encrypt"]}),
        json!({"use": "enc", "key_ops": ["verify"]}),
        json!({"use": "enc", "alg": "RS256"}),
        json!({"use": "sig", "alg": "RSA-OAEP"}),
        json!({"key_ops": ["verify", "encrypt"]}),
        json!({"key_ops": ["verify", "verify"]}),
        json!({"alg": "ES256"}),
        json!({"alg": "HS256"}),
    ] {
        let keys = json!([jwk(&SIGNERS.rsa, &members)]);
        refused(&keys, "contradict");
        check_given(&keys, &rs256(), Ok(Err(Denial::Key)));
        // A good key in the same set is not used either.
        let beside = json!([
            jwk(&SIGNERS.rsa, &json!({})),
            jwk(&SIGNERS.rsa, &with_kid(&members))
        ]);
        refused(&beside, "contradict");
        check_given(&beside, &rs256(), Err(Error::KeysUnavailable));
    }
    refused(
        &json!([jwk(&SIGNERS.p256, &json!({"alg": "ES384"}))]),
        "contradict",
    );
    refused(
        &json!([jwk(&SIGNERS.p384, &json!({"alg": "ES256"}))]),
        "contradict",
    );
    refused(
        &json!([jwk(&SIGNERS.ed25519, &json!({"alg": "ES256"}))]),
        "contradict",
    );
    refused(
        &json!([jwk(&SIGNERS.p256, &json!({"crv": "P-384", "alg": "ES256"}))]),
        "contradict",
    );
    refused(
        &json!([jwk(&SIGNERS.p256, &json!({"crv": "P-521", "alg": "ES256"}))]),
        "contradict",
    );
}

fn with_kid(members: &Value) -> Value {
    let mut members = members.clone();
    members["kid"] = "contradiction".into();
    members
}

#[test]
fn a_modulus_with_a_leading_zero_is_accepted() {
    let Value::String(n) = SIGNERS.rsa.jwk()["n"].clone() else {
        panic!("not an RSA key")
    };
    let n = crate::token::base64url(&n).unwrap();
    let keys = json!([jwk(
        &SIGNERS.rsa,
        &json!({"n": base64url([&[0], n.as_slice()].concat())})
    )]);
    check_given(&keys, &rs256(), Ok(Ok(())));
}

#[test]
fn a_malformed_set_is_refused() {
    for text in [
        "",
        "{}",
        "[]",
        r#"{"keys": {}}"#,
        r#"{"keys": []}"#,
        r#"{"keys": [], "keys": []}"#,
        "\u{feff}{}",
    ] {
        assert!(KeySet::from_jwks(text.as_bytes()).is_err(), "{text}");
    }
    let many = |count| Value::from(vec![json!({"kty": "x"}); count]);
    assert_eq!(read(&many(100)).map(|set| set.len()), Ok(0));
    refused(&many(101), "too many");
    for key in [
        json!(1),
        json!({}),
        json!({"kty": 1}),
        jwk(&SIGNERS.rsa, &json!({"kid": 1})),
        jwk(&SIGNERS.rsa, &json!({"use": ["sig"]})),
        jwk(&SIGNERS.rsa, &json!({"key_ops": "verify"})),
        jwk(&SIGNERS.rsa, &json!({"n": 5})),
        jwk(&SIGNERS.rsa, &json!({"n": "a+b="})),
        jwk(&SIGNERS.rsa, &json!({"e": base64url([1; 9])})),
        jwk(&SIGNERS.p256, &json!({"x": base64url([1; 32])})),
        jwk(&SIGNERS.p256, &json!({"x": base64url([0; 33])})),
        jwk(&SIGNERS.p256, &json!({"y": null})),
        jwk(&SIGNERS.ed25519, &json!({"x": base64url([1; 31])})),
    ] {
        refused(&json!([key]), "malformed");
    }
}

#[test]
fn a_key_of_an_unknown_type_curve_or_algorithm_is_skipped() {
    for key in [
        json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"}),
        json!({"kty": "OKP", "crv": "X25519", "x": "x"}),
        json!({"kty": "EC", "crv": "secp256k1", "alg": "ES256K", "x": "x", "y": "y"}),
        json!({"kty": "EC", "crv": "P-521", "alg": "ES512", "x": "x", "y": "y"}),
        json!({"kty": "OKP", "x": "x"}),
    ] {
        assert_eq!(read(&json!([key])).map(|set| set.len()), Ok(0), "{key}");
    }
    let renamed = json!([jwk(&SIGNERS.ed25519, &json!({"alg": "Ed25519"}))]);
    assert_eq!(read(&renamed).map(|set| set.len()), Ok(1));
}

#[test]
fn a_published_set_with_a_private_key_is_refused() {
    let keys = json!([jwk(&SIGNERS.rsa, &json!({"d": "x"}))]);
    refused(&keys, "private");
    // In a set that a developer gives by hand it does no harm.
    check_given(&keys, &rs256(), Ok(Ok(())));
}

#[test]
fn a_key_restricted_to_one_algorithm_verifies_no_other() {
    let keys = json!([jwk(&SIGNERS.rsa, &json!({"alg": "RS512"}))]);
    check_given(&keys, &rs256(), Ok(Err(Denial::Key)));
    check_given(
        &keys,
        &SIGNERS.rsa.token(Algorithm::RS512, &claims("rs")),
        Ok(Ok(())),
    );
}

#[test]
fn a_given_set_accepts_any_key_id_and_prefers_the_key_that_has_it() {
    let other = Signer::rsa(test_keys::RSA_OTHER);
    let keys = json!([
        jwk(&SIGNERS.rsa, &json!({"kid": "a"})),
        jwk(&other, &json!({"kid": "b"}))
    ]);
    let token = |signer: &Signer, header: &Value| {
        signer.compact(
            Algorithm::RS256,
            &header.to_string(),
            claims("rs").to_string(),
        )
    };
    for header in [
        json!({"alg": "RS256"}),
        json!({"alg": "RS256", "kid": "unknown"}),
    ] {
        check_given(&keys, &token(&SIGNERS.rsa, &header), Ok(Ok(())));
        check_given(&keys, &token(&other, &header), Ok(Ok(())));
        check_given(
            &keys,
            &token(&Signer::ed25519(), &json!({"alg": "EdDSA"})),
            Ok(Err(Denial::Algorithm)),
        );
    }
    check_given(
        &keys,
        &token(&other, &json!({"alg": "RS256", "kid": "a"})),
        Ok(Err(Denial::Signature)),
    );
}

#[test]
fn every_event_fails_when_the_given_keys_are_unusable() {
    for text in ["", "not JSON", r#"{"keys": []}"#] {
        let app = App::with_fixed_keys(config(&issuers()), Some(text), None, Clock::new().world())
            .unwrap();
        for _ in 0..2 {
            assert_eq!(
                block_on(answer(&app, bearer(&rs256()))).result,
                Err(Error::KeysUnavailable)
            );
        }
    }
    let app = App::with_fixed_keys(config(&issuers()), None, None, Clock::new().world()).unwrap();
    assert_eq!(
        block_on(answer(&app, bearer(&rs256()))).result,
        Err(Error::KeysUnavailable)
    );
}

#[test]
fn a_given_secret_sets_the_key_of_every_hmac_issuer() {
    let secret = "s".repeat(64);
    let app = App::with_fixed_keys(
        config(&issuers()),
        None,
        Some(&secret),
        Clock::new().world(),
    )
    .unwrap();
    check_event(
        &app,
        bearer(&SIGNERS.hmac.token(Algorithm::HS512, &claims("hs"))),
        Ok(()),
    );
    let error = block_on(answer(&app, bearer(&rs256()))).result;
    assert_eq!(error, Err(Error::KeysUnavailable));
    let short = App::with_fixed_keys(
        config(&issuers()),
        None,
        Some("short"),
        Clock::new().world(),
    );
    let error = short.map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        error,
        r#"issuer "hs": the secret's key has 5 bytes, but its algorithm needs at least 32"#
    );
}

#[test]
fn a_secret_is_used_only_with_algorithms_it_is_long_enough_for() {
    let secret = "s".repeat(48);
    let keys = KeySet::from_secret(&secret, 32).unwrap();
    let signer = Signer::Hmac(secret.into_bytes());
    let config = config(&issuers());
    let verify = |algorithm: Algorithm| {
        let token = signer.token(algorithm, &claims("hs"));
        crate::verify(&token, config.issuers(), |_| Some(&keys), now()).map(|_| ())
    };
    assert_eq!(verify(Algorithm::HS256), Ok(()));
    assert_eq!(verify(Algorithm::HS384), Ok(()));
    assert_eq!(verify(Algorithm::HS512), Err(Denial::Key));
}
