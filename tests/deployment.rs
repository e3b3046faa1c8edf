//! The rules of `template.yaml` that a deployment depends on and that no linter checks.
//!
//! A rule is a function. It takes the template's text and returns what is wrong with it, one line for
//! each fault. One test checks that the template keeps the rule. Other tests break the template on
//! purpose and check that the rule names the fault.

mod alarm;
mod alarm_costs;
mod alarm_email;
mod alarm_metrics;
mod alarm_numbers;
mod alarms;
mod alerting;
mod alone;
mod api;
mod bootstraps;
mod container;
mod cost;
mod deleting;
mod edge;
pub(crate) mod events;
mod functions;
mod issuers;
mod logged;
mod metrics;
mod one_list;
mod order_events;
mod permissions;
mod recipes;
mod redis;
mod regions;
mod release_check;
mod releases;
mod restore;
mod runbook;
mod tables;
mod transformed;
mod watched;

use local::serve::Options;
use serde_json::Value;
use template::{Stack, Template};

fn text() -> String {
    Options::in_memory().template
}

/// The whole stack with the parameters' defaults. If the template cannot be read, the error is the
/// only fault.
fn stack(text: &str) -> Result<Stack, Vec<String>> {
    Stack::read(text, []).map_err(|error| vec![error.to_string()])
}

/// The part of the template that the local program serves. If the template cannot be read, the error
/// is the only fault.
fn template(text: &str) -> Result<Template, Vec<String>> {
    Template::read(text, []).map_err(|error| vec![error.to_string()])
}

#[track_caller]
fn keeps(rule: impl Fn(&str) -> Vec<String>) {
    assert_eq!(rule(&text()), [""; 0]);
}

/// Checks that a rule names the fault of a broken template.
#[track_caller]
fn names(rule: impl Fn(&str) -> Vec<String>, broken: &str, expected: &str) {
    let faults = rule(broken);
    let named = faults.iter().any(|fault| fault.contains(expected));
    assert!(named, "{expected:?} is not among the faults: {faults:?}");
}

/// The template with `from` replaced by `to` in one resource, or in another entry that is indented by
/// two spaces.
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

/// A value as a list. As in policies, a single value means a list with one element.
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
