//! Decides an alarm's state from its data points, by CloudWatch's rules for missing data.
//!
//! Source: "Configuring how CloudWatch alarms treat missing data", Amazon CloudWatch User Guide.

use std::fmt;

/// An alarm's state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// The metric is within the threshold.
    Ok,
    /// The metric is outside the threshold.
    Alarm,
    /// The alarm is new, or too little is known.
    InsufficientData,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        })
    }
}

/// What an alarm makes of a period without data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// Only real data points count.
    Missing,
    /// The state stays as it is.
    Ignore,
    /// It counts as outside the threshold.
    Breaching,
    /// It counts as within the threshold.
    NotBreaching,
}

/// A data point, compared with the threshold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Point {
    /// There is no data.
    Missing,
    /// It is within the threshold.
    Within,
    /// It is outside the threshold.
    Breaching,
}

/// The state that follows from the data points.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// This state.
    State(State),
    /// The state that the alarm has.
    Retain,
}

/// How many more periods than it evaluates an alarm looks at, in case data is missing.
pub(crate) const EXTRA_PERIODS: usize = 2;

/// Decides from the data points of the evaluation range, the oldest first. `periods` is N and
/// `to_alarm` is M of "M out of N".
pub fn judge(points: &[Point], periods: usize, to_alarm: usize, missing: Missing) -> Verdict {
    let breaching = |points: &[Point]| {
        let breaching = points.iter().filter(|point| **point == Point::Breaching);
        breaching.count()
    };
    let state = |alarm| Verdict::State(if alarm { State::Alarm } else { State::Ok });
    let real: Vec<Point> = points
        .iter()
        .copied()
        .filter(|point| *point != Point::Missing)
        .collect();
    // With enough real data points, the newest of them decide.
    if let Some(newest) = real.len().checked_sub(periods) {
        let newest = real.get(newest..).unwrap_or_default();
        return state(to_alarm <= breaching(newest));
    }
    let filled = periods - real.len();
    match missing {
        Missing::Breaching => state(to_alarm <= breaching(&real) + filled),
        Missing::NotBreaching => state(to_alarm <= breaching(&real)),
        Missing::Missing if real.is_empty() => Verdict::State(State::InsufficientData),
        Missing::Ignore if real.is_empty() => Verdict::Retain,
        // A data point within the threshold is enough for OK, as long as too few are outside.
        Missing::Missing | Missing::Ignore if real.contains(&Point::Within) => {
            state(to_alarm <= breaching(&real))
        }
        // Only data points outside the threshold, and too few.
        Missing::Ignore => Verdict::Retain,
        // The alarm waits until the oldest of them is M periods old: the next one may be within.
        Missing::Missing => {
            let oldest = points.iter().position(|point| *point == Point::Breaching);
            let age = points.len() - oldest.unwrap_or(points.len());
            if to_alarm <= age {
                Verdict::State(State::Alarm)
            } else {
                // The page's earlier edition has a row for this; its present one has none.
                Verdict::State(State::InsufficientData)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(text: &str) -> Vec<Point> {
        let point = |character| match character {
            '0' => Point::Within,
            'X' => Point::Breaching,
            '-' => Point::Missing,
            other => panic!("{other}"),
        };
        text.split(' ')
            .map(|part| point(part.chars().next().unwrap()))
            .collect()
    }

    /// A row of the page: the state for MISSING, IGNORE, BREACHING and NOT BREACHING.
    #[track_caller]
    fn check(to_alarm: usize, data: &str, expected: [&str; 4]) {
        let treatments = [
            Missing::Missing,
            Missing::Ignore,
            Missing::Breaching,
            Missing::NotBreaching,
        ];
        for (missing, expected) in treatments.into_iter().zip(expected) {
            let verdict = match judge(&points(data), 3, to_alarm, missing) {
                Verdict::Retain => "retain".to_owned(),
                Verdict::State(state) => state.to_string(),
            };
            assert_eq!(verdict, expected, "{to_alarm} of 3, {data}, {missing:?}");
        }
    }

    const NO_DATA: &str = "INSUFFICIENT_DATA";

    #[test]
    fn the_first_table_of_the_page_three_of_three() {
        check(3, "0 - X - X", ["OK", "OK", "OK", "OK"]);
        check(3, "0 - - - -", ["OK", "OK", "OK", "OK"]);
        check(3, "- - - - -", [NO_DATA, "retain", "ALARM", "OK"]);
        check(3, "0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        check(3, "- - X - -", ["ALARM", "retain", "ALARM", "OK"]);
    }

    #[test]
    fn the_second_table_of_the_page_two_of_three() {
        check(2, "0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        check(2, "0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]);
        check(2, "0 - X - -", ["OK", "OK", "ALARM", "OK"]);
        check(2, "- - - - 0", ["OK", "OK", "ALARM", "OK"]);
        check(2, "- - - X -", ["ALARM", "retain", "ALARM", "OK"]);
    }

    #[test]
    fn an_alarm_waits_before_it_believes_lone_data_points() {
        // The section "Avoiding premature transitions to alarm state".
        check(3, "- - - - X", [NO_DATA, "retain", "ALARM", "OK"]);
        check(3, "- - - X -", [NO_DATA, "retain", "ALARM", "OK"]);
        check(3, "- - - X 0", ["OK", "OK", "OK", "OK"]);
        check(3, "- - X - 0", ["OK", "OK", "OK", "OK"]);
    }

    #[test]
    fn an_old_data_point_decides_while_newer_ones_are_missing() {
        // One of one: the last data point counts for two more periods.
        let one = |data| judge(&points(data), 1, 1, Missing::NotBreaching);
        assert_eq!(one("0 0 X"), Verdict::State(State::Alarm));
        assert_eq!(one("X - -"), Verdict::State(State::Alarm));
        assert_eq!(one("X - 0"), Verdict::State(State::Ok));
        assert_eq!(one("- - -"), Verdict::State(State::Ok));
    }
}
