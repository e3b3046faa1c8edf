//! Keeps the errors that functions log, and answers CloudWatch Logs' `FilterLogEvents` with them.
//!
//! Source: "FilterLogEvents", Amazon CloudWatch Logs API Reference, and "Filter pattern syntax". Nothing else
//! is asked for on this machine, so lines of other levels are not kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use gateway::FunctionError;
use jiff::Timestamp;
use serde_json::{Value, json};
use template::{FunctionSpec, Stack};

/// The newest lines that are kept of a group.
const LINES_MAX: usize = 1_000;
/// The most lines of an answer.
const ANSWER_MAX: u64 = 10_000;

/// The log groups of a template. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Logs(Arc<Mutex<BTreeMap<String, Group>>>);

#[derive(Debug, Default)]
struct Group {
    lines: VecDeque<Line>,
    /// Counts the lines, for their ids.
    count: u64,
}

#[derive(Debug)]
struct Line {
    id: u64,
    at: i64,
    text: String,
}

impl Logs {
    pub(super) fn of(stack: &Stack) -> Self {
        let groups = stack.of_kind("AWS::Logs::LogGroup");
        let groups = groups.filter_map(|(_, group)| group.reference.clone());
        let groups = groups.map(|name| (name, Group::default()));
        Self(Arc::new(Mutex::new(groups.collect())))
    }

    /// Adds a line to a group of the template.
    pub(super) fn add(&self, group: &str, at: Timestamp, text: String) {
        let mut groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(group) = groups.get_mut(group) else {
            return;
        };
        group.count += 1;
        group.lines.push_back(Line {
            id: group.count,
            at: at.as_millisecond(),
            text,
        });
        if LINES_MAX < group.lines.len() {
            group.lines.pop_front();
        }
    }

    /// Adds what Lambda logs about a call that failed. Source: "Schema reference for log events of Lambda's
    /// Telemetry API".
    pub(crate) fn ended(&self, spec: &FunctionSpec, at: Timestamp, error: &FunctionError) {
        let status = match error.error_type.as_str() {
            "Sandbox.Timedout" => "timeout",
            "Panic" | "Runtime.ExitError" => "failure",
            _ => "error",
        };
        let record = json!({"status": status, "errorType": error.error_type});
        let line = json!({"time": at.to_string(), "type": "platform.report", "record": record});
        if let Some(group) = &spec.log_group {
            self.add(group, at, line.to_string());
        }
    }

    /// Answers an operation. `None` if it is not imitated here; an error is the service's error type and its
    /// message.
    pub(crate) fn answer(
        &self,
        target: &str,
        body: &Value,
    ) -> Option<Result<Value, (&'static str, &'static str)>> {
        (target == "Logs_20140328.FilterLogEvents").then(|| self.filter(body))
    }

    fn filter(&self, body: &Value) -> Result<Value, (&'static str, &'static str)> {
        const ABSENT: (&str, &str) = (
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        );
        let name = body.get("logGroupName").and_then(Value::as_str);
        let groups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.get(name.unwrap_or_default()).ok_or(ABSENT)?;
        let number = |name: &str| body.get(name).and_then(Value::as_i64);
        let begin = number("startTime").unwrap_or_default();
        let end = number("endTime").unwrap_or(i64::MAX);
        let pattern = body.get("filterPattern").and_then(Value::as_str);
        let terms = terms(pattern.unwrap_or_default());
        let matches = |line: &&Line| {
            (begin..=end).contains(&line.at)
                && (terms.is_empty() || terms.iter().any(|term| line.text.contains(term)))
        };
        let event = |line: &Line| json!({"eventId": line.id.to_string(), "timestamp": line.at, "ingestionTime": line.at, "message": line.text, "logStreamName": "local"});
        let limit = body.get("limit").and_then(Value::as_u64);
        let limit = usize::try_from(limit.unwrap_or(ANSWER_MAX)).unwrap_or(usize::MAX);
        let found = group.lines.iter().filter(matches);
        let oldest_first = body.get("startFromHead").and_then(Value::as_bool);
        let events: Vec<Value> = if oldest_first.unwrap_or(true) {
            found.take(limit).map(event).collect()
        } else {
            found.rev().take(limit).map(event).collect()
        };
        Ok(json!({"events": events, "searchedLogStreams": []}))
    }
}

/// The terms of a pattern `?one ?"the other"`, of which a line must have one.
fn terms(pattern: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let mut rest = pattern.trim_start();
    while !rest.is_empty() {
        rest = rest.trim_start_matches('?');
        let (term, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        terms.push(term);
        rest = after.trim_start();
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs() -> Logs {
        let groups = [("a".to_owned(), Group::default())];
        Logs(Arc::new(Mutex::new(groups.into())))
    }

    #[test]
    fn the_newest_lines_with_one_of_the_terms_are_found() {
        let logs = logs();
        for (second, text) in [
            (1, "ERROR one"),
            (2, "INFO two"),
            (3, "timed out"),
            (4, "ERROR 4"),
        ] {
            let at = Timestamp::from_second(second).unwrap();
            logs.add("a", at, text.to_owned());
            logs.add("unknown", at, text.to_owned());
        }
        let found = |request: Value| {
            let answer = logs.filter(&request).unwrap();
            let events = answer["events"].as_array().unwrap().clone();
            let texts = events
                .iter()
                .map(|it| it["message"].as_str().unwrap().to_owned());
            texts.collect::<Vec<String>>()
        };
        let pattern = "?ERROR ?\"timed out\"";
        let newest = json!({"logGroupName": "a", "filterPattern": pattern, "startFromHead": false, "limit": 2});
        assert_eq!(found(newest), ["ERROR 4", "timed out"]);
        let oldest = json!({"logGroupName": "a", "filterPattern": pattern, "startTime": 2_000, "endTime": 3_999});
        assert_eq!(found(oldest), ["timed out"]);
        assert_eq!(found(json!({"logGroupName": "a"})).len(), 4);
        let absent = logs.filter(&json!({"logGroupName": "b"})).unwrap_err();
        assert_eq!(absent.0, "ResourceNotFoundException");
    }

    #[test]
    fn a_group_keeps_its_newest_lines() {
        let logs = logs();
        for number in 0..=LINES_MAX {
            logs.add("a", Timestamp::UNIX_EPOCH, number.to_string());
        }
        let answer = logs.filter(&json!({"logGroupName": "a"})).unwrap();
        let events = answer["events"].as_array().unwrap();
        assert_eq!(
            (events.len(), &events[0]["message"]),
            (LINES_MAX, &json!("1"))
        );
    }
}
