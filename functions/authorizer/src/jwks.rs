//! Reads a JWK set into keys, and decides which sets are refused as a whole.
//!
//! A set that contradicts itself or publishes a private key is a mistake or the work
//! of an attacker, so none of its keys is used. A key that is only useless here (weak,
//! for encryption, of an unknown type or curve) is left out and counted, as RFC 7517
//! section 5 recommends, since issuers publish such keys beside the ones for
//! signatures. A member that is `null` counts as absent: some libraries write every
//! member that they know.

use std::collections::BTreeSet;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
    VerificationAlgorithm,
};
use jsonwebtoken::DecodingKey;
use shared::json::{Json, Object};

use crate::algorithm::Algorithm;
use crate::json;
use crate::keys::{Key, KeySet, KeySetError, Kid, LeftOut};
use crate::public_key::is_public_key;
use crate::roca;
use crate::secret::PUBLIC;
use crate::token::base64url;

/// The most keys a set may hold; issuers publish two to ten.
const KEYS_MAX: usize = 100;
/// The shortest RSA modulus (RFC 7518 section 3.3) and the longest that verifies.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
/// The smallest RSA exponent, and the largest that the verifier accepts.
const RSA_EXPONENT: std::ops::RangeInclusive<u64> = 65_537..=(1 << 33) - 1;

const MALFORMED: &str = "the key set has a malformed key";
const CONTRADICTION: &str =
    "the key set has a key whose type, curve, algorithm and use contradict each other";
const PRIVATE: &str = "the key set publishes a private key";

/// Why a key is not among the keys of its set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    /// Only this key is not used. The word is for the metric.
    LeftOut(&'static str),
    /// The whole set is refused.
    Set(&'static str),
}

impl From<&'static str> for Fault {
    fn from(why: &'static str) -> Self {
        Self::Set(why)
    }
}

/// A key that is too short, or has a form that makes it easy to break.
const WEAK: Fault = Fault::LeftOut("weak");
/// A key for something else than signatures.
const PURPOSE: Fault = Fault::LeftOut("purpose");
/// A key of a type, curve or algorithm that is not supported.
const UNKNOWN: Fault = Fault::LeftOut("unknown");

/// The private members of an RSA key (RFC 7518 section 6.3.2), of the other types,
/// and of keys for post-quantum signatures.
const PRIVATE_RSA: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];
const PRIVATE_OTHER: [&str; 2] = ["d", "priv"];

/// Where a set comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// Fetched from the issuer: everybody can read it.
    Published,
    /// Given by hand, for a test or an experiment.
    Given,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517 section 5) that an issuer publishes.
    ///
    /// # Errors
    /// Why the whole set is refused.
    pub fn from_jwks(text: &[u8]) -> Result<Self, KeySetError> {
        read(text, Origin::Published)
    }
}

