//! Owns a request to the database as it passes on the wire, and its answer.

use std::fmt;

use serde_json::{Value, json};

/// The operations that the functions may use; another one is a defect.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Operation {
    /// Many conditional writes, all or none.
    TransactWriteItems,
    /// One whole item.
    PutItem,
    /// A change of one item.
    UpdateItem,
    /// One item, read strongly.
    GetItem,
    /// Many items, read strongly one by one.
    BatchGetItem,
    /// A page of an index.
    Query,
}

impl Operation {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "TransactWriteItems" => Self::TransactWriteItems,
            "PutItem" => Self::PutItem,
            "UpdateItem" => Self::UpdateItem,
            "GetItem" => Self::GetItem,
            "BatchGetItem" => Self::BatchGetItem,
            "Query" => Self::Query,
            _ => return None,
        })
    }

    /// Whether it changes something.
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
    /// What is asked for.
    pub operation: Operation,
    /// The items that it names, in its order.
    pub keys: Vec<Key>,
    /// Its body.
    pub body: Value,
}

/// An answer on the wire.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// It is none that the functions may send.
    pub fn read(number: u64, target: &str, body: &[u8]) -> Result<Self, String> {
        let name = target.strip_prefix("DynamoDB_20120810.").unwrap_or(target);
        let operation = Operation::named(name).ok_or_else(|| format!("{name} is not expected"))?;
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        Ok(Self {
            number,
            operation,
            keys: keys(operation, &body),
            body,
        })
    }

    /// The transaction's token.
    pub fn token(&self) -> Option<&str> {
        self.body.get("ClientRequestToken")?.as_str()
    }

    /// The actions of a transaction, or none.
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

impl Response {
    /// Success.
    pub const fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// An error of a name.
    pub fn error(status: u16, name: &str, message: &str) -> Self {
        let namespace = "com.amazonaws.dynamodb.v20120810";
        let body = json!({"__type": format!("{namespace}#{name}"), "message": message});
        Self { status, body }
    }

    /// A cancelled transaction; the reasons' codes, one an action.
    pub fn cancelled(codes: &[&str]) -> Self {
        let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
        let mut error = Self::error(400, "TransactionCanceledException", "");
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        if let Some(body) = error.body.as_object_mut() {
            body.remove("message");
            body.insert("Message".to_owned(), message.into());
            body.insert("CancellationReasons".to_owned(), reasons.into());
        }
        error
    }

    /// The reasons of a cancelled transaction.
    pub fn reasons(&self) -> Option<&Vec<Value>> {
        self.body.get("CancellationReasons")?.as_array()
    }

    /// The same, to be changed.
    pub fn reasons_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.body.get_mut("CancellationReasons")?.as_array_mut()
    }
}

impl fmt::Display for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.status == 200 {
            return formatter.write_str("ok");
        }
        let name = self
            .body
            .get("__type")
            .and_then(Value::as_str)
            .unwrap_or("?");
        let name = name.rsplit('#').next().unwrap_or(name);
        write!(formatter, "{} {name}", self.status)?;
        if let Some(reasons) = self.reasons() {
            let codes = reasons.iter().map(|reason| code(reason).unwrap_or("None"));
            write!(formatter, " [{}]", codes.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}

/// The code of a cancellation reason.
pub(super) fn code(reason: &Value) -> Option<&str> {
    reason.get("Code")?.as_str()
}

/// A string attribute of an item in DynamoDB's JSON.
pub(super) fn text<'item>(item: &'item Value, name: &str) -> Option<&'item str> {
    item.get(name)?.get("S")?.as_str()
}

/// An integer attribute of an item in DynamoDB's JSON.
pub(super) fn number(item: &Value, name: &str) -> Option<i64> {
    item.get(name)?.get("N")?.as_str()?.parse().ok()
}

/// The primary key of an item or of a key.
pub(super) fn key(item: &Value) -> Option<Key> {
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
        Operation::Query => Vec::new(),
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
    /// The actions of a transaction, to be tampered with; [`Request::reread`] comes after.
    pub fn actions_mut(&mut self) -> Option<&mut Vec<Value>> {
        self.body.get_mut("TransactItems")?.as_array_mut()
    }

    /// Reads the keys again, after the body was tampered with.
    pub fn reread(&mut self) {
        self.keys = keys(self.operation, &self.body);
    }
}
