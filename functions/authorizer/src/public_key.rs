//! Recognizes public keys, which must never serve as a shared secret.
//!
//! Anybody can read a public key, and so sign HMAC tokens with its bytes. A public
//! key in a secret is a mistake that is easily made when an issuer changes its
//! algorithms.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::json;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
/// People write base64 in either alphabet, with or without padding.
const ENGINES: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&STANDARD, LENIENT),
    GeneralPurpose::new(&URL_SAFE, LENIENT),
];

/// How many layers of base64 are taken off.
const LAYERS_MAX: usize = 4;

/// The names that an OpenSSH public key begins with.
const SSH_KINDS: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];

/// The tags of DER (X.690) that keys and certificates begin with.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// The shortest RSA modulus that counts as a key. Shorter numbers can be chance.
const MODULUS_BYTES_MIN: usize = 64;

/// Decodes base64 in either alphabet, with or without padding.
pub(crate) fn decode(text: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    ENGINES
        .iter()
        .find_map(|engine| engine.decode(text.as_ref()).ok())
}

/// Whether a secret is a public key: PEM, OpenSSH, JWK, JWK set, DER, or one of
/// these in base64. A private key or certificate in one of these forms counts too,
/// since neither is a shared secret.
pub(crate) fn is_public_key(secret: &[u8]) -> bool {
    let mut layer = secret.to_vec();
    for _ in 0..LAYERS_MAX {
        if is_key_text(&layer) || is_der(&layer) || is_ssh(&layer) {
            return true;
        }
        layer.retain(|byte| !byte.is_ascii_whitespace());
        match decode(&layer) {
            Some(inner) => layer = inner,
            None => return false,
        }
    }
    false
}

fn is_key_text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    // `---- BEGIN` is the form of RFC 4716.
    text.contains("-----BEGIN ")
        || text.contains("---- BEGIN ")
        || has_ssh_key(text)
        || is_jwk(text)
}

/// Whether two neighbouring words are an OpenSSH kind and a key of it. Options may
/// stand before them (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
fn has_ssh_key(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    words.windows(2).any(|pair| match pair {
        [kind, key] => {
            SSH_KINDS.iter().any(|start| kind.starts_with(start)) && key.starts_with("AAAA")
        }
        _ => false,
    })
}

fn is_jwk(text: &str) -> bool {
    let object = json::object(text.trim_start_matches('\u{feff}').as_bytes());
    object.is_some_and(|members| members.get("kty").is_some() || members.get("keys").is_some())
}

/// The form of RFC 4253, section 6.6: the length of the kind, and the kind.
fn is_ssh(bytes: &[u8]) -> bool {
    let [0, 0, 0, length, rest @ ..] = bytes else {
        return false;
    };
    let kind = rest.get(..usize::from(*length)).unwrap_or_default();
    SSH_KINDS
        .iter()
        .any(|start| kind.starts_with(start.as_bytes()))
}

/// A `SubjectPublicKeyInfo`, certificate or PKCS #8 (a sequence that begins with a
/// sequence, or with a small integer and a sequence), or PKCS #1 (a sequence that
/// begins with a modulus). Nothing may follow.
fn is_der(bytes: &[u8]) -> bool {
    let Some((SEQUENCE, content, [])) = element(bytes) else {
        return false;
    };
    match element(content) {
        Some((SEQUENCE, inner, _)) => element(inner).is_some(),
        Some((INTEGER, number, _)) if MODULUS_BYTES_MIN <= number.len() => true,
        Some((INTEGER, _, rest)) => {
            element(rest).is_some_and(|(_, _, after)| after.is_empty() || element(after).is_some())
        }
        _ => false,
    }
}

/// Splits DER into the first element's tag and content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        // The low bits say how many bytes of length follow.
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if length.is_empty() || 4 < length.len() {
            return None;
        }
        let fold = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
        (length.iter().fold(0, fold), rest)
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((*tag, content, after))
}
