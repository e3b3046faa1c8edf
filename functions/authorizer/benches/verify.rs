//! Measures the verification of a token, without the fetching of keys.
//!
//! Run it with `cargo bench -p authorizer`. Only compare figures of one run.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark may stop at the first surprise"
)]

use std::hint::black_box;

use authorizer::{Algorithm, Config, KeySet, verify};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;

/// A token and the key that verifies it.
struct Signed {
    algorithm: Algorithm,
    token: String,
    jwk: Value,
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn signed(algorithm: Algorithm, mut jwk: Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Signed {
    jwk.as_object_mut()
        .unwrap()
        .insert("kid".to_owned(), "key-1".into());
    let header = json!({"alg": algorithm.name(), "typ": "JWT", "kid": "key-1"});
    let claims = json!({
        "iss": "https://issuer.example", "aud": "api", "sub": "9f1c7c1e-6a1f-4d0b-9d2f-0c5a7f0f8b11",
        "iat": NOW - 10, "exp": NOW + 3_600, "nbf": NOW - 10, "jti": "5b6c0e0a-7d1f-4b52-8d0f-8f2f3f1f7a10",
        "scope": "orders:read orders:write", "client_id": "web",
    });
    let message = format!(
        "{}.{}",
        base64url(header.to_string()),
        base64url(claims.to_string())
    );
    let signature = base64url(sign(message.as_bytes()));
    Signed {
        algorithm,
        token: format!("{message}.{signature}"),
        jwk,
    }
}

fn all() -> [Signed; 4] {
    let random = SystemRandom::new();
    let secret = [7; 64];
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let rsa_public = PublicKeyComponents::<Vec<u8>>::from(rsa.public_key());
    let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = ecdsa.public_key().as_ref().get(1..).unwrap();
    let (x, y) = point.split_at(32);
    let edwards = Ed25519KeyPair::generate().unwrap();
    [
        signed(
            Algorithm::HS256,
            json!({"kty": "oct", "k": base64url(secret)}),
            |message| {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message)
                    .as_ref()
                    .to_vec()
            },
        ),
        signed(
            Algorithm::RS256,
            json!({"kty": "RSA", "n": base64url(rsa_public.n), "e": base64url(rsa_public.e)}),
            |message| {
                let mut signature = vec![0; rsa.public_modulus_len()];
                rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            },
        ),
        signed(
            Algorithm::ES256,
            json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)}),
            |message| ecdsa.sign(&random, message).unwrap().as_ref().to_vec(),
        ),
        signed(
            Algorithm::EdDSA,
            json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(edwards.public_key().as_ref())}),
            |message| edwards.sign(message).as_ref().to_vec(),
        ),
    ]
}

fn config(algorithm: Algorithm) -> Config {
    let keys = match algorithm {
        Algorithm::HS256 => json!({"secret_id": "signing"}),
        _ => json!({"jwks_url": "https://issuer.example/keys"}),
    };
    let issuers = json!([{
        "name": "bench", "iss": "https://issuer.example", "audiences": ["api"], "algorithms": [algorithm.name()], "keys": keys,
    }]);
    Config::from_env(|name| match name {
        "ISSUERS" => Some(issuers.to_string()),
        "ROUTE_SCOPES" => Some("{}".to_owned()),
        _ => None,
    })
    .expect("the configuration is valid")
}

fn verifying(criterion: &mut Criterion) {
    let now = Timestamp::from_second(NOW).unwrap();
    let mut group = criterion.benchmark_group("verify");
    for Signed {
        algorithm,
        token,
        jwk,
    } in all()
    {
        let config = config(algorithm);
        let keys = KeySet::from_jwks(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap();
        let one = || verify(black_box(&token), config.issuers(), |_| Some(&keys), now);
        assert!(one().is_ok(), "the token is valid");
        group.bench_function(algorithm.name(), |bencher| bencher.iter(one));
    }
    group.finish();
}

criterion_group!(benches, verifying);
criterion_main!(benches);
