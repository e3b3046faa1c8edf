//! Evaluates CloudFormation's intrinsic functions: a node in, its value out.
//!
//! Only nodes that are requested are evaluated. A resource that this program does not serve may
//! therefore use functions that it does not know.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::fault::Fault;
use crate::intrinsic::{Intrinsic, arguments, function, scalar, text_of};
use crate::network;
use crate::resource::{self, Place};
use crate::substitute;
use crate::yaml::{Content, Entry, Node};

/// How deep values and conditions may be nested; this also ends circular references.
const DEPTH_MAX: usize = 32;

/// Evaluates nodes of one template with one set of parameters.
pub(crate) struct Evaluator<'template> {
    root: &'template Node,
    place: &'template Place,
    parameters: BTreeMap<String, Value>,
}

impl<'template> Evaluator<'template> {
    pub(crate) fn new(
        root: &'template Node,
        place: &'template Place,
        parameters: BTreeMap<String, Value>,
    ) -> Self {
        Self {
            root,
            place,
            parameters,
        }
    }

    /// The parameters' values.
    pub(crate) fn parameters(&self) -> &BTreeMap<String, Value> {
        &self.parameters
    }

    /// The `Globals` of all functions.
    pub(crate) fn globals(&self) -> Option<&'template Node> {
        self.root.at(&["Globals", "Function"])
    }

    /// A property of a function: its own, or else that of `Globals`.
    pub(crate) fn function_property<'node>(
        &self,
        function: &'node Node,
        name: &str,
    ) -> Option<&'node Node>
    where
        'template: 'node,
    {
        let own = function.at(&["Properties", name]);
        own.or_else(|| self.globals().and_then(|globals| globals.get(name)))
    }

    /// Whether an ARN names this function or its alias.
    pub(crate) fn is_function(&self, logical: &str, node: &Node, arn: &str) -> bool {
        let own = resource::attribute(self.place, logical, node, "Arn");
        let alias = resource::qualified(self.place, logical, node, resource::ALIAS);
        [own, alias].into_iter().flatten().any(|own| own == arn)
    }

    /// The value of a node; `None` for `AWS::NoValue`.
    pub(crate) fn value(&self, node: &Node) -> Result<Option<Value>, Fault> {
        self.value_at(node, 0)
    }

    /// The value of a node as text; numbers and booleans become text.
    pub(crate) fn text(&self, node: &Node) -> Result<String, Fault> {
        match self.value(node)? {
            Some(value) => text_of(&value).ok_or_else(|| node.fault("a text is needed here")),
            None => Err(node.fault("a text is needed here, not AWS::NoValue")),
        }
    }

    /// The value of a node that must be a list of texts.
    pub(crate) fn texts(&self, node: &Node) -> Result<Vec<String>, Fault> {
        self.texts_at(node, 0)
    }

    /// The value of a node that must be a boolean.
    pub(crate) fn truth(&self, node: &Node) -> Result<bool, Fault> {
        match self.text(node)?.as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(node.fault("`true` or `false` is needed here")),
        }
    }

    /// The value of a node that must be a whole number.
    pub(crate) fn number(&self, node: &Node) -> Result<u64, Fault> {
        let text = self.text(node)?;
        text.parse()
            .map_err(|_| node.fault("a whole number is needed here"))
    }

    /// The resources that exist under the conditions, in the template's order.
    pub(crate) fn resources(&self) -> Result<Vec<(&'template str, &'template Node)>, Fault> {
        let resources = self.root.get("Resources");
        let resources = resources.ok_or_else(|| self.root.fault("there are no Resources"))?;
        let mut existing = Vec::new();
        for Entry { key, value, .. } in resources.entries() {
            if self.exists(value)? {
                existing.push((key.as_str(), value));
            }
        }
        Ok(existing)
    }

    /// Whether a resource exists: it has no `Condition`, or its condition is true.
    pub(crate) fn exists(&self, resource: &Node) -> Result<bool, Fault> {
        match resource.get("Condition") {
            Some(name) => self.named_condition(name, 0),
            None => Ok(true),
        }
    }

    /// Whether a condition holds that is written in place, as rules have them.
    pub(crate) fn holds(&self, condition: &Node) -> Result<bool, Fault> {
        self.condition(condition, 0)
    }

    fn value_at(&self, node: &Node, depth: usize) -> Result<Option<Value>, Fault> {
        if DEPTH_MAX < depth {
            return Err(node.fault("this value refers to itself, or is nested too deep"));
        }
        if let Some((function, argument)) = function(node)? {
            return self.apply(function, node, &argument, depth + 1);
        }
        match &node.content {
            Content::Scalar { text, plain } => Ok(Some(scalar(text, *plain))),
            Content::List(nodes) => {
                let mut values = Vec::new();
                for node in nodes {
                    values.extend(self.value_at(node, depth + 1)?);
                }
                Ok(Some(Value::Array(values)))
            }
            Content::Map(entries) => {
                let mut map = Map::new();
                for Entry { key, value, .. } in entries {
                    if let Some(value) = self.value_at(value, depth + 1)? {
                        map.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(map)))
            }
        }
    }

    fn apply(
        &self,
        function: Intrinsic,
        node: &Node,
        argument: &Node,
        depth: usize,
    ) -> Result<Option<Value>, Fault> {
        let value = match function {
            Intrinsic::Ref => return self.reference(argument),
            Intrinsic::If => {
                let [condition, yes, no] = arguments(function, argument)?;
                let chosen = if self.named_condition(condition, depth)? {
                    yes
                } else {
                    no
                };
                return self.value_at(chosen, depth);
            }
            Intrinsic::Sub => Value::String(self.sub(argument, depth)?),
            Intrinsic::GetAtt => Value::String(self.attribute(argument)?),
            Intrinsic::Join => {
                let [separator, parts] = arguments(function, argument)?;
                let separator = self.text_at(separator, depth)?;
                Value::String(self.texts_at(parts, depth)?.join(&separator))
            }
            Intrinsic::Split => {
                let [separator, whole] = arguments(function, argument)?;
                let (separator, whole) =
                    (self.text_at(separator, depth)?, self.text_at(whole, depth)?);
                whole.split(separator.as_str()).map(Value::from).collect()
            }
            Intrinsic::Select => {
                let [index, list] = arguments(function, argument)?;
                let values = self.texts_at(list, depth)?;
                let chosen = self
                    .text_at(index, depth)?
                    .parse()
                    .ok()
                    .and_then(|index: usize| values.into_iter().nth(index));
                Value::String(
                    chosen
                        .ok_or_else(|| index.fault("Select: there is no element of this index"))?,
                )
            }
            Intrinsic::FindInMap => self.find_in_map(argument, depth)?,
            // Each region has three zones at least.
            Intrinsic::GetAZs => ["a", "b", "c"]
                .map(|zone| Value::from(format!("{}{zone}", self.place.region)))
                .into_iter()
                .collect(),
            Intrinsic::Cidr => {
                let [network, count, bits] = arguments(function, argument)?;
                let number = |node| self.text_at(node, depth).map(|text| text.parse().ok());
                let network = self.text_at(network, depth)?;
                let divided = match (number(count)?, number(bits)?) {
                    (Some(count), Some(bits)) => network::divide(&network, count, bits),
                    _ => None,
                };
                let fault = || argument.fault("Cidr: the network has no room for these");
                divided
                    .ok_or_else(fault)?
                    .into_iter()
                    .map(Value::from)
                    .collect()
            }
            Intrinsic::Equals
            | Intrinsic::Not
            | Intrinsic::And
            | Intrinsic::Or
            | Intrinsic::Contains
            | Intrinsic::Condition => Value::Bool(self.condition(node, depth)?),
        };
        Ok(Some(value))
    }

    fn text_at(&self, node: &Node, depth: usize) -> Result<String, Fault> {
        self.value_at(node, depth)?
            .as_ref()
            .and_then(text_of)
            .ok_or_else(|| node.fault("a text is needed here"))
    }

    fn texts_at(&self, node: &Node, depth: usize) -> Result<Vec<String>, Fault> {
        match self.value_at(node, depth)? {
            Some(Value::Array(values)) => values
                .iter()
                .map(|value| {
                    text_of(value).ok_or_else(|| node.fault("a list of texts is needed here"))
                })
                .collect(),
            _ => Err(node.fault("a list is needed here")),
        }
    }

    fn reference(&self, argument: &Node) -> Result<Option<Value>, Fault> {
        let name = argument
            .text()
            .ok_or_else(|| argument.fault("Ref takes a name"))?;
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        self.named(name, argument).map(Some)
    }

    /// The value of a name: a pseudo parameter, a parameter, or a resource.
    fn named(&self, name: &str, at: &Node) -> Result<Value, Fault> {
        if name.starts_with("AWS::") {
            let value = self.place.pseudo_parameter(name);
            return value.map(Value::String).ok_or_else(|| {
                at.fault(format!(
                    "this program does not know the pseudo parameter {name}"
                ))
            });
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        // The alias or the version of a function, which only SAM knows.
        for (suffix, qualifier) in [(".Alias", resource::ALIAS), (".Version", resource::VERSION)] {
            if let Some(function) = name.strip_suffix(suffix) {
                let resource = self.resource(function, at)?;
                return resource::qualified(self.place, function, resource, qualifier)
                    .map(Value::String)
                    .map_err(|message| at.fault(message));
            }
        }
        let resource = self.resource(name, at)?;
        resource::reference(self.place, name, resource)
            .map(Value::String)
            .map_err(|message| at.fault(message))
    }

    /// A resource that exists under the conditions.
    fn resource(&self, name: &str, at: &Node) -> Result<&'template Node, Fault> {
        let resource = self
            .root
            .at(&["Resources", name])
            .ok_or_else(|| at.fault(format!("there is no parameter and no resource `{name}`")))?;
        if !self.exists(resource)? {
            let message = format!("the resource `{name}` does not exist under its condition");
            return Err(at.fault(message));
        }
        Ok(resource)
    }

    fn attribute(&self, argument: &Node) -> Result<String, Fault> {
        let path = match &argument.content {
            Content::Scalar { text, .. } => text.clone(),
            Content::List(parts) => {
                let parts: Option<Vec<&str>> = parts.iter().map(Node::text).collect();
                parts
                    .ok_or_else(|| argument.fault("GetAtt takes two names"))?
                    .join(".")
            }
            Content::Map(_) => return Err(argument.fault("GetAtt takes two names")),
        };
        self.attribute_of(&path, argument)
    }

    fn attribute_of(&self, path: &str, at: &Node) -> Result<String, Fault> {
        let (name, attribute) = path
            .split_once('.')
            .ok_or_else(|| at.fault("GetAtt takes a resource and an attribute"))?;
        let resource = self.resource(name, at)?;
        resource::attribute(self.place, name, resource, attribute)
            .map_err(|message| at.fault(message))
    }

    fn sub(&self, argument: &Node, depth: usize) -> Result<String, Fault> {
        let (pattern, own) = match &argument.content {
            Content::Scalar { text, .. } => (text.as_str(), None),
            Content::List(_) => {
                let [pattern, own] = arguments(Intrinsic::Sub, argument)?;
                let pattern = pattern
                    .text()
                    .ok_or_else(|| pattern.fault("Sub takes a text first"))?;
                (pattern, Some(own))
            }
            Content::Map(_) => {
                return Err(argument.fault("Sub takes a text, or a text and a mapping"));
            }
        };
        substitute::fill(pattern, |name| {
            if let Some(value) = own.and_then(|own| own.get(name)) {
                return self.text_at(value, depth);
            }
            if name.contains('.') && !name.ends_with(".Alias") {
                return self.attribute_of(name, argument);
            }
            let value = self.named(name, argument)?;
            text_of(&value).ok_or_else(|| argument.fault(format!("Sub: `{name}` is a list")))
        })
    }

    fn find_in_map(&self, argument: &Node, depth: usize) -> Result<Value, Fault> {
        let [map, first, second] = arguments(Intrinsic::FindInMap, argument)?;
        let keys = [
            self.text_at(map, depth)?,
            self.text_at(first, depth)?,
            self.text_at(second, depth)?,
        ];
        let [map, first, second] = keys.each_ref().map(String::as_str);
        let found = self.root.at(&["Mappings", map, first, second]);
        let found = found.ok_or_else(|| {
            argument.fault(format!(
                "FindInMap: {map} has no value for {first} and {second}"
            ))
        })?;
        self.value_at(found, depth)?
            .ok_or_else(|| argument.fault("FindInMap: no value"))
    }

    fn named_condition(&self, name: &Node, depth: usize) -> Result<bool, Fault> {
        let text = name
            .text()
            .ok_or_else(|| name.fault("the name of a condition is needed here"))?;
        let condition = self.root.at(&["Conditions", text]);
        let condition =
            condition.ok_or_else(|| name.fault(format!("there is no condition `{text}`")))?;
        self.condition(condition, depth + 1)
    }

    fn condition(&self, node: &Node, depth: usize) -> Result<bool, Fault> {
        if DEPTH_MAX < depth {
            return Err(node.fault("a condition refers to itself, or is nested too deep"));
        }
        let Some((function, argument)) = function(node)? else {
            return Err(node.fault("a condition is needed here"));
        };
        match function {
            Intrinsic::Equals => {
                let [left, right] = arguments(function, &argument)?;
                Ok(self.text_at(left, depth)? == self.text_at(right, depth)?)
            }
            Intrinsic::Contains => {
                let [list, text] = arguments(function, &argument)?;
                let text = self.text_at(text, depth)?;
                Ok(self.texts_at(list, depth)?.contains(&text))
            }
            Intrinsic::Not => {
                let [only] = arguments(function, &argument)?;
                Ok(!self.condition(only, depth + 1)?)
            }
            Intrinsic::And | Intrinsic::Or => {
                let Content::List(nodes) = &argument.content else {
                    return Err(argument.fault(format!("{function:?} takes a list of conditions")));
                };
                let mut all = true;
                let mut any = false;
                for node in nodes {
                    let holds = self.condition(node, depth + 1)?;
                    all &= holds;
                    any |= holds;
                }
                Ok(if function == Intrinsic::And { all } else { any })
            }
            Intrinsic::Condition => self.named_condition(&argument, depth),
            Intrinsic::Ref
            | Intrinsic::Sub
            | Intrinsic::GetAtt
            | Intrinsic::If
            | Intrinsic::Join
            | Intrinsic::Select
            | Intrinsic::Split
            | Intrinsic::FindInMap
            | Intrinsic::GetAZs
            | Intrinsic::Cidr => Err(node.fault("a condition is needed here")),
        }
    }
}
