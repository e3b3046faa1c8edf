//! The program's own token issuer: an ES256 key, made at the first run and published as a JWK set.
//!
//! Most deployments accept tokens of an issuer elsewhere; this one lets a laptop try the same. The
//! authorizer gets it like any further issuer, in the template's parameter `AdditionalIssuers`. A
//! template without that parameter does not have it.

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

/// The algorithm of its key.
pub const ES256: &str = "ES256";
/// The issuer's name in `ISSUERS`.
pub(crate) const NAME: &str = "local-es256";
/// The `iss` of its tokens. It does not contain the program's port, so a token outlives a restart.
pub(crate) const ISS: &str = "https://es256.issuer.surefire.local";
/// The `aud` of its tokens.
pub(crate) const AUDIENCE: &str = "surefire";
/// The template's parameter for further issuers.
pub(crate) const PARAMETER: &str = "AdditionalIssuers";
/// The path of its key set.
pub(crate) const JWKS_PATH: &str = "/.well-known/jwks.json";
/// The path of its OpenID configuration.
pub(crate) const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";

/// The start of a P-256 private key in PKCS #8 (RFC 5208, RFC 5915, RFC 5480). The 32 bytes of the
/// private half follow; the public half is computed from them.
const PKCS8_PREFIX: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01,
    0x01, 0x04, 0x20,
];
/// One draw in 2³² is not a valid key. More failures than this mean a broken source of randomness.
const DRAWS_MAX: u32 = 8;

/// The issuer's key, ready to sign.
pub(crate) struct Key {
    signing: EncodingKey,
    public: Jwk,
    kid: String,
}

/// A key in its file.
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
    /// Reads the key of a file. A missing file is created with a new key. Without a path, a new key
    /// is made and kept only in memory.
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

    /// The key of a file, if the file exists.
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
                format!("{} does not contain an ES256 key", path.display()),
            )),
        }
    }

    /// Draws a key by rejection, so that all are equally likely (FIPS 186-5, appendix A.2.2).
    fn generate(world: &World) -> io::Result<(Vec<u8>, Self)> {
        for _ in 0..DRAWS_MAX {
            let mut scalar = [0; 32];
            world.fill(&mut scalar);
            let der = [PKCS8_PREFIX.as_slice(), &scalar].concat();
            // Zero, and numbers not below the curve's order, are refused.
            if let Ok(key) = Self::from_pkcs8(&der) {
                return Ok((der, key));
            }
        }
        Err(io::Error::other("no ES256 key could be drawn"))
    }

    fn from_pkcs8(der: &[u8]) -> jsonwebtoken::errors::Result<Self> {
        let signing = EncodingKey::from_ec_der(der);
        let mut public = Jwk::from_encoding_key(&signing, Algorithm::ES256)?;
        // The key's thumbprint (RFC 7638): no other key has the same id.
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

    /// The key that signs.
    pub(crate) fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    /// The set to publish, with only the public half.
    pub(crate) fn set(&self) -> JwkSet {
        JwkSet {
            keys: vec![self.public.clone()],
        }
    }
}

/// The value of [`PARAMETER`]: the given issuers and the program's own.
pub(crate) fn additional(given: &str, services_url: &str) -> String {
    // The URL of the set, and no discovery: a configuration must be below its issuer's URL (OpenID
    // Connect Discovery 1.0, section 4.3), and nothing listens there.
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

/// Serves the key set and the OpenID configuration at a URL, which has no slash at its end.
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
    fn the_public_half_of_a_key_follows_from_its_private_half() {
        // The point was computed by other software, from the curve's equation.
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
    fn an_invalid_key_is_drawn_again_but_not_for_ever() {
        for byte in [0x00, 0xff] {
            let error = Key::open(None, &world_of(byte)).unwrap_err().to_string();
            assert!(error.contains("drawn"), "{error}");
        }
    }

    #[test]
    fn the_programs_issuer_is_added_to_given_issuers_or_stands_alone() {
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
