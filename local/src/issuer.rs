//! Owns the program's own token issuer: an ES256 key made at the first run, published as a JWK set.
//!
//! It is there so that the way of most deployments, tokens of somebody else's issuer, can be tried
//! on one machine. The authorizer learns of it as it would of any further issuer: by the template's
//! parameter `AdditionalIssuers`. A template without that parameter has no such issuer.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::world::World;

use crate::files;

/// The algorithm that its key signs with.
pub const ES256: &str = "ES256";
/// The issuer's name in `ISSUERS`.
pub(crate) const NAME: &str = "local-es256";
/// What its tokens say in `iss`: the same whatever port the program listens on, so that a token
/// outlives a restart.
pub(crate) const ISS: &str = "https://es256.issuer.surefire.local";
/// What its tokens say in `aud`.
pub(crate) const AUDIENCE: &str = "surefire";
/// The template's parameter for issuers besides its own.
pub(crate) const PARAMETER: &str = "AdditionalIssuers";
/// Where the program serves its key set.
pub(crate) const JWKS_PATH: &str = "/.well-known/jwks.json";
/// Where it serves its OpenID configuration.
pub(crate) const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";

/// A P-256 private key in PKCS #8 (RFC 5208, RFC 5915, RFC 5480) up to its 32 bytes; the public
/// half follows from them.
const PKCS8_PREFIX: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01,
    0x01, 0x04, 0x20,
];
/// One draw in 2³² is no key; more failures than this are a broken source of randomness.
const DRAWS_MAX: u32 = 8;

/// The issuer's key, ready to sign.
pub(crate) struct Key {
    signing: EncodingKey,
    public: Jwk,
    kid: String,
}

/// A key as it is kept.
#[derive(Deserialize, Serialize)]
struct Stored {
    algorithm: String,
    /// PKCS #8, in base64.
    private_key: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key {} [redacted]", self.kid)
    }
}

impl Key {
    /// The key that a file keeps, or a new one, which it then keeps; in memory without a file.
    ///
    /// # Errors
    /// The file cannot be read or written, or is damaged.
    pub(crate) fn open(file: Option<&Path>, world: &World) -> io::Result<Self> {
        let Some(path) = file else {
            return Ok(Self::generate(world)?.1);
        };
        if let Some(key) = Self::read(path)? {
            return Ok(key);
        }
        let (private_key, key) = Self::generate(world)?;
        let stored = Stored {
            algorithm: ES256.to_owned(),
            private_key: STANDARD.encode(private_key),
        };
        files::write_private_json(path, &stored)?;
        Ok(key)
    }

    /// The key that a file keeps, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let Some(stored) = files::read_json::<Stored>(path)? else {
            return Ok(None);
        };
        let decoded = STANDARD.decode(&stored.private_key).ok();
        let key = decoded.and_then(|der| Self::from_pkcs8(&der).ok());
        match key {
            Some(key) => Ok(Some(key)),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} holds no ES256 key", path.display()),
            )),
        }
    }

    /// Draws a key by rejection, every one equally likely (FIPS 186-5, appendix A.2.2).
    fn generate(world: &World) -> io::Result<(Vec<u8>, Self)> {
        for _ in 0..DRAWS_MAX {
            let mut scalar = [0; 32];
            world.fill(&mut scalar);
            let der = [PKCS8_PREFIX.as_slice(), &scalar].concat();
            // Refused if it is zero or not below the curve's order.
            if let Ok(key) = Self::from_pkcs8(&der) {
                return Ok((der, key));
            }
        }
        Err(io::Error::other("no ES256 key could be drawn"))
    }

    fn from_pkcs8(der: &[u8]) -> jsonwebtoken::errors::Result<Self> {
        let signing = EncodingKey::from_ec_der(der);
        let mut public = Jwk::from_encoding_key(&signing, Algorithm::ES256)?;
        // A key's own fingerprint (RFC 7638): another key never has its name.
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self {
            signing,
            public,
            kid,
        })
    }

    /// The key's id.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// What signs.
    pub(crate) fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    /// The set to publish: the public half alone.
    pub(crate) fn set(&self) -> JwkSet {
        JwkSet {
            keys: vec![self.public.clone()],
        }
    }
}

/// The value of [`PARAMETER`]: what was given for it, and the program's own issuer.
pub(crate) fn additional(given: &str, services_url: &str) -> String {
    // By the set's address and not by discovery: a configuration must be found below its issuer's
    // own URL (OpenID Connect Discovery 1.0, section 4.3), which is nowhere.
    let own = json!({
        "name": NAME,
        "iss": ISS,
        "audiences": [AUDIENCE],
        "algorithms": [ES256],
        "keys": {"jwks_url": format!("{services_url}{JWKS_PATH}")},
    });
    if given.trim().is_empty() {
        own.to_string()
    } else {
        format!("{given}, {own}")
    }
}

/// The key set and the OpenID configuration, served at a URL without a slash at its end.
pub(crate) fn router(key: &Arc<Key>, url: &str) -> Router {
    let set = json!(key.set()).to_string();
    let configuration = json!({
        "issuer": ISS,
        "jwks_uri": format!("{url}{JWKS_PATH}"),
        "id_token_signing_alg_values_supported": [ES256],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
    })
    .to_string();
    let document = |kind: &'static str, text: String| {
        get(move || async move { ([(CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route(JWKS_PATH, document("application/jwk-set+json", set))
        .route(
            CONFIGURATION_PATH,
            document("application/json", configuration),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A world whose random bytes are all the same.
    fn world_of(byte: u8) -> World {
        World::new(
            || jiff::Timestamp::UNIX_EPOCH,
            move |bytes| bytes.fill(byte),
            |_| Box::pin(async {}),
        )
    }

    #[test]
    fn a_key_is_the_one_that_its_private_half_makes() {
        // The point was computed apart from this program, from the curve's equation.
        let set = json!(Key::open(None, &world_of(1)).unwrap().set());
        let key = &set["keys"][0];
        assert_eq!(
            (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
            (
                &json!("EC"),
                &json!("P-256"),
                &json!("ES256"),
                &json!("sig")
            )
        );
        assert_eq!(
            (key["x"].as_str(), key["y"].as_str()),
            (
                Some("b_A7lJJBzh2t1DUZ5pYOCoW0GmmgXDKBA6orzhWUyhY"),
                Some("PE91OlW_AdxT9sCwx-7ni0DG_30lqW4igrmJzvccFEo")
            )
        );
        assert_eq!(key.get("d"), None);
    }

    #[test]
    fn what_is_no_key_is_drawn_again_but_not_for_ever() {
        for byte in [0x00, 0xff] {
            let error = Key::open(None, &world_of(byte)).unwrap_err().to_string();
            assert!(error.contains("drawn"), "{error}");
        }
    }

    #[test]
    fn a_given_issuer_stays_and_an_empty_parameter_gets_ours_alone() {
        let read = |given: &str| -> Vec<serde_json::Value> {
            let issuers = additional(given, "http://127.0.0.1:9");
            serde_json::from_str(&format!("[{issuers}]")).unwrap()
        };
        assert_eq!(read(" ").len(), 1);
        let both = read(r#"{"name": "login"}"#);
        assert_eq!(
            (&both[0]["name"], &both[1]["name"]),
            (&json!("login"), &json!(NAME))
        );
        assert_eq!(
            both[1]["keys"]["jwks_url"],
            "http://127.0.0.1:9/.well-known/jwks.json"
        );
    }
}
