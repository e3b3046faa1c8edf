//! Derives two things from a request: the name of its decision, and its fingerprint.
//!
//! Both are SHA-256 over length-prefixed fields, so that no two different
//! lists of fields give the same bytes ("ab", "c" and "a", "bc" do not).

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use sha2::{Digest as _, Sha256};

use crate::item::{Item, number_of, text_of};
use crate::key::IdempotencyKey;

/// The attribute that holds a record's fingerprint.
pub const FINGERPRINT: &str = "fingerprint";

/// The attribute that holds the version of the record's fingerprint.
pub const FINGERPRINT_VERSION: &str = "fingerprint_version";

/// How many characters of base32 name a decision: 130 bits.
pub const NAME_CHARACTERS: usize = 26;

const NAME_VERSION: &str = "v1";

/// A digest of what a request asks for: 43 characters, the same for equal requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of the fields of a canonical request.
    pub fn of<'field>(fields: impl IntoIterator<Item = &'field [u8]>) -> Self {
        Self(BASE64URL_NOPAD.encode(&digest(fields)))
    }

    /// The text, as records store it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request's fingerprint under each version that records may carry.
///
/// A record keeps the version that it was written with. A later release computes
/// a repeat's fingerprint under that version, so it never takes a repeat for
/// another request.
pub trait Fingerprints {
    /// The fingerprint under a version, or `None` if this release does not know it.
    fn fingerprint(&self, version: i64) -> Option<Fingerprint>;
}

/// Names the decision about one attempt: 26 characters of lower-case base32.
///
/// The same issuer, subject, route and key give the same name. Any other
/// combination gives another name. So the name can be the record's primary key.
pub fn decision_name(issuer: &str, sub: &str, route: &str, key: &IdempotencyKey) -> String {
    let fields = [NAME_VERSION, issuer, sub, route, key.as_str()];
    let mut name = BASE32_NOPAD.encode(&digest(fields.map(str::as_bytes)));
    name.truncate(NAME_CHARACTERS);
    name.make_ascii_lowercase();
    name
}

/// A short digest of one value, for use within a primary key.
pub fn value_digest(value: &str) -> String {
    BASE64URL_NOPAD.encode(&digest([NAME_VERSION.as_bytes(), value.as_bytes()]))
}

/// Whether a request of these fingerprints made the record.
///
/// `None` if this release does not know the record's version: a newer one wrote it.
pub(crate) fn made_by(record: &Item, fingerprints: &impl Fingerprints) -> Option<bool> {
    let version = number_of(record, FINGERPRINT_VERSION)?;
    let ours = fingerprints.fingerprint(version)?;
    Some(text_of(record, FINGERPRINT) == Some(ours.as_str()))
}

fn digest<'field>(fields: impl IntoIterator<Item = &'field [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(issuer: &str, sub: &str, route: &str, key: &str) -> String {
        decision_name(issuer, sub, route, &key.parse().unwrap())
    }

    #[test]
    fn a_name_is_the_same_for_the_same_attempt_in_every_release() {
        // A change of this text would make every repeat a new order.
        assert_eq!(
            name_of("local", "demo", "POST /orders", "key-1"),
            "53zaozrxjwrbe3esukwq35o63c"
        );
    }

    #[test]
    fn a_values_digest_is_the_same_in_every_release() {
        let digest = value_digest("pay_1");
        assert_eq!(digest, "E6LAElVx9_OxT8U92sNxBYAH3Pzq9U44BKKD5R2Br8E");
        assert_ne!(digest, value_digest("pay_2"));
    }

    #[test]
    fn every_part_of_an_attempt_changes_its_name() {
        let one = name_of("local", "demo", "POST /orders", "1");
        assert_ne!(one, name_of("other", "demo", "POST /orders", "1"));
        assert_ne!(one, name_of("local", "dem", "POST /orders", "1"));
        assert_ne!(one, name_of("local", "demo", "POST /products/A/stock", "1"));
        assert_ne!(one, name_of("local", "demo", "POST /orders", "2"));
    }

    #[test]
    fn a_character_that_moves_from_one_field_to_the_next_changes_the_name() {
        assert_ne!(name_of("ab", "c", "r", "k"), name_of("a", "bc", "r", "k"));
        let parts = |fields: &[&'static str]| Fingerprint::of(fields.iter().map(|f| f.as_bytes()));
        assert_ne!(parts(&["1", "", "2"]), parts(&["1", "2"]));
        assert_ne!(parts(&["12"]), parts(&["1", "2"]));
    }
}
