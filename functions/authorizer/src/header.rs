//! Reads a token's header: its algorithm, key id and type. Extensions are refused.

use shared::json::{Json, Object};

use crate::algorithm::Algorithm;
use crate::denial::Denial;
use crate::issuer::Issuer;
use crate::json;

/// The longest key id, in characters.
pub(crate) const KID_CHARACTERS_MAX: usize = 128;

/// Extensions that change what is signed or how it is read. None is supported, so
/// a token that has one is refused. Otherwise it could be read in another way than
/// its issuer meant (RFC 7515 section 4.1.11; RFC 7797; RFC 7516).
const EXTENSIONS: [&str; 4] = ["crit", "b64", "zip", "enc"];

/// A well-formed header, before its key is looked up.
///
/// `jku`, `jwk`, `x5u` and `x5c` are never read: a key inside its own token
/// proves nothing.
pub(crate) struct Header<'a> {
    pub(crate) algorithm: Algorithm,
    kid: Option<Json<'a>>,
    typ: Option<Json<'a>>,
}

impl<'a> Header<'a> {
    /// Reads the decoded first part.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Denial> {
        let mut members = json::object(bytes).ok_or(Denial::Malformed)?;
        let algorithm = algorithm(&members)?;
        if EXTENSIONS.iter().any(|name| members.get(name).is_some()) {
            return Err(Denial::Malformed);
        }
        let kid = members.take("kid");
        let typ = members.take("typ");
        if kid
            .as_ref()
            .is_some_and(|kid| !kid.as_str().is_some_and(is_kid))
        {
            return Err(Denial::Malformed);
        }
        if typ.as_ref().is_some_and(|typ| typ.as_str().is_none()) {
            return Err(Denial::Malformed);
        }
        Ok(Self {
            algorithm,
            kid,
            typ,
        })
    }

    /// The key id.
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_ref().and_then(Json::as_str)
    }

    /// Checks that the issuer uses this algorithm and type.
    pub(crate) fn admit(&self, issuer: &Issuer) -> Result<(), Denial> {
        if !issuer.algorithms.contains(&self.algorithm) {
            return Err(Denial::Algorithm);
        }
        let typ = self.typ.as_ref().and_then(Json::as_str);
        if !issuer.types.admit(typ) {
            return Err(Denial::Malformed);
        }
        Ok(())
    }
}

/// Only a listed algorithm in its exact spelling is accepted, so `none` never is.
fn algorithm(members: &Object<'_>) -> Result<Algorithm, Denial> {
    let name = members
        .get("alg")
        .and_then(Json::as_str)
        .ok_or(Denial::Algorithm)?;
    Algorithm::named(name).ok_or(Denial::Algorithm)
}

/// Whether a key id has only the characters of identifiers, thumbprints, base64
/// and URLs.
///
/// Nothing here looks up a key by a path or a query. But a key id can reach other
/// systems, so one that could be a path, a statement or markup is refused.
pub(crate) fn is_kid(text: &str) -> bool {
    let within = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=:@#".contains(&byte);
    (1..=KID_CHARACTERS_MAX).contains(&text.len())
        && text.bytes().all(within)
        && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Algorithm, Denial>) {
        let header = Header::parse(text.as_bytes()).map(|header| header.algorithm);
        assert_eq!(header, expected, "{text}");
    }

    #[test]
    fn every_algorithm_is_named_exactly() {
        for algorithm in Algorithm::ALL {
            let name = algorithm.name();
            check(&format!(r#"{{"alg":"{name}"}}"#), Ok(algorithm));
            check(
                &format!(r#"{{"alg":"{}"}}"#, name.to_lowercase()),
                Err(Denial::Algorithm),
            );
        }
        for other in [
            r#"{"alg":256}"#,
            "{}",
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":null}"#,
        ] {
            check(other, Err(Denial::Algorithm));
        }
    }

    #[test]
    fn keys_inside_a_header_are_not_read() {
        check(
            r#"{"alg":"HS256","jku":1,"jwk":[],"x5u":{},"x5c":"x","cty":"JWT"}"#,
            Ok(Algorithm::HS256),
        );
    }

    #[test]
    fn a_key_id_has_a_length_and_an_alphabet() {
        for good in [
            "2024-01",
            "a",
            "abc+/=",
            "https://issuer.example/keys#1",
            "urn:a:b",
        ] {
            assert!(is_kid(good), "{good}");
        }
        assert!(is_kid(&"k".repeat(KID_CHARACTERS_MAX)));
        assert!(!is_kid(&"k".repeat(KID_CHARACTERS_MAX + 1)));
        for bad in [
            "",
            "../../x",
            "a..b",
            "1 OR 1=1",
            "' OR ''='",
            "a\0",
            "é",
            "a\n",
            "%2e%2e",
            "<b>",
        ] {
            assert!(!is_kid(bad), "{bad}");
        }
    }
}
