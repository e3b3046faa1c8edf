//! The tables' keys, indexes and expiry fit what the code reads and writes, and tables are never lost.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use once::Fingerprints as _;
use orders::Draft;
use orders::Moment;
use orders::Refusal;
use serde_json::json;
use shared::problem::Problem;
use template::{Kind, Resource, Stack, TableSpec};

use super::{keeps, names, stack, template, with};
use crate::api::sweeping::pending;

type Item = HashMap<String, AttributeValue>;

/// An order and a refusal, as the function writes them.
fn written() -> [Item; 2] {
    let order: Item = pending(1, Moment::from(Timestamp::UNIX_EPOCH))
        .into_iter()
        .collect();
    let body =
        br#"{"currency": "KRW", "lines": [{"sku": "TEA-01", "quantity": 1, "unit_price": 5}]}"#;
    let fingerprint = Draft::parse(body).unwrap().fingerprint(1).unwrap();
    let place = ["pk", "sk"].map(|name| order[name].as_s().unwrap().clone());
    let problem = Problem::new(http::StatusCode::CONFLICT, "out-of-stock", "", "");
    let refusal = Refusal::new(place.into(), &problem, &fingerprint, 1, Some(1));
    [order, serde_dynamo::to_item(refusal).unwrap()]
}

/// The table whose name is in the environment of a function.
fn table_of(template: &template::Template, kind: Kind) -> TableSpec {
    let (_, spec) = template.function(kind).unwrap();
    let name = &spec.environment["TABLE_NAME"];
    let mut tables = template.tables.iter();
    tables.find(|table| table.name == *name).unwrap().clone()
}

/// What in the orders table does not fit what the function writes and queries.
fn orders_faults(text: &str) -> Vec<String> {
    let template = match template(text) {
        Ok(template) => template,
        Err(faults) => return faults,
    };
    let table = table_of(&template, Kind::Orders);
    let mut faults = Vec::new();
    if table != table_of(&template, Kind::OrdersSweeper) {
        faults.push("the sweeper uses another table".to_owned());
    }
    if table != table_of(&template, Kind::OrdersAuditor) {
        faults.push("the auditor uses another table".to_owned());
    }
    let [order, refusal] = written();
    let key = (table.key.hash.as_str(), table.key.range.as_deref());
    if key != ("pk", Some("sk")) {
        faults.push(format!("the key is {key:?}"));
    }
    let indexes: Vec<_> = table
        .indexes
        .iter()
        .map(|(name, index)| {
            let key = (index.key.hash.as_str(), index.key.range.as_deref());
            (name.as_str(), key, index.projection.as_str())
        })
        .collect();
    let expected = [
        (
            orders::BY_DAY,
            ("day_shard", Some("created_at")),
            "KEYS_ONLY",
        ),
        (
            orders::sweeper::BY_EXPIRY,
            ("expiry_shard", Some("hold_expires_at")),
            "KEYS_ONLY",
        ),
        (orders::BY_OWNER, ("owner", Some("created_at")), "KEYS_ONLY"),
    ];
    if indexes != expected {
        faults.push(format!("the indexes are {indexes:?}"));
    }
    // If an item lacks a key attribute, or has it with another type, it is not in the index.
    for (name, kind) in &table.attributes {
        let fits = match order.get(name) {
            Some(AttributeValue::S(_)) => kind == "S",
            Some(AttributeValue::N(_)) => kind == "N",
            _ => false,
        };
        if !fits {
            faults.push(format!("no order has the attribute {name} of type {kind}"));
        }
    }
    match &table.ttl {
        Some(ttl) if order.contains_key(ttl) => faults.push(format!("orders expire by {ttl}")),
        Some(ttl) if matches!(refusal.get(ttl), Some(AttributeValue::N(_))) => {}
        other => faults.push(format!("refusals do not expire by {other:?}")),
    }
    faults
}

/// What in the alerts table does not fit the forwarder's claims.
fn alerts_faults(text: &str) -> Vec<String> {
    let template = match template(text) {
        Ok(template) => template,
        Err(faults) => return faults,
    };
    let table = table_of(&template, Kind::AlertForwarder);
    let form = (
        table.key.hash.as_str(),
        table.key.range.as_deref(),
        table.ttl.as_deref(),
    );
    if form == ("pk", None, Some("expires_at")) {
        Vec::new()
    } else {
        vec![format!("the alerts table is {form:?}")]
    }
}

