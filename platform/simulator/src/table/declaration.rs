//! Owns the request that creates a table as the template declares it.

use serde_json::{Value, json};

use template::TableSpec;

/// The request that creates a table.
pub(super) fn of(spec: &TableSpec, name: &str) -> Value {
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
