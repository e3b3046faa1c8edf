//! Checks a token's claims: their types, and whether they are valid for this API now.
//!
//! The library that verifies signatures ignores a claim of the wrong type. Here
//! such a token is denied.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest;
use jiff::Timestamp;
use shared::caller::Caller;
use shared::json::{Json, Object};

use crate::denial::Denial;
use crate::issuer::{AudienceClaim, Issuer};
use crate::json;

/// How many bytes of a `jti`'s hash are logged: enough to find a token again
/// without logging its id.
const JTI_HASH_BYTES: usize = 8;

/// The longest subject. OpenID Connect allows 255 ASCII characters.
const SUBJECT_BYTES_MAX: usize = 256;

/// The decoded payload: well formed, but not trusted before its signature is verified.
pub(crate) struct Claims<'a>(Object<'a>);

impl<'a> Claims<'a> {
    /// Reads the decoded second part.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Denial> {
        json::object(bytes).map(Self).ok_or(Denial::Malformed)
    }

    /// The issuer that the token claims, which selects the keys to verify it with.
    pub(crate) fn unverified_issuer(&self) -> Result<&str, Denial> {
        self.text("iss").ok_or(Denial::Issuer)
    }

    /// A prefix of the SHA-256 of `jti`, in hexadecimal.
    pub(crate) fn jti_hash(&self) -> Option<String> {
        let hash = digest::digest(&digest::SHA256, self.text("jti")?.as_bytes());
        let mut text = String::with_capacity(2 * JTI_HASH_BYTES);
        for byte in hash.as_ref().iter().take(JTI_HASH_BYTES) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Some(text)
    }

    /// Checks that a token of this issuer is valid for this API now, and returns its caller.
    pub(crate) fn check(&self, issuer: &Issuer, now: Timestamp) -> Result<Caller, Denial> {
        if self.unverified_issuer()? != issuer.iss {
            return Err(Denial::Issuer);
        }
        self.check_unbound()?;
        self.check_required(&issuer.required)?;
        self.check_audience(issuer)?;
        self.check_times(issuer, now.as_second().into())?;
        let sub = self
            .text("sub")
            .filter(|sub| is_subject(sub))
            .ok_or(Denial::Subject)?;
        if self.0.get("jti").is_some_and(|jti| jti.as_str().is_none()) {
            return Err(Denial::Malformed);
        }
        Ok(Caller {
            issuer: issuer.name().to_owned(),
            sub: sub.to_owned(),
            scopes: issuer.grants.of(&self.0)?,
            client_id: self.client_id()?,
        })
    }

    /// Refuses a token that only the holder of a certain key may use (RFC 7800: DPoP,
    /// mutual TLS). That key is not checked here. If the token passed without it, a
    /// thief could use the token.
    fn check_unbound(&self) -> Result<(), Denial> {
        match self.0.get("cnf") {
            None => Ok(()),
            Some(_) => Err(Denial::Bound),
        }
    }

    fn check_required(&self, required: &BTreeMap<String, String>) -> Result<(), Denial> {
        let is_met = |(name, text): (&String, &String)| self.text(name) == Some(text.as_str());
        if required.iter().all(is_met) {
            Ok(())
        } else {
            Err(Denial::Claim)
        }
    }

    fn check_audience(&self, issuer: &Issuer) -> Result<(), Denial> {
        let is_ours = |text: &str| issuer.audiences.iter().any(|our| our == text);
        let aud = match self.0.get("aud") {
            Some(Json::String(one)) => Some(vec![one.as_ref()]),
            Some(list) => Some(list.as_strings().ok_or(Denial::Audience)?),
            None => None,
        };
        let aud_is_ours = aud.map(|aud| aud.into_iter().any(is_ours));
        let is_meant = match issuer.audience_from {
            AudienceClaim::Aud => aud_is_ours == Some(true),
            // Only this claim counts: another one that names a client may name whom
            // the token was made for, and not who may use it.
            AudienceClaim::ClientId => {
                aud_is_ours != Some(false) && self.text("client_id").is_some_and(is_ours)
            }
        };
        if is_meant {
            Ok(())
        } else {
            Err(Denial::Audience)
        }
    }

    /// Nothing can overflow: `i128` holds every sum of two numbers here.
    fn check_times(&self, issuer: &Issuer, now: i128) -> Result<(), Denial> {
        let leeway = i128::from(issuer.leeway_seconds);
        let required = |name| {
            self.0
                .get(name)
                .and_then(Json::as_integer)
                .ok_or(Denial::Lifetime)
        };
        let (exp, iat) = (required("exp")?, required("iat")?);
        if exp + leeway <= now {
            return Err(Denial::Expired);
        }
        if now + leeway < iat {
            return Err(Denial::NotYetValid);
        }
        if let Some(nbf) = self.0.get("nbf") {
            let nbf = nbf.as_integer().ok_or(Denial::NotYetValid)?;
            if now + leeway < nbf {
                return Err(Denial::NotYetValid);
            }
        }
        // This also refuses an `exp` before `iat`: such a token was never valid.
        if !(1..=i128::from(issuer.max_ttl_seconds)).contains(&(exp - iat)) {
            return Err(Denial::Lifetime);
        }
        Ok(())
    }

    /// Reads `client_id` (RFC 9068), or else OpenID Connect's `azp`.
    fn client_id(&self) -> Result<Option<String>, Denial> {
        let claim = self.0.get("client_id").or_else(|| self.0.get("azp"));
        claim
            .map(|client| client.as_str().map(str::to_owned).ok_or(Denial::Malformed))
            .transpose()
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Json::as_str)
    }
}

/// Functions use the subject in keys and cursors, which have a length and an alphabet.
fn is_subject(text: &str) -> bool {
    (1..=SUBJECT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_logged_as_a_hash_of_its_id() {
        let hash = |payload: &str| Claims::parse(payload.as_bytes()).unwrap().jti_hash();
        // printf abc | sha256sum
        assert_eq!(
            hash(r#"{"jti": "abc"}"#).as_deref(),
            Some("ba7816bf8f01cfea")
        );
        assert_eq!(hash(r#"{"jti": 1}"#), None);
        assert_eq!(hash("{}"), None);
    }
}
