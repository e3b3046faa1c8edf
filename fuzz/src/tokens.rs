//! Targets of tokens and of the keys that verify them.

use std::cell::LazyCell;

use arbitrary::Unstructured;
use authorizer::{Config, Issuer, KeySet, verify};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::document::{changed, made};
use crate::stage::NOW;

/// A secret of these targets only.
const SECRET: &[u8; 64] = b"this secret is only for the fuzz targets, and signs nothing else";

const ISSUER: &str = "https://issuer.example";

const CLAIM_NAMES: [&str; 24] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "scope",
    "scp",
    "client_id",
    "cnf",
    "alg",
    "typ",
    "kid",
    "crit",
    "b64",
    "jwk",
    "x5c",
    "HS256",
    "HS512",
    "none",
    "at+jwt",
    "api",
    ISSUER,
];

const KEY_NAMES: [&str; 24] = [
    "keys", "kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "d", "k", "oct",
    "RSA", "EC", "OKP", "P-256", "P-384", "Ed25519", "sig", "enc", "AQAB", "verify",
];

thread_local! {
    static CONFIG: LazyCell<Config> = LazyCell::new(|| config(ISSUER));
    static KEYS: LazyCell<KeySet> = LazyCell::new(|| {
        let jwk = json!({"kty": "oct", "kid": "k", "k": BASE64URL.encode(SECRET)});
        KeySet::from_jwks(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap()
    });
}

/// A configuration with one issuer of shared-secret tokens.
pub(crate) fn config(iss: &str) -> Config {
    let issuers = json!([{
        "name": "hs", "iss": iss, "audiences": ["api"],
        "algorithms": ["HS256", "HS384", "HS512"], "keys": {"secret_id": "signing"},
    }]);
    let config = Config::from_env(|name| {
        Some(match name {
            "ISSUERS" => issuers.to_string(),
            "ROUTE_SCOPES" => r#"{"POST /orders": ["orders:write"]}"#.to_owned(),
            "AWS_REGION" => "eu-central-1".to_owned(),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test".to_owned(),
            _ => return None,
        })
    });
    config.unwrap()
}

/// A token of the input's bytes is never accepted: they cannot be a signature. A signed token with
/// changed header and claims is accepted only with the right issuer, audience and times.
pub(crate) fn token(data: &[u8]) {
    let now = Timestamp::from_second(NOW).unwrap();
    let denied = verified(&String::from_utf8_lossy(data), now);
    assert!(denied.is_none(), "accepted without a signature");

    let mut input = Unstructured::new(data);
    let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": "k"});
    let claims = json!({
        "iss": ISSUER, "aud": "api", "sub": "demo", "iat": NOW - 10, "exp": NOW + 600, "jti": "1",
        "scope": "orders:read orders:write",
    });
    let claims = changed(&mut input, claims, &CLAIM_NAMES);
    let header = changed(&mut input, header, &CLAIM_NAMES);
    if let Some(sub) = verified(&signed(&header, &claims), now) {
        assert_eq!(claims["iss"], ISSUER);
        assert_eq!(claims["sub"], sub.as_str());
        assert_eq!(header["alg"], "HS256");
        assert!(
            claims["exp"]
                .as_f64()
                .is_some_and(|exp| f64::from(i32::try_from(NOW - 600).unwrap_or(i32::MAX)) < exp)
        );
        assert!(
            claims["aud"] == "api"
                || claims["aud"]
                    .as_array()
                    .is_some_and(|all| all.contains(&json!("api")))
        );
    }
}

fn signed(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, SECRET),
        message.as_bytes(),
    );
    format!("{message}.{}", BASE64URL.encode(tag.as_ref()))
}

/// The subject of an accepted token. A denial quotes nothing of the token.
fn verified(token: &str, now: Timestamp) -> Option<String> {
    let outcome = CONFIG.with(|config| {
        let issuers: &[Issuer] = config.issuers();
        KEYS.with(|keys| verify(token, issuers, |_| Some(keys), now))
    });
    match outcome {
        Ok(caller) => Some(caller.sub),
        Err(denial) => {
            let said = format!("{denial} {denial:?}");
            assert!(said.len() < 300, "{said}");
            for part in token.split('.').filter(|part| 24 <= part.len()) {
                assert!(!said.contains(part), "a denial quotes the token");
            }
            None
        }
    }
}

/// A JWK set of the input's bytes, and a set with changed keys.
pub(crate) fn jwk_set(data: &[u8]) {
    read(data);
    let mut input = Unstructured::new(data);
    let usual = json!({"keys": [
        {"kty": "oct", "kid": "a", "k": BASE64URL.encode(SECRET)},
        {"kty": "EC", "kid": "b", "use": "sig", "crv": "P-256", "alg": "ES256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"},
        {"kty": "OKP", "kid": "c", "crv": "Ed25519", "alg": "EdDSA", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    ]});
    read(
        changed(&mut input, usual, &KEY_NAMES)
            .to_string()
            .as_bytes(),
    );
    read(made(&mut input, &KEY_NAMES, 0).to_string().as_bytes());
    let text = String::from_utf8_lossy(data);
    quiet(&text, KeySet::from_secret(&text, 32).err());
}

fn read(text: &[u8]) {
    quiet(
        &String::from_utf8_lossy(text),
        KeySet::from_jwks(text).err(),
    );
}

/// An error quotes no key.
fn quiet(text: &str, error: Option<authorizer::KeySetError>) {
    let Some(error) = error else { return };
    let said = error.to_string();
    assert!(said.len() < 1_000, "{} characters", said.len());
    let words = text
        .split(|character: char| !character.is_ascii_alphanumeric() && !"-_+/".contains(character));
    for word in words.filter(|word| 24 <= word.len()) {
        assert!(!said.contains(word), "an error quotes a key: {said}");
    }
}
