//! The intrinsic functions and how they are written, short or long; and scalars.

use serde_json::Value;

use crate::fault::Fault;
use crate::yaml::{Content, Node};

/// An intrinsic function that this program evaluates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Intrinsic {
    Ref,
    Sub,
    GetAtt,
    If,
    Equals,
    Not,
    And,
    Or,
    /// Only rules may use this one.
    Contains,
    Condition,
    Join,
    Select,
    Split,
    FindInMap,
    GetAZs,
    Cidr,
}

impl Intrinsic {
    const ALL: [Self; 16] = [
        Self::Ref,
        Self::Sub,
        Self::GetAtt,
        Self::If,
        Self::Equals,
        Self::Not,
        Self::And,
        Self::Or,
        Self::Contains,
        Self::Condition,
        Self::Join,
        Self::Select,
        Self::Split,
        Self::FindInMap,
        Self::GetAZs,
        Self::Cidr,
    ];

    fn named(name: &str, node: &Node) -> Result<Self, Fault> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|intrinsic| format!("{intrinsic:?}") == name);
        found.ok_or_else(|| {
            let known = Self::ALL
                .map(|intrinsic| format!("{intrinsic:?}"))
                .join(", ");
            node.fault(format!(
                "this program does not evaluate the intrinsic `{name}`, only {known}"
            ))
        })
    }
}

/// The function and its argument, written short (`!Sub`) or long (`Fn::Sub`).
///
/// `None` if the node is not a function.
pub(crate) fn function(node: &Node) -> Result<Option<(Intrinsic, Node)>, Fault> {
    if let Some(tag) = &node.tag {
        let argument = Node {
            tag: None,
            ..node.clone()
        };
        return Ok(Some((Intrinsic::named(tag, node)?, argument)));
    }
    let [entry] = node.entries() else {
        return Ok(None);
    };
    let name = match entry.key.as_str() {
        "Ref" => "Ref",
        // `Condition: Name` is a function only if the value is a plain name.
        "Condition" if entry.value.text().is_some() => "Condition",
        key => match key.strip_prefix("Fn::") {
            Some(name) => name,
            None => return Ok(None),
        },
    };
    Ok(Some((Intrinsic::named(name, node)?, entry.value.clone())))
}

/// The arguments of a function that takes a list of this length.
pub(crate) fn arguments<const COUNT: usize>(
    function: Intrinsic,
    node: &Node,
) -> Result<[&Node; COUNT], Fault> {
    let Content::List(nodes) = &node.content else {
        return Err(node.fault(format!("{function:?} takes a list of {COUNT}")));
    };
    let nodes: Vec<&Node> = nodes.iter().collect();
    nodes
        .try_into()
        .map_err(|_| node.fault(format!("{function:?} takes a list of {COUNT}")))
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
