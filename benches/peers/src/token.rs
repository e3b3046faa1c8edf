//! A token that both verifiers accept, and the key set that they verify it with.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::Fallible;

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const AUDIENCE: &str = "shop";

/// How long the token is valid.
const LIFETIME_SECONDS: i64 = 12 * 60 * 60;

/// The issuer of the measurement.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    /// A valid RS256 token with the scope `orders:write`.
    pub(crate) token: String,
    /// The key set as JSON.
    pub(crate) key_set: String,
    /// Where the key set is fetched from.
    pub(crate) url: String,
}

impl Issuer {
    /// Makes a key, signs a token, and serves the key set on a loopback port.
    pub(crate) async fn start() -> Fallible<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048)?;
        let public = PublicKeyComponents::<Vec<u8>>::from(key.public_key());
        let key_set = json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "key-1",
            "n": base64url(public.n), "e": base64url(public.e),
        }]})
        .to_string();
        let token = sign(&key, &claims()?)?;
        let served = key_set.clone();
        let router = Router::new().route("/jwks.json", get(async move || served));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/jwks.json", listener.local_addr()?);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            token,
            key_set,
            url,
        })
    }

    /// The variables of the authorizer.
    pub(crate) fn issuers(&self) -> String {
        json!([{
            "name": "local", "iss": ISSUER, "audiences": [AUDIENCE], "algorithms": ["RS256"],
            "keys": {"jwks_url": self.url},
        }])
        .to_string()
    }
}

fn claims() -> Fallible<Value> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the functions compare the token's times with their own clock"
    )]
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH)?;
    let now = i64::try_from(now.as_secs())?;
    Ok(json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "demo", "iat": now, "nbf": now,
        "exp": now + LIFETIME_SECONDS, "scope": "orders:read orders:write", "client_id": "web",
    }))
}

fn sign(key: &KeyPair, claims: &Value) -> Fallible<String> {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"});
    let message = format!(
        "{}.{}",
        base64url(header.to_string()),
        base64url(claims.to_string())
    );
    let mut signature = vec![0; key.public_modulus_len()];
    let random = SystemRandom::new();
    key.sign(
        &RSA_PKCS1_SHA256,
        &random,
        message.as_bytes(),
        &mut signature,
    )?;
    Ok(format!("{message}.{}", base64url(signature)))
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
