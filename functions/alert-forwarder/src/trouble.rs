//! Reads the newest errors of a log: what each says, without secrets, and how often.

use jiff::Timestamp;
use serde_json::Value;

use crate::event::{Event, Field};
use crate::json::text;
use crate::mask::masked;
use crate::text::units;

/// How many different errors a message shows.
pub(crate) const ERRORS_MAX: usize = 3;
/// Three of them fit into a field.
const ERROR_UNITS_MAX: usize = 280;
/// The levels of a log that are errors.
const LEVELS: [&str; 7] = [
    "ERROR",
    "FATAL",
    "CRITICAL",
    "PANIC",
    "SEVERE",
    "ALERT",
    "EMERGENCY",
];
/// What a line of text has that is an error.
const SIGNS: [&str; 5] = ["ERROR", "Error", "FATAL", "CRITICAL", "Task timed out"];
/// Where a line in JSON says what happened, and why.
const MESSAGES: [&str; 5] = [
    "/message",
    "/msg",
    "/errorMessage",
    "/message/errorMessage",
    "/record/errorMessage",
];
const CAUSES: [&str; 4] = ["/cause", "/error", "/err", "/exception"];

/// A line of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

/// Adds the newest errors to an event, above its other fields.
pub(crate) fn show(event: &mut Event, lines: Vec<Line>) {
    let errors = newest(lines);
    if errors.is_empty() {
        return;
    }
    event
        .fields
        .insert(0, Field::long("Last errors (UTC)", errors.join("\n")));
}

/// The newest errors, each once: `10:00:05 what it says (3 times)`.
fn newest(mut lines: Vec<Line>) -> Vec<String> {
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    let mut found: Vec<(Timestamp, String, usize)> = Vec::new();
    for line in lines {
        let Some(said) = said(&line.text) else {
            continue;
        };
        match found.iter_mut().find(|(_, known, _)| *known == said) {
            Some((_, _, times)) => *times += 1,
            None => found.push((line.at, said, 1)),
        }
    }
    let shown = found.into_iter().take(ERRORS_MAX);
    let shown = shown.map(|(at, said, times)| {
        let at = at.strftime("%H:%M:%S");
        match times {
            1 => format!("{at} {said}"),
            times => format!("{at} {said} ({times} times)"),
        }
    });
    shown.collect()
}

/// What a line says in one line, without secrets. `None` if it is no error.
fn said(line: &str) -> Option<String> {
    let said = match serde_json::from_str::<Value>(line) {
        Ok(json) if json.is_object() => of_json(&json)?,
        _ => of_text(line)?.to_owned(),
    };
    let words: Vec<&str> = said.split_whitespace().collect();
    let said = short(&masked(&words.join(" ")));
    (!said.is_empty()).then_some(said)
}

/// `POST /orders: what happened: why`.
fn of_json(line: &Value) -> Option<String> {
    let level = text(line, "/level").or_else(|| text(line, "/severity"));
    if level.is_some_and(|level| !LEVELS.contains(&level.to_ascii_uppercase().as_str())) {
        return None;
    }
    if text(line, "/type").as_deref() == Some("platform.report") {
        let status = text(line, "/record/status").filter(|status| status != "success")?;
        let kind = text(line, "/record/errorType").map(|kind| format!(" ({kind})"));
        return Some(format!(
            "Lambda ended a call: {status}{}",
            kind.unwrap_or_default()
        ));
    }
    let first = |pointers: &[&str]| pointers.iter().find_map(|pointer| text(line, pointer));
    let said = first(&MESSAGES)?;
    let cause = first(&CAUSES).filter(|cause| !said.contains(cause.as_str()));
    let parts = [text(line, "/route"), Some(said), cause];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Some(parts.join(": "))
}

/// The words of a line of text, without the time, id and level that Lambda's runtimes write before them.
/// `None` if it is no error.
fn of_text(line: &str) -> Option<&str> {
    let mut parts = line.splitn(4, '\t');
    let level = parts.nth(2).unwrap_or_default();
    match parts.next() {
        Some(words) => LEVELS.contains(&level).then_some(words),
        None => SIGNS.iter().any(|sign| line.contains(sign)).then_some(line),
    }
}

fn short(text: &str) -> String {
    if units(text) <= ERROR_UNITS_MAX {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        if ERROR_UNITS_MAX <= units(&short) + character.len_utf16() {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(second: i64, text: impl Into<String>) -> Line {
        let begin: Timestamp = "2026-07-19T10:00:00Z".parse().unwrap();
        Line {
            at: begin + jiff::SignedDuration::from_secs(second),
            text: text.into(),
        }
    }

    #[track_caller]
    fn check(text: impl Into<String>, expected: Option<&str>) {
        assert_eq!(said(&text.into()).as_deref(), expected);
    }

    #[test]
    fn a_line_of_a_function_says_what_failed_and_why() {
        let logged = json!({"level": "ERROR", "message": "a request failed", "route": "POST /orders",
            "cause": "DynamoDB answered 500", "status": 500});
        check(
            logged.to_string(),
            Some("POST /orders: a request failed: DynamoDB answered 500"),
        );
        let info = json!({"level": "INFO", "message": "an ERROR was mended"});
        check(info.to_string(), None);
        let node =
            json!({"level": "error", "message": {"errorType": "Error", "errorMessage": "boom"}});
        check(node.to_string(), Some("boom"));
    }

    #[test]
    fn a_line_of_text_is_shown_without_what_lambda_writes_before_it() {
        check(
            "2026-07-19T10:00:00.000Z\tid\tERROR\tboom\n  at main",
            Some("boom at main"),
        );
        check("[ERROR] KeyError: 'a'\n", Some("[ERROR] KeyError: 'a'"));
        check("2026-07-19T10:00:00.000Z\tid\tINFO\tno ERROR", None);
        check("timeout is 30 s", None);
        check("\n", None);
    }

    #[test]
    fn a_call_that_lambda_ended_is_an_error() {
        let line = |status: &str| json!({"type": "platform.report", "record": {"status": status, "errorType": "Sandbox.Timedout"}});
        check(
            line("timeout").to_string(),
            Some("Lambda ended a call: timeout (Sandbox.Timedout)"),
        );
        check(line("success").to_string(), None);
    }

    #[test]
    fn secrets_are_masked_before_a_line_is_cut() {
        let long = format!("ERROR {} token=hunter2", "word ".repeat(53));
        let shown = said(&long).unwrap();
        assert!(!shown.contains("hunter"), "{shown}");
        let longer = said(&format!("ERROR {}", "word ".repeat(100))).unwrap();
        assert_eq!(units(&longer), ERROR_UNITS_MAX);
        assert!(longer.ends_with('…'));
    }

    #[test]
    fn the_three_newest_errors_are_shown_each_once() {
        let lines = vec![
            line(1, "ERROR a"),
            line(9, "ERROR b"),
            line(2, "ERROR c"),
            line(8, "ERROR d"),
            line(7, "ERROR b"),
            line(6, "ERROR b"),
        ];
        let expected = [
            "10:00:09 ERROR b (3 times)",
            "10:00:08 ERROR d",
            "10:00:02 ERROR c",
        ];
        assert_eq!(newest(lines), expected);
        assert_eq!(newest(Vec::new()), Vec::<String>::new());
    }
}