/// Ways in which a table could be lost with its stack or by a mistake.
fn lasting(text: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let mut faults = Vec::new();
    for (logical, table) in stack.of_kind("AWS::DynamoDB::Table") {
        // Only a first deployment that fails may delete its tables: they are empty.
        for (policy, wanted) in [
            ("DeletionPolicy", "RetainExceptOnCreate"),
            ("UpdateReplacePolicy", "Retain"),
        ] {
            if table.attributes[policy] != json!(wanted) {
                faults.push(format!("{logical}: its {policy} is not {wanted}"));
            }
        }
        for (what, path) in [
            ("protected against deletion", "/DeletionProtectionEnabled"),
            (
                "recoverable",
                "/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled",
            ),
            ("encrypted", "/SSESpecification/SSEEnabled"),
        ] {
            let setting = table.properties.pointer(path);
            if setting != Some(&json!(true)) && setting != Some(&json!("true")) {
                faults.push(format!("{logical} is not {what}"));
            }
        }
        if table.properties["BillingMode"] != json!("PAY_PER_REQUEST") {
            faults.push(format!("{logical} costs money when nobody orders"));
        }
    }
    if faults.is_empty() && stack.of_kind("AWS::DynamoDB::Table").count() != 2 {
        faults.push("there are not two tables".to_owned());
    }
    faults
}

#[test]
fn the_orders_table_fits_its_items() {
    keeps(orders_faults);
}

#[test]
fn an_orders_table_that_does_not_fit_its_items_is_named() {
    let key = "{AttributeName: hold_expires_at, KeyType: RANGE}";
    let other = "{AttributeName: created_at, KeyType: RANGE}";
    let defined = "        - {AttributeName: hold_expires_at, AttributeType: S}\n";
    let broken = with("OrdersTable", key, other).replace(defined, "");
    names(orders_faults, &broken, "the indexes are");
    let typed = "{AttributeName: created_at, AttributeType: S}";
    let broken = with(
        "OrdersTable",
        typed,
        &typed.replace('S', "N").replace("Nttribute", "Attribute"),
    );
    names(
        orders_faults,
        &broken,
        "no order has the attribute created_at of type N",
    );
    let ttl = "AttributeName: expires_at, Enabled";
    let broken = with(
        "OrdersTable",
        ttl,
        "AttributeName: hold_expires_at, Enabled",
    );
    names(orders_faults, &broken, "orders expire by hold_expires_at");
    let broken = with("OrdersTable", ttl, "AttributeName: expires, Enabled");
    names(
        orders_faults,
        &broken,
        "refusals do not expire by Some(\"expires\")",
    );
    let broken = with(
        "OrdersSweeperFunction",
        "TABLE_NAME: !Ref OrdersTable",
        "TABLE_NAME: !Ref AlertsTable",
    );
    names(orders_faults, &broken, "the sweeper uses another table");
}

#[test]
fn the_alerts_table_fits_its_items() {
    keeps(alerts_faults);
    let ttl = "AttributeName: expires_at, Enabled: true";
    let broken = with(
        "AlertsTable",
        ttl,
        "AttributeName: expires_at, Enabled: false",
    );
    names(alerts_faults, &broken, "None");
}

#[test]
fn tables_outlive_their_stack() {
    keeps(lasting);
}

/// Tables that block the rollback of a first deployment, although its parameters leave them unprotected.
fn blocking(text: &str) -> Vec<String> {
    let stack = match Stack::read(text, [("ProtectTables", "false")]) {
        Ok(stack) => stack,
        Err(error) => return vec![error.to_string()],
    };
    let tables = stack.of_kind("AWS::DynamoDB::Table");
    let blocks = |(_, table): &(&str, &Resource)| {
        table.properties["DeletionProtectionEnabled"] != json!("false")
            || table.attributes["DeletionPolicy"] != json!("RetainExceptOnCreate")
    };
    let blocking = tables.filter(blocks);
    blocking
        .map(|(logical, _)| format!("{logical} blocks a first rollback"))
        .collect()
}

#[test]
fn a_first_deployment_that_fails_can_delete_its_tables() {
    keeps(blocking);
    let protection = "DeletionProtectionEnabled: !Ref ProtectTables";
    let broken = with("AlertsTable", protection, "DeletionProtectionEnabled: true");
    names(blocking, &broken, "AlertsTable blocks a first rollback");
}

#[test]
fn a_table_that_can_be_lost_is_named() {
    let broken = with(
        "OrdersTable",
        "    DeletionPolicy: RetainExceptOnCreate\n",
        "    DeletionPolicy: Delete\n",
    );
    names(lasting, &broken, "OrdersTable: its DeletionPolicy");
    let broken = with(
        "OrdersTable",
        "DeletionProtectionEnabled: !Ref ProtectTables",
        "DeletionProtectionEnabled: false",
    );
    names(lasting, &broken, "OrdersTable is not protected");
    let broken = with(
        "OrdersTable",
        "PointInTimeRecoveryEnabled: true",
        "PointInTimeRecoveryEnabled: false",
    );
    names(lasting, &broken, "OrdersTable is not recoverable");
    let broken = with("AlertsTable", "{SSEEnabled: true}", "{SSEEnabled: false}");
    names(lasting, &broken, "AlertsTable is not encrypted");
    let broken = with(
        "AlertsTable",
        "BillingMode: PAY_PER_REQUEST",
        "BillingMode: PROVISIONED",
    );
    names(lasting, &broken, "AlertsTable costs money");
}
