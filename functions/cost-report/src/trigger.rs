//! Reads the event: a schedule's, or that of a person who wants the report now.

use jiff::civil::Date;
use serde_json::Value;

const ID_BYTES_MAX: usize = 64;

/// Why the function was invoked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Trigger {
    /// Names the report, so that it is sent once: the time of the schedule, or else the day.
    pub(crate) report: String,
    /// Whether it is sent although it was sent before. Only a person asks for that.
    pub(crate) again: bool,
}

impl Trigger {
    /// Reads an event on a day in UTC.
    ///
    /// The schedule's time is in its event, and a repeat of an invocation has the same event. The day
    /// would not do: at 00:30 in London, the report of the 30th of March begins on the 29th in UTC.
    pub(crate) fn read(event: &Value, today: Date) -> Self {
        let scheduled = event.get("scheduled").and_then(Value::as_str);
        let named = scheduled.filter(|text| {
            (1..=ID_BYTES_MAX).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'#')
        });
        Self {
            report: named.map_or_else(|| today.to_string(), str::to_owned),
            again: event.get("again").and_then(Value::as_bool) == Some(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_named_for_its_schedules_time_or_else_for_the_day() {
        let today = "2026-11-26".parse().unwrap();
        let report = |event: &Value| Trigger::read(event, today).report;
        let scheduled = json!({"scheduled": "2026-11-26T00:00:00Z"});
        assert_eq!(report(&scheduled), "2026-11-26T00:00:00Z");
        for event in [
            json!({}),
            json!(null),
            json!({"scheduled": 5}),
            json!({"scheduled": "a#b"}),
        ] {
            assert_eq!(report(&event), "2026-11-26");
        }
    }

    #[test]
    fn only_true_sends_it_again() {
        let again = |event: &Value| Trigger::read(event, "2026-11-26".parse().unwrap()).again;
        assert!(again(&json!({"again": true})));
        assert!(!again(&json!({"again": "true"})) && !again(&json!({})));
    }
}
