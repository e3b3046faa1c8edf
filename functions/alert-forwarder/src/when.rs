//! Reads times in the forms that AWS services write.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use crate::event::Moment;

/// The range of accepted times, 1970 to 2100. Discord shows no time outside of it, and AWS reports none.
const SECONDS: std::ops::RangeInclusive<i64> = 0..=4_102_444_800;

/// Reads a time: ISO 8601 with `Z`, `+0000` or `+00:00` and up to nanoseconds, RFC 2822 (AWS Health), or
/// the form of `date` (CodeDeploy). A text that cannot be read is kept.
pub(crate) fn moment(text: Option<&str>) -> Moment {
    let text = text.map(str::trim).unwrap_or_default();
    if text.is_empty() {
        return Moment::Unknown;
    }
    parse(text).map_or_else(|| Moment::Unreadable(text.to_owned()), Moment::At)
}

/// The time that is so many milliseconds after 1970.
pub(crate) fn millis(number: Option<i64>) -> Moment {
    number
        .filter(|number| seconds_are_plausible(number / 1_000))
        .and_then(|number| Timestamp::from_millisecond(number).ok())
        .map_or(Moment::Unknown, Moment::At)
}

/// Whether a number can be seconds since 1970 in something that AWS reports: from 2001 to 2100.
pub(crate) fn seconds_are_plausible(seconds: i64) -> bool {
    (1_000_000_000..=*SECONDS.end()).contains(&seconds)
}

fn parse(text: &str) -> Option<Timestamp> {
    let at: Timestamp = text
        .parse()
        .ok()
        .or_else(|| {
            let zoned = rfc2822::DateTimeParser::new().parse_zoned(text);
            Some(zoned.ok()?.timestamp())
        })
        .or_else(|| {
            // CodeDeploy writes the form of `date`, CodePipeline leaves out the seconds.
            ["%a %b %d %H:%M:%S UTC %Y", "%Y-%m-%dT%H:%MZ"]
                .iter()
                .find_map(|form| DateTime::strptime(form, text).ok())
                .and_then(|civil| Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp()))
        })?;
    SECONDS.contains(&at.as_second()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let expected = expected.map_or_else(
            || Moment::Unreadable(text.to_owned()),
            |at| Moment::At(at.parse().unwrap()),
        );
        assert_eq!(moment(Some(text)), expected, "{text}");
    }

    #[test]
    fn times_are_read_in_every_form_that_aws_writes() {
        check("2026-07-19T10:00:00.000+0000", Some("2026-07-19T10:00:00Z"));
        check("2026-07-19T10:00:00+00:00", Some("2026-07-19T10:00:00Z"));
        check("2026-07-19T12:00:00+0200", Some("2026-07-19T10:00:00Z"));
        check(
            "2026-07-19T10:00:00.123456789Z",
            Some("2026-07-19T10:00:00.123456789Z"),
        );
        check("2026-07-19 10:00:00.123Z", Some("2026-07-19T10:00:00.123Z"));
        check("Sat, 4 Jun 2016 05:01:10 GMT", Some("2016-06-04T05:01:10Z"));
        check("2026-07-26T10:00Z", Some("2026-07-26T10:00:00Z"));
        check("Sun Jul 19 09:58:00 UTC 2026", Some("2026-07-19T09:58:00Z"));
    }

    #[test]
    fn a_time_that_cannot_be_read_is_kept_as_text() {
        check("yesterday", None);
        check("2026-13-45T99:00:00Z", None);
        check("-009999-01-01T00:00:00Z", None);
        check("2026-07-19", None);
    }

    #[test]
    fn a_missing_time_is_unknown_not_unreadable() {
        assert_eq!(moment(None), Moment::Unknown);
        assert_eq!(moment(Some(" ")), Moment::Unknown);
    }
}
