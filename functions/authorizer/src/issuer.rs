//! A configured issuer: its names, its rules, and the source of its keys.

use std::collections::BTreeMap;

use crate::algorithm::Algorithm;
use crate::grants::Grants;
use crate::url::KeyUrl;

/// An issuer of tokens for this API, and the rules that its tokens must follow.
///
/// Only [`crate::Config`] makes one, so an issuer is valid: it has an audience,
/// algorithms of one family, and a key source that fits them.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub(crate) name: String,
    /// The exact `iss` of its tokens.
    pub(crate) iss: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) audience_from: AudienceClaim,
    /// Claims that a token must have, with the exact text of each.
    pub(crate) required: BTreeMap<String, String>,
    pub(crate) grants: Grants,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) types: Types,
    pub(crate) max_ttl_seconds: u32,
    pub(crate) leeway_seconds: u32,
    pub(crate) keys: KeySource,
}

/// Which claim names the API that a token is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AudienceClaim {
    /// `aud`, as RFC 9068 requires.
    Aud,
    /// `client_id`: the access tokens of Amazon Cognito have no `aud`. One that is
    /// present must match too.
    ClientId,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    /// HMAC keys in Secrets Manager, by name or ARN.
    Secret {
        secret_id: String,
        /// How long the previous version stays valid after it was replaced.
        overlap_seconds: u32,
    },
    /// A JWK set at a fixed address.
    Jwks(KeyUrl),
    /// A JWK set whose address the issuer's OpenID configuration names.
    Discovery(KeyUrl),
}

impl Issuer {
    /// The configured name, which identifies the issuer in contexts and logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The shortest shared secret in bytes that one of the algorithms can use.
    ///
    /// A secret is used only with the algorithms that it is long enough for, see
    /// [`crate::keys::Key::shared`].
    pub(crate) fn secret_bytes_min(&self) -> usize {
        let least = self
            .algorithms
            .iter()
            .filter_map(|algorithm| algorithm.secret_bytes_min())
            .min();
        least.unwrap_or(usize::MAX)
    }
}

/// The accepted values of `typ`. They keep a token of another kind (a DPoP proof,
/// a log-out token) from being used as an access token (RFC 8725 section 3.11).
#[derive(Clone, Debug)]
pub(crate) struct Types {
    accepted: Vec<String>,
    /// Whether a token must have a `typ`. It must if types are configured; by
    /// default it may leave `typ` out, as RFC 7519 allows.
    required: bool,
}

impl Types {
    /// `JWT`, `at+jwt`, or no type.
    pub(crate) fn standard() -> Self {
        Self {
            accepted: ["jwt", "at+jwt"].map(str::to_owned).into(),
            required: false,
        }
    }

    /// One of these types; a token without a type is refused.
    pub(crate) fn only(types: &[String]) -> Self {
        Self {
            accepted: types.iter().map(|text| normal(text)).collect(),
            required: true,
        }
    }

    pub(crate) fn admit(&self, typ: Option<&str>) -> bool {
        match typ {
            None => !self.required,
            Some(text) => self.accepted.contains(&normal(text)),
        }
    }
}

/// A media type in lower case and without its optional `application/` (RFC 7515
/// section 4.1.9).
fn normal(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    match lower.strip_prefix("application/") {
        Some(rest) => rest.to_owned(),
        None => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_compared_without_its_prefix_and_in_any_case() {
        for good in [
            "JWT",
            "jwt",
            "at+jwt",
            "application/at+JWT",
            "APPLICATION/jwt",
        ] {
            assert!(Types::standard().admit(Some(good)), "{good}");
        }
        for bad in [
            "dpop+jwt",
            "",
            "application/",
            "jwt ",
            "text/jwt",
            "application/application/jwt",
        ] {
            assert!(!Types::standard().admit(Some(bad)), "{bad}");
        }
    }

    #[test]
    fn a_configured_type_is_required() {
        let types = Types::only(&["application/at+jwt".to_owned()]);
        assert!(types.admit(Some("at+JWT")));
        assert!(!types.admit(Some("JWT")));
        assert!(!types.admit(None));
        assert!(Types::standard().admit(None));
    }
}
