//! Understands log lines that a subscription filter of CloudWatch Logs sends: JSON, compressed, in base64.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;

use crate::draft::{blank, push, push_link};
use crate::envelope::Notification;
use crate::event::{Event, Kind, Moment, Severity};
use crate::json::{array, text};
use crate::link::log_stream;
use crate::when::millis;

pub(super) const KIND: Kind = Kind("logs-subscription");

/// The most bytes of uncompressed data that are read. CloudWatch Logs sends at most 6 MB to a function.
const DATA_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The most characters of log lines that are shown. All lines are in `alert.txt`.
const SHOWN_CHARACTERS_MAX: usize = 3_000;

/// Log lines as an event. Source: "Log group-level subscription filters", Amazon CloudWatch Logs.
pub(super) fn parse(notification: &Notification) -> Option<Event> {
    let json = notification.json.as_ref()?;
    let data = decoded(&text(json, "/awslogs/data")?)?;
    let group = text(&data, "/logGroup")?;
    let stream = text(&data, "/logStream");
    let events = array(&data, "/logEvents");
    let lines: Vec<String> = events
        .iter()
        .filter_map(|event| text(event, "/message"))
        .map(|line| line.trim_end().to_owned())
        .collect();

    let mut event = blank(notification, KIND, "aws.logs");
    event.account = text(&data, "/owner").or(event.account);
    event.severity = if text(&data, "/messageType").as_deref() == Some("CONTROL_MESSAGE") {
        Severity::Info
    } else {
        severity(&lines)
    };
    event.title = match lines.len() {
        0 => group.clone(),
        1 => format!("{group}: {}", first_line(&lines)),
        count => format!("{group}: {count} log lines"),
    };
    let whole = lines.join("\n");
    event.attach_raw = SHOWN_CHARACTERS_MAX < whole.chars().count();
    event.code = Some(whole.chars().take(SHOWN_CHARACTERS_MAX).collect::<String>())
        .filter(|lines| !lines.is_empty());
    event.raw = whole;
    push(&mut event.fields, "Log group", Some(group.clone()));
    push(&mut event.fields, "Log stream", stream.clone());
    let filters: Vec<&str> = array(&data, "/subscriptionFilters")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    push(
        &mut event.fields,
        "Filter",
        Some(filters.join(", ")).filter(|all| !all.is_empty()),
    );
    let first = events.first().and_then(|event| event.get("timestamp"));
    let at = millis(first.and_then(Value::as_i64));
    if at != Moment::Unknown {
        event.occurred_at = at;
    }
    if let (Some(region), Some(stream)) = (event.region.clone(), &stream) {
        push_link(&mut event, "Log", log_stream(&region, &group, stream));
    }
    event.fingerprint = format!("logs#{group}");
    Some(event)
}

fn decoded(data: &str) -> Option<Value> {
    let compressed = STANDARD.decode(data).ok()?;
    let mut json = Vec::new();
    let mut reader = GzDecoder::new(compressed.as_slice()).take(DATA_BYTES_MAX);
    reader.read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

fn first_line(lines: &[String]) -> String {
    let line = lines.first().and_then(|line| line.lines().next());
    line.unwrap_or_default().chars().take(120).collect()
}

/// The severity by the words in the lines. Somebody chose these lines to be sent, so they are a warning at
/// least.
fn severity(lines: &[String]) -> Severity {
    let says = |words: &[&str]| {
        lines
            .iter()
            .any(|line| words.iter().any(|word| line.to_uppercase().contains(word)))
    };
    if says(&["FATAL", "CRITICAL", "PANIC"]) {
        Severity::Critical
    } else if says(&["ERROR", "EXCEPTION", "TASK TIMED OUT"]) {
        Severity::Error
    } else {
        Severity::Warning
    }
}
