//! Parameters: their defaults, the values given by the caller, and the values that are allowed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fault::{Fault, TemplateError};
use crate::intrinsic::text_of;
use crate::yaml::{Content, Entry, Node};

/// The value of every parameter.
pub(crate) fn read<'a>(
    root: &Node,
    overrides: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<String, Value>, TemplateError> {
    let declared = root
        .get("Parameters")
        .map(Node::entries)
        .unwrap_or_default();
    let mut given: BTreeMap<&str, &str> = overrides.into_iter().collect();
    let mut values = BTreeMap::new();
    let mut faults = Vec::new();
    for Entry { key, line, value } in declared {
        match parameter(key, *line, value, given.remove(key.as_str())) {
            Ok(value) => drop(values.insert(key.clone(), value)),
            Err(fault) => faults.push(fault),
        }
    }
    faults.extend(given.keys().map(|name| Fault {
        line: root.get("Parameters").map_or(root.line, |node| node.line),
        message: format!("there is no parameter `{name}`"),
    }));
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(TemplateError(faults))
    }
}

/// The values as texts, lists joined by commas.
pub(crate) fn texts(values: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().filter_map(text_of).collect();
            parts.join(",")
        }
        other => text_of(other).unwrap_or_default(),
    };
    values
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

fn parameter(name: &str, line: usize, node: &Node, given: Option<&str>) -> Result<Value, Fault> {
    let fault = |message| Fault { line, message };
    let text = given
        .or_else(|| node.get("Default").and_then(Node::text))
        .ok_or_else(|| {
            fault(format!(
                "the parameter `{name}` has no default: give it a value"
            ))
        })?;
    if let Some(Content::List(allowed)) = node.get("AllowedValues").map(|node| &node.content) {
        let allowed: Vec<&str> = allowed.iter().filter_map(Node::text).collect();
        if !allowed.contains(&text) {
            let allowed = allowed.join(", ");
            return Err(fault(format!(
                "the parameter `{name}` is {text:?}; it must be one of {allowed}"
            )));
        }
    }
    let kind = node.get("Type").and_then(Node::text).unwrap_or("String");
    if kind == "Number" && text.parse::<f64>().is_err() {
        return Err(fault(format!(
            "the parameter `{name}` is {text:?}, which is not a number"
        )));
    }
    // CloudFormation trims the members of a list.
    Ok(
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            text.split(',').map(str::trim).map(Value::from).collect()
        } else {
            Value::from(text)
        },
    )
}