/// Reads a JWK set.
pub(crate) fn read(text: &[u8], origin: Origin) -> Result<KeySet, KeySetError> {
    let members = json::object(text)
        .ok_or_else(|| KeySetError::new("the key set is not a JSON object, or repeats a member"))?;
    let Some(Json::Array(entries)) = members.get("keys") else {
        return Err(KeySetError::new("the key set has no list `keys`"));
    };
    if entries.is_empty() || KEYS_MAX < entries.len() {
        return Err(KeySetError::new("the key set has no keys, or too many"));
    }
    let entries: Vec<&Object<'_>> = entries
        .iter()
        .map(|entry| match entry {
            Json::Object(members) => Some(members),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(|| KeySetError::new(MALFORMED))?;
    check_whole(&entries)?;

    let mut keys = Vec::new();
    let mut left_out = Vec::new();
    let mut offenders = Vec::new();
    let mut why = None;
    for entry in &entries {
        match key(entry, origin) {
            Ok(key) => keys.push(key),
            Err(Fault::LeftOut(reason)) => left_out.push(LeftOut {
                kid: kid(entry).map(str::to_owned),
                reason,
            }),
            Err(Fault::Set(offence)) => {
                why.get_or_insert(offence);
                offenders.push(kid(entry).map(str::to_owned));
            }
        }
    }
    match why {
        None => Ok(KeySet::new(keys).without(left_out)),
        Some(why) => {
            let all = offenders.len() == entries.len();
            Err(KeySetError::offending(why, offenders, all))
        }
    }
}

/// Makes the checks that concern the set and not a single key.
fn check_whole(entries: &[&Object<'_>]) -> Result<(), KeySetError> {
    let mut kids = BTreeSet::new();
    if !entries
        .iter()
        .filter_map(|entry| kid(entry))
        .all(|kid| kids.insert(kid))
    {
        return Err(KeySetError::new(
            "the key set has two keys with the same id",
        ));
    }
    let symmetric = entries
        .iter()
        .filter(|entry| text(entry, "kty") == Ok(Some("oct")))
        .count();
    if 0 < symmetric && symmetric < entries.len() {
        return Err(KeySetError::new(
            "the key set mixes symmetric and asymmetric keys",
        ));
    }
    Ok(())
}

fn kid<'a>(entry: &'a Object<'_>) -> Option<&'a str> {
    entry.get("kid").and_then(Json::as_str)
}

/// A member, unless it is missing or `null`.
fn member<'a, 'j>(entry: &'a Object<'j>, name: &str) -> Option<&'a Json<'j>> {
    match entry.get(name) {
        None | Some(Json::Null) => None,
        Some(value) => Some(value),
    }
}

/// Reads a member that is a string or missing.
fn text<'a>(entry: &'a Object<'_>, name: &str) -> Result<Option<&'a str>, &'static str> {
    member(entry, name)
        .map(|value| value.as_str().ok_or(MALFORMED))
        .transpose()
}

/// Reads a required member in base64url.
fn bytes(entry: &Object<'_>, name: &str) -> Result<Vec<u8>, &'static str> {
    text(entry, name)?.and_then(base64url).ok_or(MALFORMED)
}

/// Reads one key.
fn key(entry: &Object<'_>, origin: Origin) -> Result<Key, Fault> {
    let kty = text(entry, "kty")?.ok_or(MALFORMED)?;
    let kid = text(entry, "kid")?.map(str::to_owned);
    let private: &[&str] = match kty {
        "RSA" => &PRIVATE_RSA,
        _ => &PRIVATE_OTHER,
    };
    let is_private = private.iter().any(|name| member(entry, name).is_some());
    if origin == Origin::Published && kty != "oct" && is_private {
        return Err(PRIVATE.into());
    }
    let purpose = purpose(entry)?;
    let natural = natural(kty, text(entry, "crv")?);
    let algorithms = match text(entry, "alg")? {
        None => natural,
        Some("Ed25519") if natural == [Algorithm::EdDSA] => natural,
        Some(name) => match Algorithm::named(name) {
            Some(algorithm) if natural.contains(&algorithm) => vec![algorithm],
            Some(_) => return Err(CONTRADICTION.into()),
            None if is_encryption(name) && purpose == Purpose::Signature => {
                return Err(CONTRADICTION.into());
            }
            None => return Err(UNKNOWN),
        },
    };
    match purpose {
        // The key is for encryption, but its algorithm is for signatures.
        Purpose::Encryption if member(entry, "alg").is_some() => return Err(CONTRADICTION.into()),
        Purpose::Encryption | Purpose::Other => return Err(PURPOSE),
        Purpose::Signature | Purpose::Unsaid => {}
    }
    let material = match kty {
        "RSA" => rsa(entry)?,
        "EC" | "OKP" if algorithms.is_empty() => return Err(UNKNOWN),
        "EC" => elliptic(entry, &algorithms)?,
        "OKP" => edwards(entry)?,
        "oct" => return symmetric(entry, kid, &algorithms),
        _ => return Err(UNKNOWN),
    };
    Ok(Key {
        kid: Kid::Exactly(kid),
        algorithms,
        material,
        valid_until: None,
    })
}

/// The purpose that a key states.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Purpose {
    Signature,
    Encryption,
    Other,
    Unsaid,
}

/// Reads `use` and `key_ops` (RFC 7517 sections 4.2 and 4.3), which must agree.
fn purpose(entry: &Object<'_>) -> Result<Purpose, &'static str> {
    let by_use = match text(entry, "use")? {
        None => Purpose::Unsaid,
        Some("sig") => Purpose::Signature,
        Some("enc") => Purpose::Encryption,
        Some(_) => Purpose::Other,
    };
    let Some(operations) = member(entry, "key_ops") else {
        return Ok(by_use);
    };
    let operations = operations.as_strings().ok_or(MALFORMED)?;
    let distinct: BTreeSet<&str> = operations.iter().copied().collect();
    if distinct.len() != operations.len() {
        return Err(CONTRADICTION);
    }
    let verifies = distinct.contains("verify");
    let signs = verifies || distinct.contains("sign");
    let hides = [
        "encrypt",
        "decrypt",
        "wrapKey",
        "unwrapKey",
        "deriveKey",
        "deriveBits",
    ]
    .iter()
    .any(|name| distinct.contains(name));
    match (by_use, signs, hides) {
        (_, true, true) | (Purpose::Signature, false, _) | (Purpose::Encryption, true, _) => {
            Err(CONTRADICTION)
        }
        (_, _, true) | (Purpose::Encryption, _, _) => Ok(Purpose::Encryption),
        (Purpose::Signature | Purpose::Unsaid, true, false) if verifies => Ok(Purpose::Signature),
        (Purpose::Signature | Purpose::Unsaid | Purpose::Other, _, false) => Ok(Purpose::Other),
    }
}

/// Whether an algorithm name is one for key management (RFC 7518 section 4).
fn is_encryption(name: &str) -> bool {
    [
        "RSA-OAEP", "RSA1_5", "ECDH-ES", "A128", "A192", "A256", "PBES2", "dir",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
}

/// The algorithms that fit a key's type and curve.
fn natural(kty: &str, crv: Option<&str>) -> Vec<Algorithm> {
    match (kty, crv) {
        ("RSA", _) => vec![
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        ("EC", Some("P-256")) => vec![Algorithm::ES256],
        ("EC", Some("P-384")) => vec![Algorithm::ES384],
        ("OKP", Some("Ed25519")) => vec![Algorithm::EdDSA],
        ("oct", _) => vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512],
        _ => Vec::new(),
    }
}

fn rsa(entry: &Object<'_>) -> Result<DecodingKey, Fault> {
    let (modulus, exponent) = (bytes(entry, "n")?, bytes(entry, "e")?);
    // RFC 7518 section 6.3.1.1 forbids leading zeros, but they are common.
    let modulus = strip_zeros(&modulus);
    let exponent = strip_zeros(&exponent);
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
        return Err(WEAK);
    };
    let bits = 8 * modulus.len() - first.leading_zeros() as usize;
    if !RSA_BITS.contains(&bits) || last % 2 == 0 || roca::is_fingerprint(modulus) {
        return Err(WEAK);
    }
    if 8 < exponent.len() {
        return Err(MALFORMED.into());
    }
    let value = exponent
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if !RSA_EXPONENT.contains(&value) || value % 2 == 0 {
        return Err(WEAK);
    }
    Ok(DecodingKey::from_rsa_raw_components(modulus, exponent))
}

fn strip_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn elliptic(entry: &Object<'_>, algorithms: &[Algorithm]) -> Result<DecodingKey, &'static str> {
    let (verifier, coordinate_bytes): (&'static dyn VerificationAlgorithm, usize) =
        if algorithms.contains(&Algorithm::ES384) {
            (&ECDSA_P384_SHA384_FIXED, 48)
        } else {
            (&ECDSA_P256_SHA256_FIXED, 32)
        };
    let (x, y) = (bytes(entry, "x")?, bytes(entry, "y")?);
    if x.len() != coordinate_bytes || y.len() != coordinate_bytes {
        return Err(MALFORMED);
    }
    // The uncompressed form of SEC 1 section 2.3.3.
    let point = [&[0x04], x.as_slice(), y.as_slice()].concat();
    // This refuses a point outside the curve now, not at the first token.
    ParsedPublicKey::new(verifier, &point).map_err(|_| MALFORMED)?;
    Ok(DecodingKey::from_ec_der(&point))
}

fn edwards(entry: &Object<'_>) -> Result<DecodingKey, &'static str> {
    let point = bytes(entry, "x")?;
    ParsedPublicKey::new(&ED25519, &point).map_err(|_| MALFORMED)?;
    Ok(DecodingKey::from_ed_der(&point))
}

fn symmetric(
    entry: &Object<'_>,
    kid: Option<String>,
    algorithms: &[Algorithm],
) -> Result<Key, Fault> {
    let secret = bytes(entry, "k")?;
    if is_public_key(&secret) {
        return Err(PUBLIC.into());
    }
    let mut key = Key::shared(&secret, Kid::Exactly(kid), None);
    key.algorithms
        .retain(|algorithm| algorithms.contains(algorithm));
    if key.algorithms.is_empty() {
        Err(WEAK)
    } else {
        Ok(key)
    }
}
