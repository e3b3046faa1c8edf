//! A request to the database as it is on the wire, and the keys that it names.

use std::fmt;

use serde_json::Value;

/// The operations that the functions may use. Any other is a defect.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Operation {
    /// Conditional writes of many items, all or none.
    TransactWriteItems,
    /// A write of one whole item.
    PutItem,
    /// A change of one item.
    UpdateItem,
    /// A strongly consistent read of one item.
    GetItem,
    /// Strongly consistent reads of many items, one by one.
    BatchGetItem,
    /// A read of a page of an index.
    Query,
    /// Strongly consistent reads of a part of the table, item by item.
    Scan,
}

impl Operation {
    /// All of them.
    const ALL: [Self; 7] = [
        Self::TransactWriteItems,
        Self::PutItem,
        Self::UpdateItem,
        Self::GetItem,
        Self::BatchGetItem,
        Self::Query,
        Self::Scan,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.name() == name)
    }

    /// The name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::TransactWriteItems => "TransactWriteItems",
            Self::PutItem => "PutItem",
            Self::UpdateItem => "UpdateItem",
            Self::GetItem => "GetItem",
            Self::BatchGetItem => "BatchGetItem",
            Self::Query => "Query",
            Self::Scan => "Scan",
        }
    }

    /// Whether it writes.
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::TransactWriteItems | Self::PutItem | Self::UpdateItem
        )
    }
}

/// The primary key of an item: partition and sort key.
pub type Key = (String, String);

/// A request to the database.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its number in this run.
    pub number: u64,
    /// Its operation.
    pub operation: Operation,
    /// The keys of the items that it names, in its order.
    pub keys: Vec<Key>,
    /// Its body.
    pub body: Value,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// The operation is not one that the functions may use.
    pub(crate) fn read(number: u64, name: &str, body: Value) -> Result<Self, String> {
        let operation =
            Operation::named(name).ok_or_else(|| format!("the functions may not use {name}"))?;
        Ok(Self {
            number,
            operation,
            keys: keys(operation, &body),
            body,
        })
    }

    /// A transaction's client request token.
    pub fn token(&self) -> Option<&str> {
        self.body.get("ClientRequestToken")?.as_str()
    }

    /// The actions of a transaction. Other operations have none.
    pub fn actions(&self) -> &[Value] {
        let actions = self.body.get("TransactItems").and_then(Value::as_array);
        actions.map(Vec::as_slice).unwrap_or_default()
    }
}

impl fmt::Display for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "db#{} {:?}", self.number, self.operation)?;
        for (pk, sk) in &self.keys {
            write!(formatter, " {pk}/{sk}")?;
        }
        Ok(())
    }
}

/// A string attribute of an item in DynamoDB's JSON.
pub(crate) fn text<'item>(item: &'item Value, name: &str) -> Option<&'item str> {
    item.get(name)?.get("S")?.as_str()
}

/// An integer attribute of an item in DynamoDB's JSON.
pub(crate) fn number(item: &Value, name: &str) -> Option<i64> {
    item.get(name)?.get("N")?.as_str()?.parse().ok()
}

/// The primary key of an item or of a key.
pub(crate) fn key(item: &Value) -> Option<Key> {
    Some((text(item, "pk")?.to_owned(), text(item, "sk")?.to_owned()))
}

fn keys(operation: Operation, body: &Value) -> Vec<Key> {
    match operation {
        Operation::TransactWriteItems => {
            let actions = body.get("TransactItems").and_then(Value::as_array);
            let actions = actions.map(Vec::as_slice).unwrap_or_default();
            actions.iter().filter_map(action_key).collect()
        }
        Operation::PutItem => body.get("Item").and_then(key).into_iter().collect(),
        Operation::UpdateItem | Operation::GetItem => {
            body.get("Key").and_then(key).into_iter().collect()
        }
        Operation::BatchGetItem => {
            let tables = body.get("RequestItems").and_then(Value::as_object);
            let lists = tables.into_iter().flat_map(|tables| tables.values());
            let keys = lists.filter_map(|list| list.get("Keys")?.as_array());
            keys.flatten().filter_map(key).collect()
        }
        Operation::Query | Operation::Scan => Vec::new(),
    }
}

/// The key that one action of a transaction names.
fn action_key(action: &Value) -> Option<Key> {
    let (_, action) = action.as_object()?.iter().next()?;
    action
        .get("Item")
        .or_else(|| action.get("Key"))
        .and_then(key)
}

impl Request {
    /// The actions of a transaction, to tamper with. The network reads the keys again afterwards.
    pub fn actions_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.body.get_mut("TransactItems")?.as_array_mut()
    }

    /// Reads the keys again after the body was changed.
    pub(crate) fn reread(&mut self) {
        self.keys = keys(self.operation, &self.body);
    }
}
