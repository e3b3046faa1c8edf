//! The length of an alarm's minute. A demonstration makes it shorter, so that alarms change sooner.

use jiff::Timestamp;

/// Milliseconds of a minute at speed 1.
const MINUTE_MILLISECONDS: i64 = 60_000;

/// How many alarm minutes pass in a minute. At 60, an alarm's minute takes a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    speed: u32,
}

impl Pace {
    /// The pace of CloudWatch.
    pub const REAL: Self = Self { speed: 1 };
    /// The highest speed: a minute takes a tenth of a second.
    pub const SPEED_MAX: u32 = 600;

    /// A pace of this speed, from 1 to [`Pace::SPEED_MAX`].
    pub const fn new(speed: u32) -> Option<Self> {
        if speed == 0 || Self::SPEED_MAX < speed {
            return None;
        }
        Some(Self { speed })
    }

    /// The speed.
    pub const fn speed(self) -> u32 {
        self.speed
    }

    /// The number of the alarm minute that a time is in.
    pub fn minute(self, at: Timestamp) -> i64 {
        let scaled = i128::from(at.as_millisecond()) * i128::from(self.speed);
        i64::try_from(scaled.div_euclid(i128::from(MINUTE_MILLISECONDS))).unwrap_or(i64::MAX)
    }

    /// When an alarm minute begins.
    pub fn begin(self, minute: i64) -> Timestamp {
        let milliseconds = i128::from(minute) * i128::from(MINUTE_MILLISECONDS);
        // Rounded up, so that `minute(begin(n))` is `n`.
        let real = -(-milliseconds).div_euclid(i128::from(self.speed));
        let real = i64::try_from(real).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(real).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_begins_in_itself_at_every_speed() {
        for speed in [1, 7, 60, 600] {
            let pace = Pace::new(speed).unwrap();
            for minute in [0, 1, 59, 29_920_000 * i64::from(speed)] {
                let begin = pace.begin(minute);
                assert_eq!(pace.minute(begin), minute, "speed {speed}");
                let before = begin - jiff::SignedDuration::from_millis(1);
                assert_eq!(pace.minute(before), minute - 1, "speed {speed}");
            }
        }
        assert_eq!(Pace::new(0), None);
        assert_eq!(Pace::new(601), None);
    }

    #[test]
    fn at_speed_60_a_minute_takes_a_second() {
        let pace = Pace::new(60).unwrap();
        let at: Timestamp = "2026-11-26T20:00:00Z".parse().unwrap();
        let later = at + jiff::SignedDuration::from_secs(1);
        assert_eq!(pace.minute(later), pace.minute(at) + 1);
    }
}
