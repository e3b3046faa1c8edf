//! Tests of the keys of a set that are not used while its others are, and of members that are null.

use serde_json::{Value, json};

use super::harness::{claims, config, issuers, now};
use super::key_sets::{check_given, jwk, read, refused, rs256};
use super::signers::{SIGNERS, Signer, base64url};
use super::test_keys;
use crate::{Algorithm, Denial};

/// RSA members that make a key weak.
fn weak_rsa() -> Vec<Value> {
    vec![
        json!({"n": test_keys::RSA_1024_MODULUS}),
        json!({"e": base64url([1])}),
        json!({"e": base64url([3])}),
        json!({"e": base64url([1, 0, 0])}),
        json!({"e": base64url([1, 0, 2])}),
        json!({"e": base64url([2, 0, 0, 0, 1])}),
        json!({"e": base64url([1, 0, 0, 0, 0, 0, 0, 1])}),
        json!({"n": base64url([0; 256])}),
        json!({"n": base64url([0xfe; 256])}),
        json!({"n": base64url([0xff; 1025])}),
        // 2,047 bits: one too few.
        json!({"n": base64url([&[0x7f], [0xff; 255].as_slice()].concat())}),
        json!({"n": ""}),
        json!({"e": ""}),
    ]
}

/// Checks the reasons for the keys that are left out of a set.
#[track_caller]
fn left_out(keys: &Value, reasons: &[&str]) {
    let set = read(keys).expect("the set is refused");
    assert_eq!(set.left_out(), reasons, "{keys}");
}

/// Checks a token with the keys that an issuer publishes.
#[track_caller]
fn check_published(keys: &Value, token: &str, expected: Result<(), Denial>) {
    let set = read(keys).expect("the set is refused");
    let config = config(&issuers());
    let verified = crate::verify(token, config.issuers(), |_| Some(&set), now());
    assert_eq!(verified.map(|_| ()), expected, "{keys}");
}

#[test]
fn a_weak_key_is_left_out_of_its_set() {
    for members in weak_rsa() {
        let keys = json!([jwk(&SIGNERS.rsa, &members)]);
        left_out(&keys, &["weak"]);
        check_given(&keys, &rs256(), Ok(Err(Denial::Key)));
    }
    for signer in [
        (Signer::Hmac(vec![1; 31]), json!({})),
        (Signer::Hmac(vec![1; 47]), json!({"alg": "HS384"})),
    ] {
        left_out(&json!([jwk(&signer.0, &signer.1)]), &["weak"]);
    }
}

#[test]
fn a_token_of_the_good_key_beside_a_weak_one_is_allowed() {
    for mut members in weak_rsa() {
        members["kid"] = "weak".into();
        let keys = json!([jwk(&SIGNERS.rsa, &json!({})), jwk(&SIGNERS.rsa, &members)]);
        check_given(&keys, &rs256(), Ok(Ok(())));
        let header = json!({"alg": "RS256", "kid": "weak"}).to_string();
        let claims = claims("rs").to_string();
        let token = SIGNERS.rsa.compact(Algorithm::RS256, &header, claims);
        check_published(&keys, &token, Err(Denial::Key));
    }
}

#[test]
fn a_key_that_infineons_library_made_is_weak() {
    let mut roca = json!({"n": test_keys::RSA_ROCA_MODULUS});
    left_out(&json!([jwk(&SIGNERS.rsa, &roca)]), &["weak"]);
    roca["kid"] = "roca".into();
    let keys = json!([jwk(&SIGNERS.rsa, &json!({})), jwk(&SIGNERS.rsa, &roca)]);
    left_out(&keys, &["weak"]);
    check_given(&keys, &rs256(), Ok(Ok(())));
}

#[test]
fn a_member_that_is_null_counts_as_absent() {
    let nulls = json!({
        "alg": null, "use": null, "key_ops": null, "d": null, "p": null, "x5c": null, "crv": null,
    });
    let keys = json!([jwk(&SIGNERS.rsa, &nulls)]);
    left_out(&keys, &[]);
    check_published(&keys, &rs256(), Ok(()));
    let unnamed = json!([
        jwk(&SIGNERS.rsa, &json!({"kid": null})),
        jwk(&SIGNERS.ed25519, &json!({"kid": null}))
    ]);
    assert_eq!(read(&unnamed).map(|set| set.len()), Ok(2));
    // A required member that is null is missing.
    for name in ["kty", "n", "e"] {
        refused(
            &json!([jwk(&SIGNERS.rsa, &json!({name: null}))]),
            "malformed",
        );
    }
}

#[test]
fn every_left_out_key_has_a_reason() {
    let keys = json!([
        jwk(&SIGNERS.rsa, &json!({})),
        jwk(&SIGNERS.rsa, &json!({"kid": "a", "use": "enc"})),
        jwk(&SIGNERS.rsa, &json!({"kid": "b", "alg": "RSA-OAEP"})),
        jwk(&SIGNERS.rsa, &json!({"kid": "c", "e": base64url([3])})),
        {"kty": "EC", "kid": "d", "crv": "P-521", "alg": "ES512", "x": "x", "y": "y"},
        {"kty": "OKP", "kid": "e", "crv": "X25519", "x": "x"},
        {"kty": "AKP", "kid": "f", "alg": "ML-DSA-44", "pub": "x"},
    ]);
    left_out(
        &keys,
        &[
            "purpose", "unknown", "weak", "unknown", "unknown", "unknown",
        ],
    );
}

#[test]
fn an_unknown_algorithm_leaves_a_key_out_whatever_its_purpose() {
    for members in [
        json!({"alg": "XS256", "use": "sig"}),
        json!({"alg": "XS256", "key_ops": ["verify"]}),
        // The newer name of EdDSA, which an RSA key cannot have.
        json!({"alg": "Ed25519"}),
    ] {
        left_out(&json!([jwk(&SIGNERS.rsa, &members)]), &["unknown"]);
    }
}

#[test]
fn a_key_whose_only_operation_is_to_verify_is_used() {
    for members in [
        json!({"key_ops": ["verify"]}),
        json!({"use": "sig", "key_ops": ["sign", "verify"]}),
    ] {
        let keys = json!([jwk(&SIGNERS.rsa, &members)]);
        left_out(&keys, &[]);
        check_published(&keys, &rs256(), Ok(()));
    }
}

#[test]
fn a_set_with_any_published_private_part_is_refused() {
    for part in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        let beside = json!([
            jwk(&SIGNERS.rsa, &json!({})),
            jwk(&SIGNERS.rsa, &json!({"kid": "private", part: "x"}))
        ]);
        refused(&beside, "private");
    }
    refused(&json!([jwk(&SIGNERS.p256, &json!({"d": "x"}))]), "private");
    refused(
        &json!([{"kty": "AKP", "alg": "ML-DSA-44", "pub": "x", "priv": "x"}]),
        "private",
    );
    // Neither a weak nor a useless key is left out in silence if it is private too.
    refused(
        &json!([jwk(&SIGNERS.rsa, &json!({"e": base64url([3]), "d": "x"}))]),
        "private",
    );
    refused(
        &json!([jwk(&SIGNERS.rsa, &json!({"use": "enc", "d": "x"}))]),
        "private",
    );
}
