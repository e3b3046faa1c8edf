//! Signs tokens of the local issuers, with the template's secret or with the program's own key.
//!
//! An authorizer reads the secret only every few minutes. A new value signs no token until every
//! authorizer has read it:
//!
//! ```text
//! rotated ───── 300 s ─────────────────── overlap ends ─────►
//!   the previous   │ the current value signs;  │ the previous one's
//!   value signs    │ both are accepted         │ tokens are denied
//! ```

use std::time::Duration;

use authorizer::{KeySet, OVERLAP_SECONDS_DEFAULT, REFRESH_SECONDS};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use shared::world::World;

use crate::issuer;
pub use crate::issuer::ES256;
use crate::secrets::{CURRENT, PREVIOUS, Store, StoredSecret, Version};
use runtime::uuid;
use template::{Kind, Template};

/// The name of the issuer that signs with the template's secret.
const ISSUER: &str = "local";

/// The algorithms that sign with a secret, with the fewest bytes of a key: as many as the hash has
/// (RFC 7518, section 3.2).
const HMAC: [(&str, Algorithm, usize); 3] = [
    ("HS256", Algorithm::HS256, BYTES_LEAST),
    ("HS384", Algorithm::HS384, 48),
    ("HS512", Algorithm::HS512, 64),
];

/// The fewest bytes of a key that can sign a token.
const BYTES_LEAST: usize = 32;

/// Why a token cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The template has no authorizer that knows the local issuer.
    #[error(
        "the template's authorizer has no issuer named `{ISSUER}` with a secret in ISSUERS: with \
         LocalIssuer=false, use --alg {ES256}"
    )]
    NoIssuer,
    /// The issuer's secret does not exist.
    #[error("the secret {0} of the issuer `{ISSUER}` does not exist")]
    NoSecret(String),
    /// The authorizer would not accept tokens of the secret's value.
    #[error("the secret {0} cannot sign a token: {1}")]
    NoKey(String, String),
    /// The template has no parameter for the program's own issuer.
    #[error(
        "the template has no parameter {}, so its authorizer knows no ES256 issuer",
        issuer::PARAMETER
    )]
    NoParameter,
    /// The running server has no key.
    #[error("the running server is of a version without an ES256 issuer: start it again")]
    NoIssuerKey,
    /// The lifetime is too long for a token.
    #[error("the lifetime is too long: use a shorter --ttl")]
    Lifetime,
    /// This program does not have the algorithm.
    #[error("this program cannot sign with {0}: use {list}", list = algorithms())]
    Algorithm(String),
    /// Signing failed.
    #[error("the token cannot be signed: {0}")]
    Sign(jsonwebtoken::errors::Error),
}

/// The contents of a token.
#[derive(Clone, Debug)]
pub struct Request<'text> {
    /// The caller.
    pub sub: &'text str,
    /// The scopes, separated by spaces.
    pub scope: &'text str,
    /// How long the token is valid.
    pub ttl: Duration,
    /// The algorithm that signs it.
    pub algorithm: &'text str,
}

impl<'text> Request<'text> {
    /// A token with these scopes for `demo`, valid for an hour, signed with HS256.
    pub fn new(scope: &'text str) -> Self {
        Self {
            sub: "demo",
            scope,
            ttl: Duration::from_hours(1),
            algorithm: "HS256",
        }
    }
}

