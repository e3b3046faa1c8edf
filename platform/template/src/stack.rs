//! A whole stack: every resource that exists, evaluated.
//!
//! [`Template`](crate::Template) holds only what the local program serves. Tests check the rest
//! (roles, queues, keys, pipes) on a [`Stack`], with the same names and conditions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::evaluate::Evaluator;
use crate::fault::{Faults, TemplateError};
use crate::parameters;
use crate::resource::{self, Place};
use crate::yaml::{self, Entry, Node};

/// A template's resources under one set of parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Stack {
    /// The resources by logical id.
    pub resources: BTreeMap<String, Resource>,
    /// The names of the parameters.
    pub parameters: Vec<String>,
}

/// A resource, evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its type.
    pub kind: String,
    /// Its properties; those of a function include the globals.
    pub properties: Value,
    /// Its other attributes, such as `Metadata`, `DependsOn` and `DeletionPolicy`.
    pub attributes: Value,
    /// The result of `Ref`, if this program knows it for this type.
    pub reference: Option<String>,
    /// The line that declares it.
    pub line: usize,
}

impl Stack {
    /// Evaluates a whole template, with values for some of its parameters.
    ///
    /// # Errors
    /// All faults, such as a reference to a resource that does not exist under its condition.
    pub fn read<'a>(
        text: &str,
        overrides: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TemplateError> {
        Self::read_in(&Place::default(), text, overrides)
    }

    /// Evaluates a whole template as [`Stack::read`] does, for a stack of another name or place.
    ///
    /// The template may be JSON, and may be what SAM makes of a template.
    ///
    /// # Errors
    /// All faults, as for [`Stack::read`].
    pub fn read_in<'a>(
        place: &Place,
        text: &str,
        overrides: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TemplateError> {
        let root = yaml::read(text).map_err(|fault| TemplateError(vec![fault]))?;
        let values = parameters::read(&root, overrides)?;
        let names = values.keys().cloned().collect();
        let evaluator = Evaluator::new(&root, place, values);
        let mut faults = Faults::default();
        let mut resources = BTreeMap::new();
        for (logical, node) in faults.keep(evaluator.resources()).unwrap_or_default() {
            let read = read_resource(&evaluator, place, logical, node, &mut faults);
            resources.insert(logical.to_owned(), read);
        }
        // The outputs are evaluated only to find their faults.
        for Entry { value, .. } in root.get("Outputs").map(Node::entries).unwrap_or_default() {
            let exists = faults.keep(evaluator.exists(value)).unwrap_or_default();
            if let Some(value) = value.get("Value").filter(|_| exists) {
                faults.keep(evaluator.value(value));
            }
        }
        faults.none_or_error()?;
        Ok(Self {
            resources,
            parameters: names,
        })
    }

    /// The resources of a type, by logical id.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = (&str, &Resource)> {
        let of_kind = move |(_, resource): &(&String, &Resource)| resource.kind == kind;
        let resources = self.resources.iter().filter(of_kind);
        resources.map(|(logical, resource)| (logical.as_str(), resource))
    }
}

/// Sets a property. As SAM does with `Globals`, a map is added to the map that is there.
fn merge(properties: &mut Map<String, Value>, key: &str, value: Value) {
    match (properties.get_mut(key), value) {
        (Some(Value::Object(common)), Value::Object(own)) => {
            for (key, value) in own {
                merge(common, &key, value);
            }
        }
        (_, value) => drop(properties.insert(key.to_owned(), value)),
    }
}

fn read_resource(
    evaluator: &Evaluator<'_>,
    place: &Place,
    logical: &str,
    node: &Node,
    faults: &mut Faults,
) -> Resource {
    let kind = resource::kind(node);
    let (mut properties, mut attributes) = (Map::new(), Map::new());
    let globals = (kind == "AWS::Serverless::Function").then(|| evaluator.globals());
    let common = globals.flatten().map(Node::entries).unwrap_or_default();
    let own = node.get("Properties").map(Node::entries);
    for Entry { key, value, .. } in common.iter().chain(own.unwrap_or_default()) {
        if let Some(value) = faults.keep(evaluator.value(value)).flatten() {
            merge(&mut properties, key, value);
        }
    }
    let known = ["Type", "Properties", "Condition"];
    let beside = node.entries().iter();
    for Entry { key, value, .. } in beside.filter(|entry| !known.contains(&entry.key.as_str())) {
        if let Some(value) = faults.keep(evaluator.value(value)).flatten() {
            attributes.insert(key.clone(), value);
        }
    }
    Resource {
        kind: kind.to_owned(),
        properties: properties.into(),
        attributes: attributes.into(),
        reference: resource::reference(place, logical, node).ok(),
        line: node.line,
    }
}
