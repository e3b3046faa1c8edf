//! A moment in whole milliseconds: as the table stores it, and as clients see it.

use std::fmt;
use std::num::ParseIntError;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many digits a stored moment has, so that text order is time order.
const DIGITS: usize = 15;

/// Whether a text has the form in which the table stores a moment.
pub(crate) fn is_stored(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A moment in whole milliseconds since 1970, and never before 1970.
///
/// The table stores 15 digits, which an index sorts as text. Clients see RFC 3339
/// with three decimals, which `Display` writes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Moment(i64);

impl Moment {
    /// The moment a number of milliseconds after 1970 began.
    #[cfg(test)]
    pub(crate) const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment as the table stores it.
    pub(crate) fn stored(self) -> String {
        format!("{:0DIGITS$}", self.0)
    }

    /// Reads a moment as the table stores it.
    ///
    /// # Errors
    /// The text is not a number.
    pub(crate) fn from_stored(digits: &str) -> Result<Self, ParseIntError> {
        digits.parse().map(Self)
    }

    /// The moment a number of seconds later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0 + seconds * 1_000)
    }

    /// The moment as a timestamp.
    pub(crate) fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::MAX)
    }

    /// Whole seconds since 1970, as DynamoDB's TTL needs them.
    pub(crate) const fn seconds(self) -> i64 {
        self.0 / 1_000
    }

    /// How long ago `earlier` was.
    pub(crate) const fn since(self, earlier: Self) -> SignedDuration {
        SignedDuration::from_millis(self.0 - earlier.0)
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_millisecond().max(0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.3}", self.timestamp())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.stored())
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        Self::from_stored(&digits).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse::<Timestamp>().unwrap().into()
    }

    #[test]
    fn clients_see_a_moment_with_three_decimals_even_when_they_are_zero() {
        assert_eq!(
            moment("2026-11-22T04:05:06.789Z").to_string(),
            "2026-11-22T04:05:06.789Z"
        );
        assert_eq!(
            moment("2026-11-22T04:05:06Z").to_string(),
            "2026-11-22T04:05:06.000Z"
        );
    }

    #[test]
    fn stored_moments_sort_as_time_does() {
        let earlier = moment("1999-01-01T00:00:00Z");
        let later = moment("2286-11-20T17:46:40Z");
        assert!(earlier.stored() < later.stored());
        assert_eq!(earlier.stored().len(), later.stored().len());
    }

    #[test]
    fn a_time_to_live_is_in_seconds() {
        assert_eq!(moment("2026-11-22T04:05:06.789Z").seconds(), 1_795_320_306);
    }
}
