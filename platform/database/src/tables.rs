//! Creates the template's tables, and refuses existing tables that differ from it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    TableDescription, TimeToLiveSpecification,
};
use template::{IndexSpec, TableKey, TableSpec};

use crate::error::DatabaseError;

/// Creates the missing tables.
///
/// # Errors
/// A table exists and differs from the template, or a request failed.
pub async fn prepare(
    client: &Client,
    url: &str,
    tables: &[TableSpec],
) -> Result<(), DatabaseError> {
    for spec in tables {
        prepare_table(client, url, spec).await?;
    }
    Ok(())
}

async fn prepare_table(client: &Client, url: &str, spec: &TableSpec) -> Result<(), DatabaseError> {
    let failed = |reason: String| DatabaseError::Call {
        table: spec.name.clone(),
        url: url.to_owned(),
        reason,
    };
    match client.describe_table().table_name(&spec.name).send().await {
        Ok(described) => check(spec, described.table())?,
        Err(SdkError::ServiceError(error)) if is_missing(error.err()) => {
            create(client, spec).await.map_err(failed)?;
        }
        Err(error) => return Err(failed(DisplayErrorContext(error).to_string())),
    }
    let ttl = client
        .describe_time_to_live()
        .table_name(&spec.name)
        .send()
        .await;
    let ttl = ttl.map_err(|error| failed(DisplayErrorContext(error).to_string()))?;
    let current = ttl
        .time_to_live_description()
        .and_then(|ttl| ttl.attribute_name());
    match (&spec.ttl, current) {
        (Some(wanted), Some(current)) if wanted == current => Ok(()),
        (None, None) => Ok(()),
        (Some(wanted), None) => set_ttl(client, spec, wanted).await.map_err(failed),
        (wanted, current) => Err(DatabaseError::Differs {
            table: spec.name.clone(),
            line: spec.line,
            difference: format!(
                "its time-to-live attribute is {} and not {}",
                current.unwrap_or("none"),
                wanted.as_deref().unwrap_or("none"),
            ),
        }),
    }
}

fn is_missing(error: &DescribeTableError) -> bool {
    error.is_resource_not_found_exception()
}

async fn create(client: &Client, spec: &TableSpec) -> Result<(), String> {
    let text = |error: aws_sdk_dynamodb::error::BuildError| error.to_string();
    let mut request = client
        .create_table()
        .table_name(&spec.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(key_schema(&spec.key).map_err(text)?));
    for (name, kind) in &spec.attributes {
        let definition = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(kind.as_str().into());
        request = request.attribute_definitions(definition.build().map_err(text)?);
    }
    for (name, index) in &spec.indexes {
        let included = Some(index.included.clone()).filter(|included| !included.is_empty());
        let projection = Projection::builder()
            .projection_type(index.projection.as_str().into())
            .set_non_key_attributes(included);
        let index = GlobalSecondaryIndex::builder()
            .index_name(name)
            .set_key_schema(Some(key_schema(&index.key).map_err(text)?))
            .projection(projection.build());
        request = request.global_secondary_indexes(index.build().map_err(text)?);
    }
    let created = request.send().await;
    created
        .map(drop)
        .map_err(|error| DisplayErrorContext(error).to_string())
}

async fn set_ttl(client: &Client, spec: &TableSpec, attribute: &str) -> Result<(), String> {
    let specification = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(attribute)
        .build()
        .map_err(|error| error.to_string())?;
    let request = client.update_time_to_live().table_name(&spec.name);
    let set = request
        .time_to_live_specification(specification)
        .send()
        .await;
    set.map(drop)
        .map_err(|error| DisplayErrorContext(error).to_string())
}

fn key_schema(
    key: &TableKey,
) -> Result<Vec<KeySchemaElement>, aws_sdk_dynamodb::error::BuildError> {
    let part = |name: &String, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
    };
    let mut schema = vec![part(&key.hash, KeyType::Hash)?];
    if let Some(range) = &key.range {
        schema.push(part(range, KeyType::Range)?);
    }
    Ok(schema)
}

/// Compares an existing table with the template's.
fn check(spec: &TableSpec, described: Option<&TableDescription>) -> Result<(), DatabaseError> {
    let Some(described) = described else {
        return Ok(());
    };
    let key = read_key(described.key_schema());
    let indexes = described
        .global_secondary_indexes()
        .iter()
        .filter_map(|index| {
            let projection = index.projection()?;
            let spec = IndexSpec {
                key: read_key(index.key_schema()),
                projection: projection.projection_type()?.as_str().to_owned(),
                included: projection.non_key_attributes().to_vec(),
            };
            Some((index.index_name()?.to_owned(), spec))
        });
    let indexes: BTreeMap<String, IndexSpec> = indexes.collect();
    let attributes = described.attribute_definitions().iter().map(|definition| {
        let name = definition.attribute_name().to_owned();
        (name, definition.attribute_type().as_str().to_owned())
    });
    let attributes: BTreeMap<String, String> = attributes.collect();
    let difference = if key != spec.key {
        format!("its key is {} and not {}", words(&key), words(&spec.key))
    } else if indexes != spec.indexes {
        format!(
            "its indexes are {} and not {}",
            index_words(&indexes),
            index_words(&spec.indexes)
        )
    } else if attributes != spec.attributes {
        format!(
            "its key attributes are {attributes:?} and not {:?}",
            spec.attributes
        )
    } else {
        return Ok(());
    };
    Err(DatabaseError::Differs {
        table: spec.name.clone(),
        line: spec.line,
        difference,
    })
}

fn read_key(schema: &[KeySchemaElement]) -> TableKey {
    let of = |kind: &KeyType| {
        let part = schema.iter().find(|part| part.key_type() == kind);
        part.map(|part| part.attribute_name().to_owned())
    };
    TableKey {
        hash: of(&KeyType::Hash).unwrap_or_default(),
        range: of(&KeyType::Range),
    }
}

fn words(key: &TableKey) -> String {
    match &key.range {
        Some(range) => format!("({}, {range})", key.hash),
        None => format!("({})", key.hash),
    }
}

fn index_words(indexes: &BTreeMap<String, IndexSpec>) -> String {
    if indexes.is_empty() {
        return "none".to_owned();
    }
    let one = |(name, index): (&String, &IndexSpec)| {
        format!("{name}{} {}", words(&index.key), index.projection)
    };
    indexes.iter().map(one).collect::<Vec<_>>().join(", ")
}
