//! An issuer's keys: selects the key of a token and verifies the signature with it.

use aws_lc_rs::digest;
use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

use crate::algorithm::Algorithm;
use crate::denial::Denial;

/// The keys of one issuer at one moment.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    /// The keys of the document that are not used.
    left_out: Vec<LeftOut>,
    /// Whether an unknown key id matches every key. This is for keys that were
    /// given by hand, never for keys that an issuer publishes.
    any_kid: bool,
    /// The hash of the text that the keys were read from.
    origin: Option<Vec<u8>>,
}

/// A key that is published but not used.
#[derive(Clone)]
pub(crate) struct LeftOut {
    pub(crate) kid: Option<String>,
    /// The word for the metric.
    pub(crate) reason: &'static str,
}

/// One key, parsed and ready to verify with.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) kid: Kid,
    /// The algorithms that the key may be used with.
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) material: DecodingKey,
    /// When a replaced key stops being valid; `None` for a current key.
    pub(crate) valid_until: Option<Timestamp>,
}

/// Which tokens a key is for.
#[derive(Clone, Eq, PartialEq)]
pub(crate) enum Kid {
    /// Every token, since a plain-string secret has no id.
    Any,
    /// Tokens with this id. A key without an id is for tokens without one.
    Exactly(Option<String>),
}

/// Why a key set or secret is not used, and which of its keys are at fault.
///
/// `Display` says what is wrong and quotes no key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct KeySetError {
    why: String,
    /// The ids of the keys at fault.
    offenders: Vec<Option<String>>,
    /// Whether every key of the set is at fault.
    all: bool,
}

impl KeySetError {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            offenders: Vec::new(),
            all: false,
        }
    }

    /// A set that is refused because of some of its keys.
    pub(crate) fn offending(why: &str, offenders: Vec<Option<String>>, all: bool) -> Self {
        Self {
            why: why.to_owned(),
            offenders,
            all,
        }
    }

    /// Whether the key that a token names is at fault.
    ///
    /// No set makes that key acceptable, so the token is denied. All other tokens
    /// of the issuer cannot be decided while its set is refused.
    pub(crate) fn blames(&self, kid: Option<&str>, any_kid: bool) -> bool {
        (any_kid && self.all)
            || self
                .offenders
                .iter()
                .any(|offender| offender.as_deref() == kid)
    }
}

impl KeySet {
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        Self {
            keys,
            left_out: Vec::new(),
            any_kid: false,
            origin: None,
        }
    }

    /// Remembers the texts that the keys were read from, as a hash.
    #[must_use]
    pub(crate) fn read_from<'t>(mut self, texts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for text in texts {
            // With its length in front, so that a text cannot continue in the next one.
            context.update(&text.len().to_be_bytes());
            context.update(text);
        }
        self.origin = Some(context.finish().as_ref().to_vec());
        self
    }

    /// Whether both sets were read from the same texts.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.origin.is_some() && self.origin == other.origin
    }

    /// Accepts tokens with any key id.
    #[must_use]
    pub(crate) fn for_any_kid(mut self) -> Self {
        self.any_kid = true;
        self
    }

    /// Whether one of these keys, or one that was left out, has a token's key id. If
    /// not, the issuer may have added a key after they were fetched.
    pub(crate) fn knows(&self, kid: Option<&str>) -> bool {
        let is_left_out = |key: &LeftOut| key.kid.as_deref() == kid;
        self.any_kid
            || kid.is_none()
            || self.has_key_for(kid)
            || self.left_out.iter().any(is_left_out)
    }

    /// Whether a key is for tokens with this key id, or for tokens without one.
    pub(crate) fn has_key_for(&self, kid: Option<&str>) -> bool {
        self.keys.iter().any(|key| key.is_for(kid))
    }

    /// Whether a key of the set can be used with one of these algorithms.
    pub(crate) fn serves(&self, algorithms: &[Algorithm]) -> bool {
        let is_served = |algorithm: &Algorithm| algorithms.contains(algorithm);
        let mut keys = self.keys.iter();
        keys.any(|key| key.algorithms.iter().any(is_served))
    }

    /// Verifies a signature with each key that the token may mean, newest first.
    pub(crate) fn verify(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        message: &[u8],
        signature: &Vec<u8>,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let any = self.any_kid && !self.has_key_for(kid);
        let mut denial = Denial::Key;
        for key in &self.keys {
            if !(any || key.is_for(kid)) || !key.is_valid(algorithm, now) {
                continue;
            }
            if key.verify(algorithm, message, signature) {
                return Ok(());
            }
            denial = Denial::Signature;
        }
        Err(denial)
    }

    /// Adds the keys that were left out.
    #[must_use]
    pub(crate) fn without(mut self, left_out: Vec<LeftOut>) -> Self {
        self.left_out = left_out;
        self
    }

    /// The reason for each key that was left out.
    pub(crate) fn left_out(&self) -> Vec<&'static str> {
        self.left_out.iter().map(|key| key.reason).collect()
    }

    /// The ids of the keys that were left out.
    pub(crate) fn kids_left_out(&self) -> Vec<Option<String>> {
        self.left_out.iter().map(|key| key.kid.clone()).collect()
    }

    /// The number of keys.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl Key {
    /// An HMAC key.
    pub(crate) fn shared(secret: &[u8], kid: Kid, valid_until: Option<Timestamp>) -> Self {
        let long_enough = |algorithm: &Algorithm| {
            algorithm
                .secret_bytes_min()
                .is_some_and(|least| least <= secret.len())
        };
        Self {
            kid,
            algorithms: [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]
                .into_iter()
                .filter(long_enough)
                .collect(),
            material: DecodingKey::from_secret(secret),
            valid_until,
        }
    }

    fn is_for(&self, kid: Option<&str>) -> bool {
        match &self.kid {
            Kid::Any => true,
            Kid::Exactly(own) => own.as_deref() == kid,
        }
    }

    fn is_valid(&self, algorithm: Algorithm, now: Timestamp) -> bool {
        self.algorithms.contains(&algorithm) && self.valid_until.is_none_or(|until| now < until)
    }

    /// The provider is named because the library's default panics at its first
    /// use if another crate of the build enables a second provider.
    fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &Vec<u8>) -> bool {
        (DEFAULT_PROVIDER.verifier_factory)(&algorithm.verifiable(), &self.material)
            .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_left_out_is_known_by_its_id_only() {
        let left_out = LeftOut {
            kid: Some("weak".to_owned()),
            reason: "weak",
        };
        let keys = KeySet::new(Vec::new()).without(vec![left_out]);
        assert!(keys.knows(Some("weak")));
        // Another key may have been added since. A fetch finds out.
        assert!(!keys.knows(Some("new")));
        assert_eq!(keys.left_out(), ["weak"]);
        assert_eq!(keys.kids_left_out(), [Some("weak".to_owned())]);
    }

    #[test]
    fn a_replaced_key_is_valid_until_its_last_moment() {
        let until = Timestamp::UNIX_EPOCH;
        let key = Key::shared(&[7; 32], Kid::Any, Some(until));
        let at = |seconds| until + jiff::SignedDuration::from_secs(seconds);
        assert!(key.is_valid(Algorithm::HS256, at(-1)));
        assert!(!key.is_valid(Algorithm::HS256, at(0)));
        assert!(!key.is_valid(Algorithm::HS384, at(-1)), "it is too short");
    }
}
