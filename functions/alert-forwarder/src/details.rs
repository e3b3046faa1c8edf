//! Reads JSON of an unknown shape: flattens it into named values, and finds its subject and its cause.

use jiff::Timestamp;
use serde_json::Value;

use crate::event::{Event, Field, Rich, Span};
use crate::when::{moment, seconds_are_plausible};

/// The most values that are read from one document.
const LEAVES_MAX: usize = 500;
/// The most values that become fields. The rest is in `alert.txt`.
const FIELDS_MAX: usize = 12;
/// A longer value has a row of its own.
const SHORT_CHARACTERS_MAX: usize = 40;

/// One value with its place: `container.exitCode`.
pub(crate) struct Leaf {
    /// The names on the way to the value, with dots between. Items of a list have their index.
    pub(crate) path: String,
    /// The value as text.
    pub(crate) text: String,
    /// Whether it was a number.
    is_number: bool,
}

impl Leaf {
    /// The last name of the path in lower case, without hyphens, underscores and spaces.
    pub(crate) fn name(&self) -> String {
        folded(self.path.rsplit('.').next().unwrap_or_default())
    }

    fn field(&self) -> Field {
        let value = self.time().map_or_else(
            || Rich::from(self.text.as_str()),
            |at| Rich(vec![Span::Time(at)]),
        );
        Field {
            inline: self.text.chars().count() <= SHORT_CHARACTERS_MAX,
            ..Field::short(self.path.as_str(), value)
        }
    }

    /// The time that the value is: ISO 8601 and such, milliseconds since 1970, or seconds since 1970 under a
    /// name that says so.
    fn time(&self) -> Option<Timestamp> {
        if !self.is_number {
            return moment(Some(&self.text)).timestamp();
        }
        let number: i64 = self.text.parse().ok()?;
        if seconds_are_plausible(number / 1_000) {
            return Timestamp::from_millisecond(number).ok();
        }
        let name = self.name();
        let of_time = [
            "at",
            "time",
            "timestamp",
            "date",
            "expires",
            "since",
            "until",
        ];
        let is_time = of_time.iter().any(|end| name.ends_with(end));
        if is_time && seconds_are_plausible(number) {
            return Timestamp::from_second(number).ok();
        }
        None
    }
}

/// A name or a word in lower case, without hyphens, underscores and spaces.
pub(crate) fn folded(name: &str) -> String {
    name.chars()
        .filter(|character| !matches!(character, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// The values in a document, in its order. Null, blank text and empty lists and objects are left out. A
/// list of scalars is one value.
pub(crate) fn leaves(value: &Value) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    collect(value, "", &mut leaves);
    leaves
}

fn collect(value: &Value, path: &str, leaves: &mut Vec<Leaf>) {
    if LEAVES_MAX <= leaves.len() {
        return;
    }
    let inside = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                collect(member, &inside(name), leaves);
            }
        }
        Value::Array(items) => {
            let scalars: Option<Vec<String>> = items.iter().map(scalar).collect();
            match (scalars, items.as_slice()) {
                (Some(scalars), _) => {
                    let text = scalars.join(", ");
                    leaf(path, text, false, leaves);
                }
                (None, [only]) => collect(only, path, leaves),
                (None, items) => {
                    for (index, item) in items.iter().enumerate() {
                        collect(item, &inside(&index.to_string()), leaves);
                    }
                }
            }
        }
        other => {
            let text = scalar(other).unwrap_or_default();
            leaf(path, text, other.is_number(), leaves);
        }
    }
}

fn leaf(path: &str, text: String, is_number: bool, leaves: &mut Vec<Leaf>) {
    if !text.trim().is_empty() {
        leaves.push(Leaf {
            path: path.to_owned(),
            text,
            is_number,
        });
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Appends the values as fields, at most [`FIELDS_MAX`]. If there are more, the message is attached.
pub(crate) fn add_fields(event: &mut Event, leaves: &[Leaf]) {
    let own = FIELDS_MAX.saturating_sub(event.fields.len());
    event
        .fields
        .extend(leaves.iter().take(own).map(Leaf::field));
    event.attach_raw |= own < leaves.len();
}

/// The name of what the values are about: a name, else an id, of the shallowest place.
pub(crate) fn subject(leaves: &[Leaf]) -> Option<String> {
    let by = |ends: &[&str]| {
        leaves
            .iter()
            .filter(|leaf| ends.iter().any(|end| leaf.name().ends_with(end)))
            .filter(|leaf| !leaf.name().starts_with("event") && !leaf.name().starts_with("user"))
            .filter(|leaf| leaf.text.chars().count() <= 100)
            .min_by_key(|leaf| leaf.path.matches('.').count())
            .map(|leaf| leaf.text.trim().to_owned())
    };
    by(&["name"]).or_else(|| by(&["id", "identifier"]))
}

/// Takes the sentence that says what happened out of the values.
pub(crate) fn take_reason(leaves: &mut Vec<Leaf>) -> Option<String> {
    let names = [
        "message",
        "reason",
        "statusreason",
        "statereason",
        "description",
        "eventmessage",
        "detailmessage",
        "errormessage",
        "cause",
        "error",
        "summary",
        "msg",
        "text",
        "body",
    ];
    let at = names.iter().find_map(|wanted| {
        leaves
            .iter()
            .position(|leaf| !leaf.path.contains('.') && leaf.name() == *wanted)
    })?;
    Some(leaves.remove(at).text)
}

/// Takes the title out of the values, if they have one.
pub(crate) fn take_title(leaves: &mut Vec<Leaf>) -> Option<String> {
    let names = ["title", "subject", "alertname", "alarmname", "headline"];
    let at = names.iter().find_map(|wanted| {
        leaves
            .iter()
            .position(|leaf| !leaf.path.contains('.') && leaf.name() == *wanted)
    })?;
    Some(leaves.remove(at).text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_values_are_flattened_and_empty_ones_left_out() {
        let document = json!({
            "a": {"b": {"c": 1}, "none": null, "empty": {}},
            "tags": ["x", "y"], "no": [], "blank": " ",
            "one": [{"k": true}],
            "many": [{"k": 1}, {"k": 2}],
        });
        let shown: Vec<String> = leaves(&document)
            .iter()
            .map(|leaf| format!("{}={}", leaf.path, leaf.text))
            .collect();
        let mut expected = [
            "a.b.c=1",
            "tags=x, y",
            "one.k=true",
            "many.0.k=1",
            "many.1.k=2",
        ];
        let mut shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        shown.sort_unstable();
        expected.sort_unstable();
        assert_eq!(shown, expected);
    }

    #[test]
    fn times_are_read_from_milliseconds_and_from_seconds_under_a_name_of_a_time() {
        let time = |document: Value| leaves(&document).first().and_then(Leaf::time);
        let at: Timestamp = "2026-07-19T10:00:00Z".parse().unwrap();
        assert_eq!(time(json!({"at": 1_784_455_200_000_i64})), Some(at));
        assert_eq!(time(json!({"startedAt": 1_784_455_200})), Some(at));
        assert_eq!(time(json!({"begin": "2026-07-19T10:00:00Z"})), Some(at));
        assert_eq!(time(json!({"bytes": 1_784_455_200})), None);
        assert_eq!(time(json!({"count": 12})), None);
    }
}
