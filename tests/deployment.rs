//! Owns the rules of `template.yaml` that a deployment depends on and no linter knows.
//!
//! A rule is a function from the template's text to what is wrong with it, a line each. It has one
//! test that the template keeps it, and others that break the template on purpose and are told.

mod alerting;
mod alone;
mod api;
mod bootstraps;
pub(crate) mod events;
mod functions;
mod order_events;
mod permissions;
mod tables;
mod watched;

use local::serve::Options;
use serde_json::Value;
use template::{Stack, Template};

fn text() -> String {
    Options::in_memory().template
}

/// The whole stack with the parameters' defaults, or the reader's words as the only fault.
fn stack(text: &str) -> Result<Stack, Vec<String>> {
    Stack::read(text, []).map_err(|error| vec![error.to_string()])
}

/// What this program serves of it, or the reader's words as the only fault.
fn template(text: &str) -> Result<Template, Vec<String>> {
    Template::read(text, []).map_err(|error| vec![error.to_string()])
}

#[track_caller]
fn keeps(rule: impl Fn(&str) -> Vec<String>) {
    assert_eq!(rule(&text()), [""; 0]);
}

/// Wants a rule to name what is wrong with a template.
#[track_caller]
fn names(rule: impl Fn(&str) -> Vec<String>, broken: &str, expected: &str) {
    let faults = rule(broken);
    let named = faults.iter().any(|fault| fault.contains(expected));
    assert!(
        named,
        "wanted {expected:?} among the faults, which are {faults:?}"
    );
}

/// The template with a text of one resource (or of another entry of two spaces' indent) replaced.
#[track_caller]
fn with(entry: &str, from: &str, to: &str) -> String {
    let text = text();
    let (before, rest) = text.split_once(&format!("\n  {entry}:\n")).expect(entry);
    let inside = |line: &&str| line.is_empty() || line.starts_with("   ");
    let lines: Vec<&str> = rest.split_inclusive('\n').collect();
    let length = lines
        .iter()
        .take_while(|line| inside(&line.trim_end_matches('\n')))
        .count();
    let (block, after) = lines.split_at(length);
    let block = block.concat();
    assert_eq!(block.matches(from).count(), 1, "{from:?} in {entry}");
    let block = block.replace(from, to);
    format!("{before}\n  {entry}:\n{block}{}", after.concat())
}

/// A value as a list: a single one stands for a list of one, as in policies.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().collect(),
        single => vec![single],
    }
}

fn texts(value: &Value) -> Vec<&str> {
    list(value).into_iter().filter_map(Value::as_str).collect()
}
