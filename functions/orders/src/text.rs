//! Free text of a bounded length.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 1 to `CHARACTERS_MAX` characters, without control characters.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Text<const CHARACTERS_MAX: usize>(String);

/// The text is empty, too long, or contains a control character.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
#[error("must have 1 to {0} characters and no control characters")]
pub(crate) struct TextError(usize);

impl<const CHARACTERS_MAX: usize> Text<CHARACTERS_MAX> {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const CHARACTERS_MAX: usize> FromStr for Text<CHARACTERS_MAX> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let fits = (1..=CHARACTERS_MAX).contains(&text.chars().count());
        if !fits || text.chars().any(char::is_control) {
            return Err(TextError(CHARACTERS_MAX));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_not_bytes() {
        assert!("é".repeat(200).parse::<Text<200>>().is_ok());
        assert!("é".repeat(201).parse::<Text<200>>().is_err());
        assert!("".parse::<Text<200>>().is_err());
        assert!("a\nb".parse::<Text<200>>().is_err());
    }
}
