//! Owns tokens of the local issuer: signed with the template's secret, as its authorizer expects.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use shared::world::World;

use crate::functions;
use crate::secrets::{CURRENT, Store};
use crate::template::{Kind, Template};

/// The name of the issuer whose secret is the template's own.
const ISSUER: &str = "local";

/// The scopes of the API's routes: what a token may do unless it is told.
pub const SCOPES_DEFAULT: &str = "orders:read orders:write orders:confirm stock:write";

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The template has no authorizer that knows the local issuer.
    #[error("the template's authorizer has no issuer named `{ISSUER}` with a secret in ISSUERS")]
    NoIssuer,
    /// The issuer's secret does not exist.
    #[error("the secret {0} of the issuer `{ISSUER}` does not exist")]
    NoSecret(String),
    /// The secret is not one that tokens can be signed with.
    #[error(
        "the secret {0} holds no key: it is neither a text nor {{\"keys\": [{{\"kid\", \"secret\"}}]}}"
    )]
    NoKey(String),
    /// The lifetime cannot be expressed.
    #[error("the lifetime is too long")]
    Lifetime,
    /// The algorithm does not sign with a secret.
    #[error("{0} is no algorithm that signs with a secret: use HS256, HS384 or HS512")]
    Algorithm(String),
    /// The token could not be signed.
    #[error("the token cannot be signed: {0}")]
    Sign(jsonwebtoken::errors::Error),
}

/// What a token says.
#[derive(Clone, Debug)]
pub struct Request<'text> {
    /// Who is calling.
    pub sub: &'text str,
    /// What the caller may do, separated by spaces.
    pub scope: &'text str,
    /// For how long.
    pub ttl: Duration,
    /// How it is signed.
    pub algorithm: &'text str,
}

impl Default for Request<'_> {
    fn default() -> Self {
        Self {
            sub: "demo",
            scope: SCOPES_DEFAULT,
            ttl: Duration::from_hours(1),
            algorithm: "HS256",
        }
    }
}

/// The local issuer, as the authorizer is configured.
#[derive(Clone, Debug)]
pub struct Issuer {
    iss: String,
    audience: Option<String>,
    /// The id of its secret.
    pub secret_id: String,
}

#[derive(Deserialize)]
struct Configured {
    name: String,
    iss: String,
    #[serde(default)]
    audiences: Vec<String>,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    secret_id: Option<String>,
}

#[derive(Serialize)]
struct Claims<'text> {
    iss: &'text str,
    aud: Option<&'text str>,
    sub: &'text str,
    scope: &'text str,
    iat: i64,
    exp: i64,
    jti: String,
}

impl Issuer {
    /// The local issuer of a template's authorizer.
    pub fn of(template: &Template) -> Result<Self, TokenError> {
        let (_, authorizer) = template
            .function(Kind::Authorizer)
            .ok_or(TokenError::NoIssuer)?;
        let issuers = authorizer
            .environment
            .get("ISSUERS")
            .ok_or(TokenError::NoIssuer)?;
        let issuers: Vec<Configured> =
            serde_json::from_str(issuers).map_err(|_| TokenError::NoIssuer)?;
        let issuer = issuers
            .into_iter()
            .find(|issuer| issuer.name == ISSUER)
            .ok_or(TokenError::NoIssuer)?;
        Ok(Self {
            iss: issuer.iss,
            audience: issuer.audiences.into_iter().next(),
            secret_id: issuer.keys.secret_id.ok_or(TokenError::NoIssuer)?,
        })
    }

    /// A token signed with the current key of a store.
    pub fn sign_with_store(
        &self,
        store: &Store,
        request: &Request<'_>,
        world: &World,
    ) -> Result<String, TokenError> {
        let secret = store.find(&self.secret_id);
        let secret = secret.ok_or_else(|| TokenError::NoSecret(self.secret_id.clone()))?;
        let current = secret.staged(CURRENT);
        let current = current.ok_or_else(|| TokenError::NoSecret(self.secret_id.clone()))?;
        self.sign(&current.value, request, world)
    }

    /// A token signed with a secret's value: a text, or a set of keys of which the first signs.
    pub fn sign(
        &self,
        secret: &str,
        request: &Request<'_>,
        world: &World,
    ) -> Result<String, TokenError> {
        let algorithm = match request.algorithm {
            "HS256" => Algorithm::HS256,
            "HS384" => Algorithm::HS384,
            "HS512" => Algorithm::HS512,
            other => return Err(TokenError::Algorithm(other.to_owned())),
        };
        let (kid, key) =
            signing_key(secret).ok_or_else(|| TokenError::NoKey(self.secret_id.clone()))?;
        let mut header = Header::new(algorithm);
        header.kid = kid;
        let issued = world.now().as_second();
        let lifetime = i64::try_from(request.ttl.as_secs()).map_err(|_| TokenError::Lifetime)?;
        let claims = Claims {
            iss: &self.iss,
            aud: self.audience.as_deref(),
            sub: request.sub,
            scope: request.scope,
            iat: issued,
            exp: issued.checked_add(lifetime).ok_or(TokenError::Lifetime)?,
            jti: functions::uuid(world),
        };
        jsonwebtoken::encode(&header, &claims, &key).map_err(TokenError::Sign)
    }
}

/// The key of a secret, with its id if it has one.
fn signing_key(secret: &str) -> Option<(Option<String>, EncodingKey)> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Key>,
    }
    #[derive(Deserialize)]
    struct Key {
        kid: Option<String>,
        secret: String,
    }
    if !secret.trim_start().starts_with('{') {
        return Some((None, EncodingKey::from_secret(secret.as_bytes())));
    }
    let first = serde_json::from_str::<Set>(secret)
        .ok()?
        .keys
        .into_iter()
        .next()?;
    let key = EncodingKey::from_base64_secret(&first.secret).ok()?;
    Some((first.kid, key))
}
