//! Tables: keys, indexes and the time-to-live attribute.

use std::collections::BTreeMap;

use crate::evaluate::Evaluator;
use crate::fault::Fault;
use crate::resource::{self, Place};
use crate::yaml::Node;

/// A DynamoDB table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableSpec {
    /// Its logical id.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: TableKey,
    /// Its global secondary indexes, by name.
    pub indexes: BTreeMap<String, IndexSpec>,
    /// The types (`S`, `N`, `B`) of the attributes that are part of a key.
    pub attributes: BTreeMap<String, String>,
    /// The time-to-live attribute, if the table has one.
    pub ttl: Option<String>,
    /// The line that declares it.
    pub line: usize,
}

/// The attributes of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableKey {
    /// The partition key.
    pub hash: String,
    /// The sort key.
    pub range: Option<String>,
}

/// A global secondary index.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexSpec {
    /// Its key.
    pub key: TableKey,
    /// Its projection: `KEYS_ONLY`, `ALL` or `INCLUDE`.
    pub projection: String,
    /// The attributes of an `INCLUDE` projection.
    pub included: Vec<String>,
}

pub(crate) fn read(
    evaluator: &Evaluator<'_>,
    place: &Place,
    logical: &str,
    node: &Node,
) -> Result<TableSpec, Fault> {
    let properties = node.need("Properties")?;
    let mut indexes = BTreeMap::new();
    if let Some(nodes) = properties.get("GlobalSecondaryIndexes") {
        for node in nodes.list()? {
            let name = evaluator.text(node.need("IndexName")?)?;
            indexes.insert(name, index(evaluator, node)?);
        }
    }
    let mut attributes = BTreeMap::new();
    for node in properties.need("AttributeDefinitions")?.list()? {
        let name = evaluator.text(node.need("AttributeName")?)?;
        attributes.insert(name, evaluator.text(node.need("AttributeType")?)?);
    }
    let spec = TableSpec {
        logical_id: logical.to_owned(),
        name: resource::reference(place, logical, node).map_err(|message| node.fault(message))?,
        key: key(evaluator, properties.need("KeySchema")?)?,
        indexes,
        attributes,
        ttl: ttl(evaluator, properties)?,
        line: node.line,
    };
    check_attributes(&spec, node)?;
    Ok(spec)
}

fn index(evaluator: &Evaluator<'_>, node: &Node) -> Result<IndexSpec, Fault> {
    let projection = node.need("Projection")?;
    let included = projection.get("NonKeyAttributes");
    Ok(IndexSpec {
        key: key(evaluator, node.need("KeySchema")?)?,
        projection: evaluator.text(projection.need("ProjectionType")?)?,
        included: included
            .map(|node| evaluator.texts(node))
            .transpose()?
            .unwrap_or_default(),
    })
}

fn key(evaluator: &Evaluator<'_>, node: &Node) -> Result<TableKey, Fault> {
    let (mut hash, mut range) = (None, None);
    for part in node.list()? {
        let name = evaluator.text(part.need("AttributeName")?)?;
        let kind = part.need("KeyType")?;
        match evaluator.text(kind)?.as_str() {
            "HASH" => hash = Some(name),
            "RANGE" => range = Some(name),
            _ => return Err(kind.fault("the KeyType must be HASH or RANGE")),
        }
    }
    let hash = hash.ok_or_else(|| node.fault("a key needs an attribute of type HASH"))?;
    Ok(TableKey { hash, range })
}

fn ttl(evaluator: &Evaluator<'_>, properties: &Node) -> Result<Option<String>, Fault> {
    let Some(node) = properties.get("TimeToLiveSpecification") else {
        return Ok(None);
    };
    let enabled = evaluator.truth(node.need("Enabled")?)?;
    let attribute = evaluator.text(node.need("AttributeName")?)?;
    Ok(enabled.then_some(attribute))
}

/// DynamoDB refuses a table unless its definitions are exactly the attributes of its keys.
fn check_attributes(spec: &TableSpec, node: &Node) -> Result<(), Fault> {
    let keys = std::iter::once(&spec.key).chain(spec.indexes.values().map(|index| &index.key));
    let mut used: Vec<&String> = keys
        .flat_map(|key| std::iter::once(&key.hash).chain(&key.range))
        .collect();
    used.sort();
    used.dedup();
    match (
        used.iter()
            .find(|name| !spec.attributes.contains_key(**name)),
        spec.attributes.keys().find(|name| !used.contains(name)),
    ) {
        (Some(name), _) => Err(node.fault(format!("the key attribute `{name}` has no definition"))),
        (None, Some(name)) => Err(node.fault(format!(
            "the attribute `{name}` is defined but not part of a key"
        ))),
        (None, None) => Ok(()),
    }
}
