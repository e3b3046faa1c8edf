//! Makes and changes JSON by the decisions in an input; and the target of the strict JSON reader.

use arbitrary::Unstructured;
use serde_json::{Map, Value};
use shared::json::{self, Repeats};

/// How deep made values nest.
const DEPTH_MAX: usize = 4;

/// How many changes an input can make.
const CHANGES_MAX: usize = 12;

/// Texts that parsers treat specially, in any document.
const TEXTS: [&str; 22] = [
    "",
    " ",
    "null",
    "0",
    "-1",
    "1e400",
    "NaN",
    "9223372036854775808",
    "2026-11-22T04:05:06.789Z",
    "2026-13-40",
    "-009999-01-01T00:00:00Z",
    "+0000",
    "https://example.com/a?b=c#d",
    "https://discord.com/api/webhooks/1/secret",
    "arn:aws:sns:eu-west-1:123456789012:alerts",
    "arn:aws:",
    "@everyone <@&1> [a](b)",
    "\u{202e}\u{0}\u{1b}[31m",
    "```\n```",
    "{}",
    "[[[[",
    "👨\u{200d}👩\u{200d}👧e\u{301}",
];

/// A value that the input decides. Objects have the given names.
pub(crate) fn made(input: &mut Unstructured<'_>, names: &[&str], depth: usize) -> Value {
    let kinds = if depth < DEPTH_MAX { 9 } else { 7 };
    match input.int_in_range(0..=kinds).unwrap_or(0) {
        0 => Value::Null,
        1 => Value::Bool(input.arbitrary().unwrap_or(false)),
        2 => Value::from(input.arbitrary::<i64>().unwrap_or(0)),
        3 => Value::from(i64::from(input.arbitrary::<u8>().unwrap_or(0))),
        4 => Value::from(input.arbitrary::<f64>().unwrap_or(0.5)),
        5 => text(input),
        6 => Value::from(*input.choose(&TEXTS).unwrap_or(&"")),
        7 => Value::from(*input.choose(names).unwrap_or(&"")),
        8 => {
            let length = input.int_in_range(0..=4).unwrap_or(0);
            Value::Array((0..length).map(|_| made(input, names, depth + 1)).collect())
        }
        _ => {
            let length = input.int_in_range(0..=6).unwrap_or(0);
            let member = |_| {
                let name = (*input.choose(names).unwrap_or(&"")).to_owned();
                (name, made(input, names, depth + 1))
            };
            Value::Object((0..length).map(member).collect::<Map<_, _>>())
        }
    }
}

/// A text of the input's own bytes, sometimes far longer than they are.
fn text(input: &mut Unstructured<'_>) -> Value {
    let bytes: Vec<u8> = input.arbitrary().unwrap_or_default();
    let piece = String::from_utf8_lossy(&bytes).into_owned();
    match input.arbitrary::<u8>().unwrap_or(0) {
        0..=239 => Value::from(piece),
        many => Value::from(piece.repeat(usize::from(many))),
    }
}

/// Changes a document by the decisions in the input.
pub(crate) fn changed(input: &mut Unstructured<'_>, mut document: Value, names: &[&str]) -> Value {
    let changes = input.int_in_range(0..=CHANGES_MAX).unwrap_or(0);
    for _ in 0..changes {
        let places = count(&document);
        let mut at = input.int_in_range(0..=places).unwrap_or(0);
        let with = match input.int_in_range(0_u8..=2).unwrap_or(0) {
            0 => None,
            _ => Some(made(input, names, 1)),
        };
        change(&mut document, &mut at, with.as_ref());
    }
    document
}

/// How many values a document has, those in its JSON texts included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        Value::String(text) => inner(text).map_or(0, |value| count(&value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// The document in a text: messages of SNS are JSON in JSON.
fn inner(text: &str) -> Option<Value> {
    let value = serde_json::from_str(text).ok()?;
    matches!(value, Value::Object(_) | Value::Array(_)).then_some(value)
}

/// Replaces the value at a place, or removes it. `at` counts down to the place.
fn change(value: &mut Value, at: &mut usize, with: Option<&Value>) {
    if *at == 0 {
        *value = with.cloned().unwrap_or(Value::Null);
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, at, with)),
        Value::Object(members) => {
            let mut removed = None;
            for (name, member) in members.iter_mut() {
                if *at == 0 && with.is_none() {
                    removed = Some(name.clone());
                }
                change(member, at, with);
            }
            removed.and_then(|name| members.remove(&name));
        }
        Value::String(text) => {
            if let Some(mut document) = inner(text) {
                change(&mut document, at, with);
                *text = document.to_string();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The strict reader accepts no more than an ordinary one, and reads the same.
pub(crate) fn json(data: &[u8]) {
    let read = json::parse(data, 8, Repeats::Refused);
    let lenient = json::parse(data, usize::MAX, Repeats::Kept);
    let ordinary = serde_json::from_slice::<Value>(data);
    if read.is_ok() {
        assert!(lenient.is_ok(), "strict, but not lenient");
        assert!(ordinary.as_ref().is_ok_and(|value| depth(value) <= 8));
    }
    if lenient.is_ok() {
        assert!(ordinary.is_ok(), "accepted, but not JSON: {ordinary:?}");
    }
}

/// How many arrays and objects stand inside each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
