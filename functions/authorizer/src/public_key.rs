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

#[cfg(test)]
mod tests {
    use super::*;

    /// A DER element with a length of one byte.
    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 0x80);
        [&[tag, length], content].concat()
    }

    #[test]
    fn each_form_of_a_key_in_der_is_recognized() {
        let number = |bytes: usize| der(INTEGER, &vec![1; bytes]);
        let inner = der(SEQUENCE, &[5, 0]);
        // SubjectPublicKeyInfo: an algorithm, and the key's bits.
        assert!(is_der(&der(
            SEQUENCE,
            &[inner.clone(), der(3, &[0])].concat()
        )));
        // PKCS #8: a version, an algorithm, and the key.
        let pkcs8 = [number(1), inner.clone(), der(4, &[7])].concat();
        assert!(is_der(&der(SEQUENCE, &pkcs8)));
        assert!(is_der(&der(SEQUENCE, &[number(1), inner].concat())));
        // PKCS #1: a modulus and an exponent, or at least the modulus.
        let modulus = number(MODULUS_BYTES_MIN);
        assert!(is_der(&der(
            SEQUENCE,
            &[modulus.clone(), number(3)].concat()
        )));
        assert!(is_der(&der(SEQUENCE, &modulus)));
    }

    #[test]
    fn what_only_begins_like_der_is_no_key() {
        let number = der(INTEGER, &[5]);
        assert!(!is_der(&der(SEQUENCE, &number)));
        let short = der(INTEGER, &[1; MODULUS_BYTES_MIN - 1]);
        assert!(!is_der(&der(SEQUENCE, &short)));
        // Something after the whole, or an element that is cut off.
        let key = der(SEQUENCE, &[number.clone(), number.clone()].concat());
        assert!(is_der(&key));
        assert!(!is_der(&[key.as_slice(), &[0]].concat()));
        assert!(!is_der(&der(
            SEQUENCE,
            &[number.as_slice(), &[INTEGER, 1, 1, 9]].concat()
        )));
        assert!(!is_der(&der(SEQUENCE, &der(SEQUENCE, &[]))));
        assert!(!is_der(&der(0x31, &[number.clone(), number].concat())));
    }

    #[test]
    fn a_length_has_one_byte_or_up_to_four_more() {
        let inner = der(SEQUENCE, &[5, 0]);
        let with = |length: &[u8]| [&[SEQUENCE], length, inner.as_slice()].concat();
        let bytes = u8::try_from(inner.len()).unwrap();
        assert!(is_der(&with(&[0x81, bytes])));
        assert!(is_der(&with(&[0x84, 0, 0, 0, bytes])));
        assert!(!is_der(&with(&[0x85, 0, 0, 0, 0, bytes])));
        // BER's indefinite length.
        let mut indefinite = with(&[0x80]);
        indefinite.resize(2 + 0x80, 0);
        assert!(!is_der(&indefinite));
        assert_eq!(element(&[4, 0x82, 1, 2]), None);
        let long = [[4, 0x82, 1, 2].as_slice(), &[9; 0x102], &[8]].concat();
        assert_eq!(
            element(&long),
            Some((4, [9; 0x102].as_slice(), [8].as_slice()))
        );
    }

    #[test]
    fn a_kind_of_key_and_a_key_must_stand_together() {
        assert!(is_key_text(b"ssh-rsa AAAAB3NzaC1yc2E"));
        assert!(!is_key_text(b"ssh-rsa keys are long"));
        assert!(!is_key_text(b"a secret AAAAB3NzaC1yc2E"));
    }
}
