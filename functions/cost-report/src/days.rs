//! Which days a report is about. Cost Explorer's days are days in UTC.
//!
//! ```text
//!  first                                  ┌── mean of 7 ──┐  last complete
//!  ├──────────────── 62 days ─────────────┼───────────────┼──────┬─────────┬───────
//!  today − 62                             −9             −3     −2  yesterday  today
//! ```
//! Yesterday's costs still grow during today, and today has hardly any. So the last complete day is the
//! day before yesterday, and no answer contains today: the forecast begins with it.

use jiff::ToSpan as _;
use jiff::civil::Date;

/// The days that are asked for: enough for two whole months, whatever their lengths.
const DAYS_ASKED: i32 = 62;
/// The days of the mean.
const DAYS_OF_MEAN: i32 = 7;
/// How long ago an anomaly may have ended.
const DAYS_OF_ANOMALIES: i32 = 14;
/// The days of the picture.
pub(crate) const DAYS_DRAWN: i32 = 30;

/// The days from `start` until the day before `end`, as AWS writes them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Period {
    pub(crate) start: Date,
    pub(crate) end: Date,
}

impl Period {
    pub(crate) fn contains(self, day: Date) -> bool {
        self.start <= day && day < self.end
    }

    pub(crate) fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The number of its days.
    pub(crate) fn len(self) -> i32 {
        self.start
            .until(self.end)
            .map_or(0, |span| span.get_days())
            .max(0)
    }

    pub(crate) fn days(self) -> impl Iterator<Item = Date> {
        self.start
            .series(1.day())
            .take_while(move |day| *day < self.end)
    }

    /// The last day.
    pub(crate) fn last(self) -> Date {
        before(self.end, 1)
    }
}

/// The days of one report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Days {
    /// The day of the report, in UTC.
    pub(crate) today: Date,
}

impl Days {
    pub(crate) const fn of(today: Date) -> Self {
        Self { today }
    }

    /// All days that are asked for.
    pub(crate) fn asked(self) -> Period {
        Period {
            start: before(self.today, DAYS_ASKED),
            end: self.today,
        }
    }

    pub(crate) fn yesterday(self) -> Date {
        before(self.today, 1)
    }

    pub(crate) fn last_complete(self) -> Date {
        before(self.today, 2)
    }

    /// The seven days before the last complete one.
    pub(crate) fn of_mean(self) -> Period {
        let end = self.last_complete();
        Period {
            start: before(end, DAYS_OF_MEAN),
            end,
        }
    }

    /// The month until yesterday. On the first day of a month, that is the whole month before.
    pub(crate) fn month(self) -> Period {
        Period {
            start: self.yesterday().first_of_month(),
            end: self.today,
        }
    }

    /// As many days of the month before, or all of it if it is shorter. A whole month is compared with a
    /// whole month.
    pub(crate) fn month_before(self) -> Period {
        let month = self.month();
        let start = before(month.start, 1).first_of_month();
        let whole = Period {
            start,
            end: month.start,
        };
        if self.is_first_of_month() || whole.len() <= month.len() {
            return whole;
        }
        let end = start.saturating_add(month.len().days());
        Period { start, end }
    }

    /// From today until the end of today's month.
    pub(crate) fn rest_of_month(self) -> Period {
        let last = self.today.last_of_month();
        Period {
            start: self.today,
            end: last.saturating_add(1.day()),
        }
    }

    /// The days of today's month that are over. Empty on its first day.
    pub(crate) fn over_in_month(self) -> Period {
        Period {
            start: self.today.first_of_month(),
            end: self.today,
        }
    }

    /// The days within which anomalies are told.
    pub(crate) fn of_anomalies(self) -> Period {
        Period {
            start: before(self.today, DAYS_OF_ANOMALIES),
            end: self.today,
        }
    }

    /// The days of the picture.
    pub(crate) fn drawn(self) -> Period {
        Period {
            start: before(self.today, DAYS_DRAWN),
            end: self.today,
        }
    }

    pub(crate) fn is_first_of_month(self) -> bool {
        self.today.day() == 1
    }
}

/// The day so many days earlier.
fn before(day: Date, days: i32) -> Date {
    day.saturating_sub(days.days())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(start: &str, end: &str) -> Period {
        let read = |text: &str| text.parse().unwrap();
        Period {
            start: read(start),
            end: read(end),
        }
    }

    fn on(today: &str) -> Days {
        Days::of(today.parse().unwrap())
    }

    #[test]
    fn in_the_middle_of_a_month_the_same_days_of_two_months_are_compared() {
        let days = on("2026-11-26");
        assert_eq!(days.asked(), period("2026-09-25", "2026-11-26"));
        assert_eq!(days.of_mean(), period("2026-11-17", "2026-11-24"));
        assert_eq!(days.month(), period("2026-11-01", "2026-11-26"));
        assert_eq!(days.month_before(), period("2026-10-01", "2026-10-26"));
        assert_eq!(days.rest_of_month(), period("2026-11-26", "2026-12-01"));
        assert_eq!(days.drawn().len(), DAYS_DRAWN);
    }

    #[test]
    fn on_the_first_day_two_whole_months_are_compared() {
        let days = on("2026-12-01");
        assert_eq!(days.month(), period("2026-11-01", "2026-12-01"));
        assert_eq!(days.month_before(), period("2026-10-01", "2026-11-01"));
        assert_eq!(days.rest_of_month(), period("2026-12-01", "2027-01-01"));
        assert!(days.over_in_month().is_empty());
    }

    #[test]
    fn on_the_last_day_the_forecast_is_for_one_day() {
        let days = on("2026-11-30");
        assert_eq!(days.month(), period("2026-11-01", "2026-11-30"));
        assert_eq!(days.rest_of_month(), period("2026-11-30", "2026-12-01"));
    }

    #[test]
    fn a_leap_day_is_a_day_like_others() {
        let days = on("2028-02-29");
        assert_eq!(days.month(), period("2028-02-01", "2028-02-29"));
        assert_eq!(days.rest_of_month(), period("2028-02-29", "2028-03-01"));
        let days = on("2028-03-01");
        assert_eq!(days.month(), period("2028-02-01", "2028-03-01"));
        assert_eq!(days.month().len(), 29);
        assert_eq!(days.month_before(), period("2028-01-01", "2028-02-01"));
        // A month that is longer than the one before is compared with all of it.
        let days = on("2028-03-31");
        assert_eq!(days.month_before(), period("2028-02-01", "2028-03-01"));
    }

    #[test]
    fn the_days_that_are_asked_for_always_contain_both_months() {
        let start: Date = "2026-01-01".parse().unwrap();
        for today in start.series(1.day()).take(2_000) {
            let days = Days::of(today);
            assert!(days.asked().start <= days.month_before().start, "{today}");
            assert!(!days.month().is_empty() && !days.month_before().is_empty());
            assert!(days.asked().start <= days.drawn().start);
            let forecast = days.rest_of_month();
            assert!(!forecast.contains(days.yesterday()) && forecast.contains(today));
        }
    }
}
