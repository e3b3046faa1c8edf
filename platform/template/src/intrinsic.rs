//! CloudFormation's spelling: the short and long forms of intrinsic functions, and scalars.

use serde_json::Value;

use crate::fault::Fault;
use crate::yaml::{Content, Node};

/// The functions that are evaluated.
const KNOWN: &str =
    "Ref, Sub, GetAtt, If, Equals, Not, And, Or, Condition, Join, Select, Split, FindInMap";

/// The name and the argument of a function, written short (`!Sub`) or long (`Fn::Sub`).
///
/// `None` if the node is not a function.
pub(crate) fn function(node: &Node) -> Option<(String, Node)> {
    if let Some(tag) = &node.tag {
        let argument = Node {
            tag: None,
            ..node.clone()
        };
        return Some((tag.clone(), argument));
    }
    let [entry] = node.entries() else { return None };
    let name = match entry.key.as_str() {
        "Ref" => "Ref",
        // `Condition: Name` is a function only if the value is a plain name.
        "Condition" if entry.value.text().is_some() => "Condition",
        key => key.strip_prefix("Fn::")?,
    };
    Some((name.to_owned(), entry.value.clone()))
}

pub(crate) fn arguments<'node, const COUNT: usize>(
    name: &str,
    node: &'node Node,
) -> Result<[&'node Node; COUNT], Fault> {
    let Content::List(nodes) = &node.content else {
        return Err(node.fault(format!("{name} takes a list of {COUNT}")));
    };
    let nodes: Vec<&Node> = nodes.iter().collect();
    nodes
        .try_into()
        .map_err(|_| node.fault(format!("{name} takes a list of {COUNT}")))
}

pub(crate) fn unsupported(node: &Node, name: &str) -> Fault {
    node.fault(format!(
        "this program does not evaluate the intrinsic `{name}`, only {KNOWN}"
    ))
}

/// The value of a scalar, read with YAML 1.1's types as CloudFormation does.
pub(crate) fn scalar(text: &str, plain: bool) -> Value {
    if !plain {
        return text.into();
    }
    match text {
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        // Only numbers that print as they were written: an account number keeps its leading zeros.
        _ => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => number.into(),
            _ => text.into(),
        },
    }
}

/// A scalar value as text, which is how CloudFormation passes all scalars on.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
