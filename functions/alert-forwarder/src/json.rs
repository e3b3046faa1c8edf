//! Reads JSON tolerantly: what is missing or of another type is `None`, never an error.

use serde_json::Value;

/// The text at a JSON pointer. A number or boolean counts as text; a blank text counts as missing.
pub(crate) fn text(value: &Value, pointer: &str) -> Option<String> {
    let text = match value.pointer(pointer)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// The array at a JSON pointer; empty if it is missing.
pub(crate) fn array<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// JSON with line breaks and indentation.
pub(crate) fn pretty(payload: Option<&Value>) -> Option<String> {
    serde_json::to_string_pretty(payload?).ok()
}
