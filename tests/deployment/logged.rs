//! Reads from the code which fields the logs have, and from a query which fields it uses.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use template::Stack;

/// Fields of every line: those of CloudWatch, of our log format, and of the span of an invocation.
const COMMON: [&str; 12] = [
    "@timestamp",
    "@message",
    "level",
    "location",
    "message",
    "timestamp",
    "service",
    "function_request_id",
    "xray_trace_id",
    "cold_start",
    // Lambda's own lines.
    "type",
    "record.status",
];

/// More fields of Lambda's `platform.report`.
const REPORT: [&str; 3] = [
    "record.errorType",
    "record.metrics.durationMs",
    "record.metrics.maxMemoryUsedMB",
];

/// The fields of the lines in a log group.
pub(super) fn fields_of(stack: &Stack, group: &str) -> BTreeSet<String> {
    let mut fields = BTreeSet::from(["@timestamp".to_owned(), "@message".to_owned()]);
    let sources: &[&str] = match group {
        "ApiLogs" => {
            let format = &stack.resources["HttpApi"].properties["AccessLogSettings"]["Format"];
            let format: Value = serde_json::from_str(format.as_str().unwrap()).unwrap();
            fields.extend(format.as_object().unwrap().keys().cloned());
            return fields;
        }
        "OrdersLogs" => &["orders", "once"],
        "OrdersSweeperLogs" => &["orders/src/sweeper.rs", "orders/src/expire.rs"],
        "OrdersAuditorLogs" => &["orders/src/auditor"],
        "CorsLogs" => &["cors"],
        "ReleaseCheckLogs" => &["release-check"],
        "AuthorizerLogs" => &["authorizer"],
        "AlertForwarderLogs" => &["alert-forwarder"],
        _ => return fields,
    };
    fields.extend(COMMON.iter().chain(&REPORT).map(|name| (*name).to_owned()));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for source in sources {
        let path = match *source {
            "once" => root.join("once/src"),
            path if path.contains('/') => root.join("functions").join(path),
            function => root.join("functions").join(function).join("src"),
        };
        read(&path, &mut fields);
    }
    fields
}

fn read(path: &Path, fields: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            read(&entry.unwrap().path(), fields);
        }
        return;
    }
    if path.extension().is_none_or(|extension| extension != "rs") {
        return;
    }
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    for level in ["error", "warn", "info"] {
        for call in code.split(&format!("tracing::{level}!(")).skip(1) {
            fields.extend(arguments(call));
        }
    }
    let code: String = code.split_whitespace().collect();
    for call in [
        ".property(\"",
        ".dimension(\"",
        ".count(\"",
        ".seconds(\"",
        ".milliseconds(\"",
    ] {
        let names = code.split(call).skip(1);
        fields.extend(names.filter_map(|rest| Some(rest.split('"').next()?.to_owned())));
    }
}

/// The fields among the arguments of a call that begins after its bracket.
fn arguments(call: &str) -> Vec<String> {
    let (mut depth, mut quoted) = (1_u32, false);
    let mut parts = vec![String::new()];
    for character in call.chars() {
        match character {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if depth == 1 && !quoted => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        parts.last_mut().unwrap().push(character);
    }
    let name = |part: &String| {
        let name = part
            .split('=')
            .next()?
            .trim()
            .trim_start_matches(['%', '?']);
        let plain = name
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '_');
        (plain && !name.is_empty()).then(|| name.to_owned())
    };
    parts.iter().filter_map(name).collect()
}

/// The commands of CloudWatch Logs Insights that the runbook uses.
const COMMANDS: [&str; 5] = ["fields", "filter", "limit", "sort", "stats"];

/// Words of its language that are not fields.
const WORDS: [&str; 14] = [
    "and",
    "as",
    "asc",
    "bin",
    "by",
    "count",
    "desc",
    "in",
    "ispresent",
    "like",
    "max",
    "or",
    "pct",
    "sum",
];

/// The fields that a query uses, or what is wrong with the query.
pub(super) fn of_query(query: &str) -> Result<BTreeSet<&str>, String> {
    let mut fields = BTreeSet::new();
    let mut own = BTreeSet::new();
    for part in query.split(" | ") {
        let (command, rest) = part.trim().split_once(' ').unwrap_or((part, ""));
        if !COMMANDS.contains(&command) {
            return Err(format!("{command} is no command"));
        }
        for quote in ['"', '/', '('] {
            let closing = if quote == '(' { ')' } else { quote };
            let opened = rest.matches(quote).count();
            let even = if quote == closing {
                opened % 2 == 0
            } else {
                opened == rest.matches(closing).count()
            };
            if !even {
                return Err(format!("{quote} is not closed"));
            }
        }
        let mut names = false;
        for (index, piece) in rest.split(['"', '/']).enumerate() {
            // Every second piece is quoted.
            if index % 2 == 1 {
                continue;
            }
            let inside = |it: char| it.is_ascii_alphanumeric() || "@_.".contains(it);
            for word in piece
                .split(|it| !inside(it))
                .filter(|word| !word.is_empty())
            {
                if word.starts_with(|it: char| it.is_ascii_digit()) {
                    continue;
                }
                if std::mem::replace(&mut names, word == "as") {
                    own.insert(word);
                } else if !WORDS.contains(&word) {
                    fields.insert(word);
                }
            }
        }
    }
    Ok(fields.difference(&own).copied().collect())
}

#[test]
fn the_fields_of_a_query_are_read() {
    let query = "filter level in [\"WARN\"] and message like /a b/ | stats pct(latency, 99) as p99 by bin(1m), route | sort p99 desc";
    let expected = BTreeSet::from(["latency", "level", "message", "route"]);
    assert_eq!(of_query(query), Ok(expected));
    assert!(of_query("filter level = \"WARN").is_err());
    assert!(of_query("stats count(* by route").is_err());
    assert!(of_query("select level").is_err());
}

#[test]
fn the_fields_of_a_log_line_are_read() {
    let call =
        "\n route, cause = %error.of(a, b), ?kind, status = self.status(), \"a, b = c\"); more(x)";
    assert_eq!(arguments(call), ["route", "cause", "kind", "status"]);
}
