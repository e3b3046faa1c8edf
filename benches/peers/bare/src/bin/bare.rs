//! One transaction on the shop's table with the least code around it.
//!
//! The request is that of the orders function, attribute for attribute, so both ask the same of
//! the database. What is missing is the rest: no idempotency, no validation, no refusals, no log.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Region};
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

/// Makes the orders of one process differ.
static NUMBER: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "main reads the environment")]
async fn main() -> Result<(), Error> {
    let (region, key, secret, session) = (
        std::env::var("AWS_REGION")?,
        std::env::var("AWS_ACCESS_KEY_ID")?,
        std::env::var("AWS_SECRET_ACCESS_KEY")?,
        std::env::var("AWS_SESSION_TOKEN").ok(),
    );
    let credentials = Credentials::new(key, secret, session, None, "environment");
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(credentials)
        .retry_config(RetryConfig::disabled());
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL_DYNAMODB").ok());
    let (client, table) = (
        Client::from_conf(config.build()),
        std::env::var("TABLE_NAME")?,
    );
    run(service_fn(|event| place(&client, &table, event))).await
}

fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn map<const N: usize>(entries: [(&str, AttributeValue); N]) -> HashMap<String, AttributeValue> {
    let owned = entries.map(|(name, value)| (name.to_owned(), value));
    HashMap::from(owned)
}

async fn place(client: &Client, table: &str, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let key = event.payload.pointer("/headers/idempotency-key");
    let key = key.and_then(Value::as_str);
    let key = key.ok_or("the event has no idempotency key")?;
    let count = NUMBER.fetch_add(1, Ordering::Relaxed);
    let id = format!("ord_{:0>26}", format!("{key}{count}"));
    let order = Put::builder()
        .table_name(table)
        .set_item(Some(order(&id)))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()?;
    let stock = Update::builder()
        .table_name(table)
        .set_key(Some(map([
            ("pk", text("SKU#TEA-01")),
            ("sk", text("STOCK#0")),
        ])))
        .update_expression(
            "SET available = available - :q, taken = taken + :q, version = version + :one",
        )
        .condition_expression(
            "sellable = :true AND currency = :c AND unit_price = :p AND available >= :q \
             AND (attribute_not_exists(quantity_max) OR quantity_max >= :q)",
        )
        .set_expression_attribute_values(Some(map([
            (":q", number(2)),
            (":one", number(1)),
            (":p", number(19_900)),
            (":c", text("KRW")),
            (":true", AttributeValue::Bool(true)),
        ])))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()?;
    let sent = client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(order).build())
        .transact_items(TransactWriteItem::builder().update(stock).build())
        .client_request_token(format!("{:0>32}", format!("{key}{count}")))
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    match sent {
        Ok(_) => Ok(json!({"statusCode": 201, "body": json!({"id": id}).to_string()})),
        Err(error) => Ok(json!({"statusCode": 500, "body": error.to_string()})),
    }
}

/// The attributes of an order of the orders function with one line.
fn order(id: &str) -> HashMap<String, AttributeValue> {
    let allocation = map([("shard", number(0)), ("quantity", number(2))]);
    let line = map([
        ("sku", text("TEA-01")),
        ("quantity", number(2)),
        ("unit_price", number(19_900)),
        (
            "allocations",
            AttributeValue::L(vec![AttributeValue::M(allocation)]),
        ),
    ]);
    map([
        ("pk", text(format!("ORD#{id}"))),
        ("sk", text("ORDER")),
        ("id", text(id)),
        ("status", text("pending")),
        ("owner", text("local#demo")),
        ("currency", text("KRW")),
        ("total", number(39_800)),
        ("lines", AttributeValue::L(vec![AttributeValue::M(line)])),
        ("created_at", text("001795320306789")),
        ("hold_expires_at", text("001795321206789")),
        ("expiry_shard", text("EXPIRY#3")),
        ("day_shard", text("2026-11-22#3")),
        ("version", number(1)),
        ("answer_version", number(1)),
        ("fingerprint", text("0".repeat(43))),
        ("fingerprint_version", number(1)),
    ])
}