/// The local issuer of the authorizer's configuration.
#[derive(Clone, Debug)]
pub struct Issuer {
    iss: String,
    audience: Option<String>,
    /// The id of its secret.
    pub secret_id: String,
    /// How long tokens of the previous secret are accepted.
    pub(crate) overlap: Duration,
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
    overlap_seconds: Option<u32>,
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
        let overlap = issuer
            .keys
            .overlap_seconds
            .unwrap_or(OVERLAP_SECONDS_DEFAULT);
        Ok(Self {
            iss: issuer.iss,
            audience: issuer.audiences.into_iter().next(),
            secret_id: issuer.keys.secret_id.ok_or(TokenError::NoIssuer)?,
            overlap: Duration::from_secs(overlap.into()),
        })
    }

    /// When a value begins to sign: every authorizer has read it, or accepts no other.
    pub(crate) fn signs_from(&self, created: Timestamp) -> Timestamp {
        known_from(created).min(self.overlap_end(created))
    }

    /// When tokens of the previous value stop being accepted. The authorizer counts whole seconds.
    pub(crate) fn overlap_end(&self, created: Timestamp) -> Timestamp {
        let second = Timestamp::from_second(created.as_millisecond().div_euclid(1000));
        let second = second.unwrap_or(created);
        second
            .saturating_add(self.overlap)
            .unwrap_or(Timestamp::MAX)
    }

    /// The version that signs at a moment.
    pub(crate) fn signing_version<'secret>(
        &self,
        secret: &'secret StoredSecret,
        now: Timestamp,
    ) -> Option<&'secret Version> {
        let current = secret.staged(CURRENT)?;
        let previous = secret
            .staged(PREVIOUS)
            // A previous value that cannot sign was a placeholder.
            .filter(|previous| SigningKey::read(&previous.value).is_ok())
            .filter(|_| now < self.signs_from(current.created()));
        Some(previous.unwrap_or(current))
    }

    /// Signs with the version of the store's secret that every authorizer has read.
    pub(crate) fn sign_with_store(
        &self,
        store: &Store,
        request: &Request<'_>,
        world: &World,
    ) -> Result<String, TokenError> {
        let secret = store.find(&self.secret_id);
        let secret = secret.ok_or_else(|| TokenError::NoSecret(self.secret_id.clone()))?;
        self.sign_with_secret(&secret, request, world)
    }

    /// Signs with the version of a secret that every authorizer has read.
    pub(crate) fn sign_with_secret(
        &self,
        secret: &StoredSecret,
        request: &Request<'_>,
        world: &World,
    ) -> Result<String, TokenError> {
        let version = self.signing_version(secret, world.now());
        let version = version.ok_or_else(|| TokenError::NoSecret(self.secret_id.clone()))?;
        self.sign(&version.value, request, world)
    }

    /// Signs with a secret's value: a text, or a set of keys, whose first key signs.
    pub(crate) fn sign(
        &self,
        secret: &str,
        request: &Request<'_>,
        world: &World,
    ) -> Result<String, TokenError> {
        let known = HMAC.iter().find(|(name, ..)| *name == request.algorithm);
        let unknown = || TokenError::Algorithm(request.algorithm.to_owned());
        let (_, algorithm, bytes_min) = *known.ok_or_else(unknown)?;
        let unusable = |why: String| TokenError::NoKey(self.secret_id.clone(), why);
        let key = SigningKey::read(secret).map_err(unusable)?;
        if key.bytes.len() < bytes_min {
            return Err(unusable(format!(
                "its key has {} bytes, {} needs at least {bytes_min}",
                key.bytes.len(),
                request.algorithm
            )));
        }
        let mut header = Header::new(algorithm);
        header.kid = key.kid;
        let claims = claims(&self.iss, self.audience.as_deref(), request, world)?;
        let key = EncodingKey::from_secret(&key.bytes);
        jsonwebtoken::encode(&header, &claims, &key).map_err(TokenError::Sign)
    }
}

/// The algorithms that this program signs with, for messages.
pub(crate) fn algorithms() -> String {
    let names = HMAC.map(|(name, ..)| name).join(", ");
    format!("{names} (with the secret) or {ES256} (with a key of this program)")
}

/// When every authorizer has read a new value of the secret.
pub(crate) fn known_from(created: Timestamp) -> Timestamp {
    let refresh = Duration::from_secs(REFRESH_SECONDS.unsigned_abs());
    created.saturating_add(refresh).unwrap_or(Timestamp::MAX)
}

