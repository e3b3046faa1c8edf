//! The embedded database in this process: a request of DynamoDB's JSON protocol in, its response
//! out.

use std::sync::Arc;

use dynoxide::storage_backend::Clock;
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use template::TableSpec;

use crate::response::Response;

/// A database in memory.
#[derive(Clone)]
pub struct Engine {
    database: Database,
}

impl Engine {
    /// An empty database with the machine's clock.
    ///
    /// # Errors
    /// The embedded database cannot be opened.
    pub fn in_memory() -> Result<Self, String> {
        let database = Database::memory().map_err(|error| error.to_string())?;
        Ok(Self { database })
    }

    /// An empty database with the caller's clock.
    ///
    /// # Errors
    /// The embedded database cannot be opened.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Result<Self, String> {
        let database = Database::memory_with_clock(clock).map_err(|error| error.to_string())?;
        Ok(Self { database })
    }

    /// Creates a table of the template under the given name.
    ///
    /// # Errors
    /// The embedded database refuses the table.
    pub fn create(&self, spec: &TableSpec, name: &str) -> Result<(), String> {
        let created = self
            .database
            .create_table(from(declaration(spec, name))?)
            .map(drop);
        created.map_err(|error| error.to_string())?;
        let Some(attribute) = &spec.ttl else {
            return Ok(());
        };
        let time_to_live = from(json!({
            "TableName": name,
            "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": true},
        }))?;
        let set = self.database.update_time_to_live(time_to_live).map(drop);
        set.map_err(|error| error.to_string())
    }

    /// Creates a table whose primary key is `pk` and `sk`, both strings.
    ///
    /// # Errors
    /// The embedded database refuses the table.
    pub fn create_keyed(&self, name: &str) -> Result<(), String> {
        let create = from(json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        }))?;
        let created = self.database.create_table(create).map(drop);
        created.map_err(|error| error.to_string())
    }

    /// Answers a request, such as `PutItem`.
    ///
    /// # Errors
    /// The engine does not have the operation, or the body is not a request of it.
    pub fn call(&self, operation: &str, body: Value) -> Result<Response, String> {
        let database = &self.database;
        match operation {
            "TransactWriteItems" => call(body, |it| database.transact_write_items(it)),
            "PutItem" => call(body, |it| database.put_item(it)),
            "UpdateItem" => call(body, |it| database.update_item(it)),
            "DeleteItem" => call(body, |it| database.delete_item(it)),
            "GetItem" => call(body, |it| database.get_item(it)),
            "BatchGetItem" => call(body, |it| database.batch_get_item(it)),
            "Query" => call(body, |it| database.query(it)),
            "Scan" => call(body, |it| database.scan(it)),
            _ => Err(format!("the embedded database does not answer {operation}")),
        }
    }

    /// Deletes the items whose time to live has ended.
    ///
    /// # Errors
    /// The embedded database failed.
    pub fn delete_expired(&self) -> Result<(), String> {
        let swept = self.database.sweep_ttl().map(drop);
        swept.map_err(|error| error.to_string())
    }
}

fn call<In: DeserializeOwned, Out: Serialize>(
    body: Value,
    operation: impl FnOnce(In) -> Result<Out, DynoxideError>,
) -> Result<Response, String> {
    match operation(from(body)?) {
        Ok(answer) => {
            let answer = serde_json::to_value(answer).map_err(|error| error.to_string())?;
            Ok(Response::ok(answer))
        }
        Err(error) => {
            let body = serde_json::from_str(&error.to_json()).map_err(|error| error.to_string())?;
            let status = error.status_code();
            Ok(Response { status, body })
        }
    }
}

fn from<T: DeserializeOwned>(body: Value) -> Result<T, String> {
    serde_json::from_value(body).map_err(|error| error.to_string())
}

/// The request that creates a table.
fn declaration(spec: &TableSpec, name: &str) -> Value {
    let schema = |hash: &str, range: Option<&String>| {
        let mut schema = vec![json!({"AttributeName": hash, "KeyType": "HASH"})];
        schema.extend(range.map(|range| json!({"AttributeName": range, "KeyType": "RANGE"})));
        schema
    };
    let attributes = spec.attributes.iter();
    let attributes =
        attributes.map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}));
    let indexes = spec.indexes.iter().map(|(name, index)| {
        json!({
            "IndexName": name,
            "KeySchema": schema(&index.key.hash, index.key.range.as_ref()),
            "Projection": {"ProjectionType": index.projection},
        })
    });
    json!({
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes.collect::<Vec<_>>(),
        "KeySchema": schema(&spec.key.hash, spec.key.range.as_ref()),
        "GlobalSecondaryIndexes": indexes.collect::<Vec<_>>(),
    })
}
