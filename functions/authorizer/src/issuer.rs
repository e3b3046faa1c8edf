//! Owns what is known of an issuer before any token arrives: its names, rules and key source.

use crate::algorithm::Algorithm;
use crate::url::KeyUrl;

/// Who signs tokens for this API, and under which rules they are believed.
///
/// It can only come from [`crate::Config`], so one that exists is valid: it has
/// an audience, algorithms of one family, and a key source that fits them.
#[derive(Clone, Debug)]
pub struct Issuer {
    pub(crate) name: String,
    /// The exact `iss` of its tokens.
    pub(crate) iss: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) types: Types,
    pub(crate) max_ttl_seconds: u32,
    pub(crate) leeway_seconds: u32,
    pub(crate) keys: KeySource,
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

    /// The fewest bytes a shared secret may have to be of any use.
    ///
    /// A secret that is long enough for some of the algorithms is a key for
    /// those alone, see [`crate::keys::Key::shared`].
    pub(crate) fn secret_bytes_min(&self) -> usize {
        let least = self
            .algorithms
            .iter()
            .filter_map(|algorithm| algorithm.secret_bytes_min())
            .min();
        least.unwrap_or(usize::MAX)
    }
}

/// The `typ` values that are accepted: they keep a token that was made for
/// another purpose (a DPoP proof, a log-out token) from being used as access
/// token (RFC 8725 section 3.11).
#[derive(Clone, Debug)]
pub(crate) struct Types {
    accepted: Vec<String>,
    /// A configured list is a demand; by default a token may leave `typ` out,
    /// as RFC 7519 lets it.
    required: bool,
}

impl Types {
    /// `JWT` and `at+jwt`, if the token says a type at all.
    pub(crate) fn standard() -> Self {
        Self {
            accepted: ["jwt", "at+jwt"].map(str::to_owned).into(),
            required: false,
        }
    }

    /// Exactly these, and the token must say one.
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

/// A media type without its optional `application/`, in lower case (RFC 7515
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