/// Signs a token of the program's own issuer.
pub(crate) fn sign_with_key(
    key: &issuer::Key,
    request: &Request<'_>,
    world: &World,
) -> Result<String, TokenError> {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(key.kid().to_owned());
    let claims = claims(issuer::ISS, Some(issuer::AUDIENCE), request, world)?;
    jsonwebtoken::encode(&header, &claims, key.signing()).map_err(TokenError::Sign)
}

fn claims<'text>(
    iss: &'text str,
    aud: Option<&'text str>,
    request: &Request<'text>,
    world: &World,
) -> Result<Claims<'text>, TokenError> {
    let issued = world.now().as_second();
    let lifetime = i64::try_from(request.ttl.as_secs()).map_err(|_| TokenError::Lifetime)?;
    Ok(Claims {
        iss,
        aud,
        sub: request.sub,
        scope: request.scope,
        iat: issued,
        exp: issued.checked_add(lifetime).ok_or(TokenError::Lifetime)?,
        jti: uuid(world),
    })
}

/// The key that signs, with its id if it has one.
struct SigningKey {
    kid: Option<String>,
    bytes: Vec<u8>,
}

impl SigningKey {
    /// Reads a plain text, or the first key of a set. The authorizer's code decides if it is valid.
    fn read(secret: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Key>,
        }
        #[derive(Deserialize)]
        struct Key {
            kid: String,
            secret: String,
        }
        KeySet::from_secret(secret, BYTES_LEAST).map_err(|error| error.to_string())?;
        let set = serde_json::from_str::<Set>(secret).ok();
        let Some(first) = set.and_then(|set| set.keys.into_iter().next()) else {
            return Ok(Self {
                kid: None,
                bytes: secret.as_bytes().to_vec(),
            });
        };
        // Base64 of either alphabet, with or without padding, as in the authorizer.
        let digits = first.secret.trim_end_matches('=');
        let digits = digits.replace('-', "+").replace('_', "/");
        let bytes = BASE64_STANDARD_NO_PAD.decode(digits);
        Ok(Self {
            kid: Some(first.kid),
            bytes: bytes.map_err(|_| "its first key is not base64".to_owned())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks whether a secret's value signs with an algorithm, or why not.
    #[track_caller]
    fn check(value: &str, algorithm: &str, expected: Result<(), &str>) {
        let issuer = Issuer {
            iss: "https://issuer.example".to_owned(),
            audience: None,
            secret_id: "the-secret".to_owned(),
            overlap: Duration::ZERO,
        };
        let request = Request {
            algorithm,
            ..Request::new("orders:read")
        };
        let signed = issuer.sign(value, &request, &World::real());
        match (signed, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(words)) => {
                let text = error.to_string();
                assert!(text.starts_with("the secret the-secret cannot sign a token: "));
                assert!(text.contains(words), "{text}");
            }
            (signed, _) => panic!("{value} with {algorithm}: {signed:?}"),
        }
    }

    #[test]
    fn a_secret_signs_if_the_authorizer_would_accept_its_tokens() {
        let set = |secret: &str| format!(r#"{{"keys": [{{"kid": "a", "secret": "{secret}"}}]}}"#);
        check(&"k".repeat(32), "HS256", Ok(()));
        check(&"k".repeat(31), "HS256", Err("has 31 bytes"));
        check(
            &"k".repeat(63),
            "HS512",
            Err("63 bytes, HS512 needs at least 64"),
        );
        check(&"k".repeat(64), "HS512", Ok(()));
        // 48 bytes in either alphabet.
        for digits in ["+/".repeat(32), "-_".repeat(32)] {
            check(&set(&digits), "HS384", Ok(()));
            check(&set(&digits), "HS512", Err("48 bytes"));
        }
        check(&set(&format!("{}QQ==", "a".repeat(64))), "HS256", Ok(()));
        check(&set("!"), "HS256", Err("base64"));
        check(r#"{"keys": []}"#, "HS256", Err("empty"));
        check(r#"{"password": "x"}"#, "HS256", Err("without a list"));
    }
}
