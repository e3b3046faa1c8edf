//! Writes what a message of an incident says: the newest alert, and how long it lasted.

use std::fmt::Write as _;

use crate::alarm::contributor::ALARM_ITSELF;
use crate::event::{Event, Field, Rich, Severity, Span, State, Watched};
use crate::incident::{At, Closing, Incident};
use crate::message::{
    AllowedMentions, CONTENT_UNITS_MAX, Message, Payload, SUPPRESS_NOTIFICATIONS, TITLE_UNITS_MAX,
};
use crate::render::title;
use crate::text::{Style, fit, units};

/// The event of an incident's message: the newest alert, changed to what is known since.
pub(crate) fn face(incident: &Incident, mut event: Event) -> Event {
    if incident.flapping {
        return flapping(incident, event);
    }
    match incident.state {
        Watched::Alarm | Watched::NoData | Watched::Calm => event,
        Watched::Ok => {
            event.state = State::Resolved;
            event.severity = incident.severity;
            event.silent = true;
            event.fields.retain(|field| field.name != ALARM_ITSELF);
            let found_out = match incident.closing {
                Closing::Ok | Closing::Deleted => None,
                Closing::OkNeverCame => Some("says that the alarm is OK."),
                Closing::Absent => Some("has no such alarm any more."),
            };
            if let Some(what) = found_out {
                event.reason = format!("The OK never came. CloudWatch {what}").into();
                put_first(&mut event, field("Found out", Some(incident.at)));
            }
            put_first(&mut event, lasted_field(incident));
            put_first(&mut event, field("Fired", incident.fired_at));
            event
        }
        Watched::Gone => {
            event.state = State::NoData;
            event.word = Some("DELETED");
            event.silent = true;
            event.reason = "The alarm was deleted before it was OK. It will not turn OK.".into();
            put_first(&mut event, field("Deleted", Some(incident.at)));
            put_first(&mut event, field("Fired", incident.fired_at));
            event
        }
    }
}

/// An alarm that changes too often to be news. Its message is edited and mentions nobody.
fn flapping(incident: &Incident, mut event: Event) -> Event {
    let now = match incident.state {
        Watched::Alarm => "ALARM",
        Watched::NoData => "no data",
        Watched::Calm | Watched::Ok => "OK",
        Watched::Gone => "deleted",
    };
    event.word = Some("FLAPPING");
    event.state = State::Firing;
    event.severity = Severity::Warning;
    event.muted = true;
    event.fields.retain(|field| field.name != ALARM_ITSELF);
    let minutes = "The message follows its state without a sound until 15 minutes are quiet.";
    let flips = incident.flips.len();
    let text = format!("{flips} changes of state in ten minutes. {minutes}");
    put_first(&mut event, Some(Field::long("Flapping", text)));
    put_first(&mut event, Some(Field::short("Now", now)));
    event
}

fn put_first(event: &mut Event, field: Option<Field>) {
    if let Some(field) = field {
        event.fields.insert(0, field);
    }
}

fn field(name: &str, at: Option<At>) -> Option<Field> {
    let at = at?.timestamp()?;
    Some(Field::short(name, Rich(vec![Span::Time(at)])))
}

fn lasted_field(incident: &Incident) -> Option<Field> {
    Some(Field::short("Lasted", words(incident.lasted()?)))
}

/// A duration as people say it: `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub(crate) fn words(milliseconds: i64) -> String {
    let seconds = milliseconds / 1_000;
    let pair = |large: i64, one: &str, small: i64, other: &str| match small {
        0 => format!("{large} {one}"),
        small => format!("{large} {one} {small} {other}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => pair(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// The short silent message that tells of an edit: `🟢 OK · name · after 12 min · link`.
pub(crate) fn line(incident: &Incident, event: &Event, link: Option<&str>) -> Message {
    let mut rest = String::new();
    if let Some(lasted) = incident.lasted() {
        rest.push_str(" · after ");
        rest.push_str(&words(lasted));
    }
    if let Some(link) = link {
        rest.push_str(" · ");
        rest.push_str(link);
    }
    let head = title(event, TITLE_UNITS_MAX).text;
    note(head + &rest, Vec::new(), true)
}

/// What a reminder says: `🔴 ALARM · name · still firing after 15 min · link`, and whom it mentions.
pub(crate) fn reminder(
    event: &Event,
    fired_for: i64,
    link: Option<&str>,
    roles: Vec<String>,
) -> Message {
    let mut text = title(event, TITLE_UNITS_MAX).text;
    text.push_str(" · still firing after ");
    text.push_str(&words(fired_for));
    for role in &roles {
        // Writing to a String cannot fail.
        let _ = write!(text, " <@&{role}>");
    }
    if let Some(link) = link.filter(|link| units(&text) + units(link) < CONTENT_UNITS_MAX - 3) {
        text.push_str(" · ");
        text.push_str(link);
    }
    note(text, roles, false)
}

/// A message of one line.
pub(crate) fn note(content: String, roles: Vec<String>, silent: bool) -> Message {
    Message {
        payload: Payload {
            content,
            embeds: Vec::new(),
            allowed_mentions: AllowedMentions { parse: [], roles },
            attachments: Vec::new(),
            components: Vec::new(),
            flags: if silent { SUPPRESS_NOTIFICATIONS } else { 0 },
            thread_name: None,
            applied_tags: Vec::new(),
        },
        files: Vec::new(),
    }
}

/// A name that fits into a line of a digest.
pub(crate) fn short_name(event: &Event) -> String {
    fit(&event.title, Style::Line, 100).text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_in_at_most_two_units() {
        let check = |seconds: i64, expected: &str| assert_eq!(words(seconds * 1_000), expected);
        check(0, "0 s");
        check(59, "59 s");
        check(60, "1 min");
        check(3_599, "59 min");
        check(3_600, "1 h");
        check(11_100, "3 h 5 min");
        check(86_400, "1 d");
        check(187_200, "2 d 4 h");
    }
}
