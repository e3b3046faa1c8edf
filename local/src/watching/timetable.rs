//! Schedules that set the state of an alarm: the daily test of the way to Discord.
//!
//! Only `cron(MINUTE HOUR * * ? *)` is read, a time of every day.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use template::Stack;
use watch::State;

/// The schedules of a stack.
#[derive(Debug)]
pub(super) struct Timetable {
    entries: Vec<Entry>,
    last: AtomicI64,
}

/// A time of the day, and what it sets.
#[derive(Clone, Debug)]
struct Entry {
    hour: i8,
    minute: i8,
    sets: Sets,
}

/// The state that an alarm is set to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sets {
    pub(super) alarm: String,
    pub(super) state: State,
    pub(super) reason: String,
}

impl Timetable {
    pub(super) fn of(stack: &Stack) -> Self {
        let schedules = stack.of_kind("AWS::Scheduler::Schedule");
        let entries = schedules.filter_map(|(_, resource)| entry(&resource.properties));
        Self {
            entries: entries.collect(),
            last: AtomicI64::new(i64::MAX),
        }
    }

    /// What is due since the last call. Days keep their length at every alarm speed.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Sets> {
        let minute = now.as_second().div_euclid(60);
        let last = self.last.swap(minute, Ordering::Relaxed);
        let mut due = Vec::new();
        // After a pause, such as a sleep of the machine, only the last day counts.
        for minute in last.max(minute - 24 * 60).saturating_add(1)..=minute {
            let Ok(at) = Timestamp::from_second(minute * 60) else {
                continue;
            };
            let at = at.to_zoned(TimeZone::UTC);
            let now = |entry: &&Entry| entry.hour == at.hour() && entry.minute == at.minute();
            due.extend(
                self.entries
                    .iter()
                    .filter(now)
                    .map(|entry| entry.sets.clone()),
            );
        }
        due
    }
}

fn entry(properties: &Value) -> Option<Entry> {
    let target = properties.get("Target")?;
    let arn = target.get("Arn")?.as_str()?;
    if !arn.ends_with(":aws-sdk:cloudwatch:setAlarmState") {
        return None;
    }
    let cron = properties.get("ScheduleExpression")?.as_str()?;
    let fields = cron.strip_prefix("cron(")?.strip_suffix(')')?;
    let (minute, rest) = fields.split_once(' ')?;
    let (hour, _every_day) = rest
        .split_once(' ')
        .filter(|(_, rest)| *rest == "* * ? *")?;
    let input: Value = serde_json::from_str(target.get("Input")?.as_str()?).ok()?;
    let text = |name: &str| Some(input.get(name)?.as_str()?.to_owned());
    Some(Entry {
        hour: hour.parse().ok()?,
        minute: minute.parse().ok()?,
        sets: Sets {
            alarm: text("AlarmName")?,
            state: match text("StateValue")?.as_str() {
                "ALARM" => State::Alarm,
                "OK" => State::Ok,
                _ => State::InsufficientData,
            },
            reason: text("StateReason").unwrap_or_default(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Resources:
  Test:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: cron(30 9 * * ? *)
      Target:
        Arn: "arn:aws:scheduler:::aws-sdk:cloudwatch:setAlarmState"
        Input: '{"AlarmName": "test", "StateValue": "ALARM", "StateReason": "daily"}'
"#;

    #[test]
    fn an_entry_is_due_once_a_day() {
        let timetable = Timetable::of(&Stack::read(TEMPLATE, []).unwrap());
        let due = |at: &str| timetable.due(at.parse().unwrap()).len();
        assert_eq!(due("2026-11-26T09:00:00Z"), 0);
        assert_eq!(due("2026-11-26T09:29:59Z"), 0);
        assert_eq!(due("2026-11-26T09:30:10Z"), 1);
        assert_eq!(due("2026-11-26T09:30:40Z"), 0);
        assert_eq!(due("2026-11-27T10:00:00Z"), 1);
        assert_eq!(due("2026-12-24T10:00:00Z"), 1);
    }
}
