//! The idempotency key: a client's name for one attempt.

use std::str::FromStr;

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;

/// A client's name for one attempt: 1 to 255 visible ASCII characters, none of them a comma.
///
/// Servers join two header lines of one name with a comma. So a key with a comma may be one key,
/// sent twice. Quotes are part of the key: a server that took them off would make another key of
/// it than the release before.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IdempotencyKey(String);

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
pub enum IdempotencyKeyError {
    /// It has no characters.
    #[error("the Idempotency-Key is empty")]
    Empty,
    /// It has more than [`KEY_BYTES_MAX`] characters.
    #[error("the Idempotency-Key is longer than {KEY_BYTES_MAX} characters")]
    TooLong,
    /// This byte is not a visible ASCII character.
    #[error(
        "the Idempotency-Key holds the byte 0x{0:02x}; only visible ASCII characters are allowed"
    )]
    Character(u8),
    /// It has a comma: the header may have been sent twice.
    #[error("the Idempotency-Key holds a comma: send the header once, with a key without a comma")]
    Comma,
}

impl IdempotencyKey {
    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&[u8]> for IdempotencyKey {
    type Error = IdempotencyKeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        if bytes.is_empty() {
            return Err(IdempotencyKeyError::Empty);
        }
        if KEY_BYTES_MAX < bytes.len() {
            return Err(IdempotencyKeyError::TooLong);
        }
        if bytes.contains(&b',') {
            return Err(IdempotencyKeyError::Comma);
        }
        match bytes.iter().find(|byte| !byte.is_ascii_graphic()) {
            Some(byte) => Err(IdempotencyKeyError::Character(*byte)),
            None => Ok(Self(bytes.iter().copied().map(char::from).collect())),
        }
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), IdempotencyKeyError>) {
        assert_eq!(text.parse::<IdempotencyKey>().map(|_| ()), expected);
    }

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters_without_a_comma() {
        check("", Err(IdempotencyKeyError::Empty));
        check("a", Ok(()));
        check("!~", Ok(()));
        check(&"k".repeat(255), Ok(()));
        check(&"k".repeat(256), Err(IdempotencyKeyError::TooLong));
        check("\"a\"", Ok(()));
        check("a,a", Err(IdempotencyKeyError::Comma));
        check("a, a", Err(IdempotencyKeyError::Comma));
        check("a b", Err(IdempotencyKeyError::Character(b' ')));
        check("a\u{7f}", Err(IdempotencyKeyError::Character(0x7f)));
        check("é", Err(IdempotencyKeyError::Character(0xc3)));
    }
}
