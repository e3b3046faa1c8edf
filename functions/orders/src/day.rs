//! The days of orders: the index by which staff list what was placed on a day.
//!
//! A partition of an index takes 1,000 writes a second. The orders of one day are
//! spread over several partitions, so that they do not wait for each other.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::moment::Moment;

/// The index of orders by day.
pub const BY_DAY: &str = "by_day";

/// Over how many index partitions the orders of one day are spread.
pub(crate) const DAY_SHARDS: u32 = 32;

/// In which of these ordinary orders are: the first ones. The release before reads only
/// these.
pub(crate) const DAY_SHARDS_OF_ORDINARY: u32 = 8;

/// A day in UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Day(Date);

/// The text is not a day.
#[derive(Clone, Copy, Debug, thiserror::Error, Eq, PartialEq)]
#[error("must be a day in UTC, such as 2026-11-26")]
pub(crate) struct DayError;

impl Day {
    /// The name of an index partition of this day.
    pub(crate) fn shard(self, number: u32) -> String {
        format!("DAY#{self}#{number}")
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let day: Date = text.parse().map_err(|_| DayError)?;
        // The library reads more forms than this one.
        let same = day.to_string() == text;
        same.then_some(Self(day)).ok_or(DayError)
    }
}

/// The index partition, among so many, of an order that was placed then.
pub(crate) fn shard_of(id: &str, placed: Moment, partitions: u32) -> String {
    let day = Day(TimeZone::UTC.to_datetime(placed.timestamp()).date());
    let sum: u32 = id.bytes().map(u32::from).sum();
    day.shard(sum % partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_form() {
        assert!("2026-11-26".parse::<Day>().is_ok());
        assert!("2028-02-29".parse::<Day>().is_ok());
        for bad in [
            "",
            "2026-11-31",
            "2026-02-29",
            "20261126",
            "2026-11-26T00:00:00Z",
            "2026-1-2",
            " 2026-11-26",
            "+002026-11-26",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_order_is_in_the_partition_of_its_day_in_utc() {
        let id = "ord_abcdefghijklmnopqrstuvwxyz";
        // 2026-11-22 in UTC, and the 21st or the 23rd elsewhere.
        for (millis, day) in [
            (1_795_305_600_000, "2026-11-22"),
            (1_795_391_999_999, "2026-11-22"),
            (1_795_392_000_000, "2026-11-23"),
        ] {
            let shard = shard_of(id, Moment::from_millis(millis), DAY_SHARDS);
            assert!(shard.starts_with(&format!("DAY#{day}#")), "{shard}");
        }
    }
}
