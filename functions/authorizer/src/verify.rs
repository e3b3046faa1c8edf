//! Verifies a token: checks its form, then its signature, then its claims.

use jiff::Timestamp;
use shared::caller::Caller;

use crate::claims::Claims;
use crate::denial::Denial;
use crate::header::Header;
use crate::issuer::Issuer;
use crate::keys::KeySet;
use crate::token::Decoded;

/// Verifies a token and returns its caller.
///
/// Pure: the same arguments give the same answer. `keys` returns the keys of an
/// issuer, or `None` if they are unavailable. The scopes of the route are
/// checked later, by the handler.
///
/// # Errors
/// The first [`Denial`] in this order: form, issuer, algorithm, type, key,
/// signature, binding, required claims, audience, times, subject, other claims.
pub fn verify<'k>(
    token: &str,
    issuers: &[Issuer],
    keys: impl FnOnce(&Issuer) -> Option<&'k KeySet>,
    now: Timestamp,
) -> Result<Caller, Denial> {
    let decoded = Decoded::read(token)?;
    let unverified = Unverified::parse(&decoded)?;
    let issuer = unverified.issuer(issuers)?;
    let keys = keys(issuer).ok_or(Denial::KeysUnavailable)?;
    unverified.verify(issuer, keys, now)
}

/// A well-formed token whose signature is not verified yet: anybody may have written it.
pub(crate) struct Unverified<'d> {
    decoded: &'d Decoded<'d>,
    header: Header<'d>,
    claims: Claims<'d>,
}

impl<'d> Unverified<'d> {
    pub(crate) fn parse(decoded: &'d Decoded<'d>) -> Result<Self, Denial> {
        Ok(Self {
            decoded,
            header: Header::parse(&decoded.header)?,
            claims: Claims::parse(&decoded.payload)?,
        })
    }

    /// The issuer whose keys must verify the token, if it signs tokens of this kind.
    pub(crate) fn issuer<'i>(&self, issuers: &'i [Issuer]) -> Result<&'i Issuer, Denial> {
        let iss = self.claims.unverified_issuer()?;
        let issuer = issuers
            .iter()
            .find(|issuer| issuer.iss == iss)
            .ok_or(Denial::Issuer)?;
        self.header.admit(issuer)?;
        Ok(issuer)
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid()
    }

    pub(crate) fn jti_hash(&self) -> Option<String> {
        self.claims.jti_hash()
    }

    /// Verifies the signature with the issuer's keys, then checks the claims.
    pub(crate) fn verify(
        &self,
        issuer: &Issuer,
        keys: &KeySet,
        now: Timestamp,
    ) -> Result<Caller, Denial> {
        keys.verify(
            self.header.kid(),
            self.header.algorithm,
            self.decoded.message.as_bytes(),
            self.decoded.signature.expose(),
            now,
        )?;
        self.claims.check(issuer, now)
    }

    /// Whether a token that these keys do not verify may be of a key that replaced one
    /// of them under the same id. If so, it is worth a fetch.
    ///
    /// The claims are not trusted here. They only spare a fetch for a token that would
    /// be denied anyway.
    pub(crate) fn may_be_of_a_new_key(
        &self,
        denial: Denial,
        issuer: &Issuer,
        keys: &KeySet,
        now: Timestamp,
    ) -> bool {
        let is_unverified = match denial {
            Denial::Signature => true,
            // The key has this id, but is for other algorithms.
            Denial::Key => keys.has_key_for(self.kid()),
            _ => false,
        };
        is_unverified && self.claims.check(issuer, now).is_ok()
    }
}
