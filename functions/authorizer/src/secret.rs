//! Reads HMAC keys from a secret's value: a JSON list, or a plain string.

use jiff::Timestamp;
use serde::de::IgnoredAny;
use shared::json::{Json, Object};

use crate::header::is_kid;
use crate::json;
use crate::keys::{Key, KeySet, KeySetError, Kid};
use crate::public_key::{decode, is_public_key};

/// Why a public key is refused.
pub(crate) const PUBLIC: &str =
    "the secret is a public key, a private key or a certificate: use random bytes";

impl KeySet {
    /// Reads a secret's value: `{"keys": [{"kid", "secret" (base64)}]}`, or a
    /// plain string whose UTF-8 bytes are the key.
    ///
    /// # Errors
    /// Why the value is unusable: a key is shorter than `bytes_min`, for example,
    /// or is a public key.
    pub fn from_secret(value: &str, bytes_min: usize) -> Result<Self, KeySetError> {
        read(value, bytes_min, None).map(Self::new)
    }
}

/// Reads one version of a secret. Without `valid_until` its keys do not expire.
pub(crate) fn read(
    value: &str,
    bytes_min: usize,
    valid_until: Option<Timestamp>,
) -> Result<Vec<Key>, KeySetError> {
    if !is_json_object(value) {
        let bytes = value.as_bytes();
        check(bytes, bytes_min)?;
        return Ok(vec![Key::shared(bytes, Kid::Any, valid_until)]);
    }
    let members = json::object(value.as_bytes())
        .ok_or_else(|| KeySetError::new("the secret's JSON repeats a member or nests too deep"))?;
    let Some(Json::Array(entries)) = members.get("keys") else {
        return Err(KeySetError::new(
            "the secret is a JSON object without a list of `keys`",
        ));
    };
    if entries.is_empty() {
        return Err(KeySetError::new("the secret's list of `keys` is empty"));
    }
    let mut keys: Vec<Key> = Vec::with_capacity(entries.len());
    for entry in entries {
        let Json::Object(entry) = entry else {
            return Err(KeySetError::new(
                "an entry of the secret's `keys` is not an object",
            ));
        };
        let key = named(entry, bytes_min, valid_until)?;
        if keys.iter().any(|other| other.kid == key.kid) {
            return Err(KeySetError::new("the secret has two keys with the same id"));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// A generated password may begin with a brace, but it is not a JSON object.
fn is_json_object(value: &str) -> bool {
    value.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(value).is_ok()
}

fn named(
    entry: &Object<'_>,
    bytes_min: usize,
    valid_until: Option<Timestamp>,
) -> Result<Key, KeySetError> {
    let text = |name: &str| entry.get(name).and_then(Json::as_str);
    let kid = text("kid")
        .filter(|kid| is_kid(kid))
        .ok_or_else(|| KeySetError::new("an entry of the secret's `keys` has no valid `kid`"))?;
    let secret = text("secret").and_then(decode).ok_or_else(|| {
        KeySetError::new("an entry of the secret's `keys` has no base64 `secret`")
    })?;
    check(&secret, bytes_min)?;
    Ok(Key::shared(
        &secret,
        Kid::Exactly(Some(kid.to_owned())),
        valid_until,
    ))
}

fn check(secret: &[u8], bytes_min: usize) -> Result<(), KeySetError> {
    if is_public_key(secret) {
        return Err(KeySetError::new(PUBLIC));
    }
    if bytes_min <= secret.len() {
        return Ok(());
    }
    Err(KeySetError::new(format!(
        "the secret's key has {} bytes, but its algorithm needs at least {bytes_min}",
        secret.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 01234567890123456789012345678901 | base64`
    const SECRET: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    #[track_caller]
    fn check_value(value: &str, expected: Result<usize, &str>) {
        let read = KeySet::from_secret(value, 32)
            .map(|keys| keys.len())
            .map_err(|error| error.to_string());
        match expected {
            Ok(count) => assert_eq!(read, Ok(count), "{value}"),
            Err(words) => assert!(
                read.clone().is_err_and(|text| text.contains(words)),
                "{read:?}"
            ),
        }
    }

    #[test]
    fn a_plain_string_is_one_key() {
        check_value("0123456789012345678901234567890!", Ok(1));
        check_value("{23456789012345678901234567890!}", Ok(1));
        check_value("", Err("has 0 bytes"));
        check_value("0123456789012345678901234567890", Err("has 31 bytes"));
    }

    #[test]
    fn a_list_holds_ids_and_base64_in_either_alphabet() {
        let list = |entries: &str| format!(r#"{{"keys": [{entries}]}}"#);
        let entry =
            |kid: &str, secret: &str| format!(r#"{{"kid": "{kid}", "secret": "{secret}"}}"#);
        let unpadded = SECRET.trim_end_matches('=');
        check_value(&list(&entry("a", SECRET)), Ok(1));
        check_value(
            &list(&[entry("a", SECRET), entry("b", unpadded)].join(",")),
            Ok(2),
        );
        check_value(&list(&entry("a", &"-_".repeat(32))), Ok(1));
        check_value(&list(&entry("a", &"+/".repeat(32))), Ok(1));
        check_value(&list(""), Err("empty"));
        check_value(&list("1"), Err("not an object"));
        check_value(&list(&entry("a b", SECRET)), Err("`kid`"));
        check_value(&list(&entry("a", "!")), Err("base64"));
        check_value(&list(&entry("a", "MDEy")), Err("has 3 bytes"));
        check_value(
            &list(&[entry("a", SECRET), entry("a", SECRET)].join(",")),
            Err("same id"),
        );
        check_value(
            r#"{"password": "01234567890123456789012345678901"}"#,
            Err("without a list"),
        );
        check_value(r#"{"keys": [], "keys": [1]}"#, Err("repeats"));
    }
}
