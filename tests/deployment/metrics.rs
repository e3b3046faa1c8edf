//! Every metric that the functions emit, as one list: it has those in the code, and those of a run.

use std::collections::BTreeSet;
use std::path::Path;

use local::serve::Options;
use serde_json::Value;

use super::list;
use super::watched::{use_alerts, use_orders};
use crate::support::harness::Shop;
use crate::support::meter::Meter;

/// A metric of ours: its service, its name, and the dimension that it has beside `service`, or nothing.
/// The last text says why neither an alarm nor the dashboard watches it.
pub(super) type Metric = (&'static str, &'static str, &'static str, &'static str);

/// Every metric that the functions emit.
pub(super) const EMITTED: &[Metric] = &[
    (
        "alert-forwarder",
        "AlertDegraded",
        "",
        "the alert arrived, only with less in it",
    ),
    ("alert-forwarder", "AlertDelivered", "", ""),
    ("alert-forwarder", "AlertDeliveryLatency", "", ""),
    (
        "alert-forwarder",
        "AlertDuplicateSuppressed",
        "",
        "nothing is wrong: the table did its work",
    ),
    ("alert-forwarder", "AlertHandedBack", "reason", ""),
    (
        "alert-forwarder",
        "AlertQuiet",
        "",
        "nothing new: a message shows it already",
    ),
    ("alert-forwarder", "AlertRefused", "", ""),
    ("alert-forwarder", "DeliveryTestDelivered", "", ""),
    ("alert-forwarder", "OldestUndeliveredSeconds", "", ""),
    ("alert-forwarder", "RouteCircuitOpen", "route", ""),
    ("authorizer", "Allowed", "", ""),
    ("authorizer", "Denied", "reason", ""),
    ("authorizer", "Failed", "reason", ""),
    ("authorizer", "KeyFetchFailed", "", ""),
    (
        "authorizer",
        "KeyLeftOut",
        "",
        "issuers publish keys for other uses too",
    ),
    ("orders", "Busy", "", ""),
    ("orders", "GoodsReturned", "", ""),
    ("orders", "InternalError", "", ""),
    ("orders", "KeyReused", "", ""),
    ("orders", "OrderCancelled", "", ""),
    ("orders", "OrderConfirmed", "", ""),
    ("orders", "OrderFulfilled", "", ""),
    ("orders", "OrderPlaced", "", ""),
    ("orders", "OrderRefused", "reason", ""),
    ("orders", "OrderReplayed", "", ""),
    ("orders", "OutcomeUnknown", "", ""),
    (
        "orders",
        "ProductDescribed",
        "",
        "staff see the answer of their own call",
    ),
    (
        "orders",
        "ReadUnits",
        "",
        "reads are a small part of an order's cost",
    ),
    (
        "orders",
        "RedisFailure",
        "",
        "without its Redis, an order is only slower",
    ),
    (
        "orders",
        "RedisHit",
        "",
        "docs/redis.md compares it with the misses",
    ),
    (
        "orders",
        "RedisLeftAlone",
        "",
        "without its Redis, an order is only slower",
    ),
    (
        "orders",
        "RedisMiss",
        "",
        "docs/redis.md compares it with the hits",
    ),
    (
        "orders",
        "RedisTimeOut",
        "",
        "without its Redis, an order is only slower",
    ),
    (
        "orders",
        "RedisTurnless",
        "",
        "an order without a turn goes on all the same",
    ),
    (
        "orders",
        "RedisWait",
        "",
        "it is a part of the API's latency, which is watched",
    ),
    ("orders", "RoundTrips", "", ""),
    (
        "orders",
        "StockAdjusted",
        "",
        "staff see the answer of their own call",
    ),
    ("orders", "TransactionCancelled", "", ""),
    ("orders", "TransactionConflict", "", ""),
    ("orders", "WriteUnits", "", ""),
    ("orders-auditor", "AuditInconclusive", "", ""),
    (
        "orders-auditor",
        "AuditReadUnits",
        "",
        "the parameter AuditReadUnitsMax limits them",
    ),
    ("orders-auditor", "AuditorHeartbeat", "", ""),
    ("orders-auditor", "IntegrityViolation", "", ""),
    ("orders-sweeper", "HoldExpired", "", ""),
    ("orders-sweeper", "HoldLeft", "", ""),
    ("orders-sweeper", "OldestOverdueHoldSeconds", "", ""),
    (
        "orders-sweeper",
        "ReadUnits",
        "",
        "the sweeper's cost does not depend on customers",
    ),
    (
        "orders-sweeper",
        "RoundTrips",
        "",
        "the sweeper's cost does not depend on customers",
    ),
    ("orders-sweeper", "SweeperHeartbeat", "", ""),
    (
        "orders-sweeper",
        "WriteUnits",
        "",
        "the sweeper's cost does not depend on customers",
    ),
];

/// The metrics whose names are in the code of the functions: service and name.
fn in_the_code() -> BTreeSet<(String, String)> {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let mut found = BTreeSet::new();
    for function in ["alert-forwarder", "authorizer", "cors", "orders"] {
        read_sources(&functions.join(function).join("src"), function, &mut found);
    }
    found
}

fn read_sources(directory: &Path, function: &str, found: &mut BTreeSet<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, function, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let service = match path.file_name().and_then(|name| name.to_str()) {
                Some("sweeper.rs") => "orders-sweeper",
                _ if directory.ends_with("auditor") => "orders-auditor",
                _ => function,
            };
            let code: String = code.split_whitespace().collect();
            for call in [".count(\"", ".seconds(\"", ".milliseconds(\""] {
                let names = code.split(call).skip(1);
                let names = names.filter_map(|rest| rest.split('"').next());
                found.extend(names.map(|name| (service.to_owned(), name.to_owned())));
            }
        }
    }
}

#[test]
fn the_list_has_every_metric_of_the_code_and_no_other() {
    let listed: BTreeSet<(String, String)> = EMITTED
        .iter()
        .map(|(service, name, _, _)| ((*service).to_owned(), (*name).to_owned()))
        .collect();
    assert_eq!(in_the_code(), listed);
    assert_eq!(listed.len(), EMITTED.len(), "a metric is listed twice");
}

/// What a line of metrics contains: service, name and the other dimension.
fn emitted(line: &Value) -> Vec<(String, String, String)> {
    let definition = &line["_aws"]["CloudWatchMetrics"][0];
    let service = line["service"].as_str().unwrap();
    let mut other = String::new();
    for set in list(&definition["Dimensions"]) {
        for name in list(set).into_iter().filter_map(Value::as_str) {
            if name != "service" {
                name.clone_into(&mut other);
            }
        }
    }
    let metrics = list(&definition["Metrics"]).into_iter();
    let metric = |metric: &Value| {
        let name = metric["Name"].as_str().unwrap().to_owned();
        (service.to_owned(), name, other.clone())
    };
    metrics.map(metric).collect()
}

/// Metrics of a Redis and of failures that the run below does not have. Of these, the code alone is read.
const NOT_RUN: [&str; 20] = [
    "AlertDegraded",
    "AlertDuplicateSuppressed",
    "AlertQuiet",
    "AlertRefused",
    "Busy",
    "DeliveryTestDelivered",
    "Failed",
    "InternalError",
    "KeyFetchFailed",
    "KeyLeftOut",
    "OldestUndeliveredSeconds",
    "OutcomeUnknown",
    "RedisFailure",
    "RedisHit",
    "RedisLeftAlone",
    "RedisMiss",
    "RedisTimeOut",
    "RedisTurnless",
    "RedisWait",
    "RouteCircuitOpen",
];

#[tokio::test]
async fn what_the_functions_emit_when_they_run_is_on_the_list() {
    let meter = Meter::start();
    let shop = Shop::open(Options::in_memory()).await;
    use_orders(&shop).await;
    use_alerts(&shop).await;
    shop.place("key-1", "TEA-01", 2).await.assert(422);
    shop.get("/orders")
        .by("demo", "nothing")
        .send()
        .await
        .assert(403);
    shop.pass_seconds(3_600);
    shop.sweep().await;
    shop.audit().await;
    let seen: BTreeSet<_> = meter.lines().iter().flat_map(emitted).collect();
    drop(meter);
    shop.assert_conserved().await;
    shop.running.stop().await;

    for (service, name, dimension) in &seen {
        let of_list = (service.as_str(), name.as_str(), dimension.as_str());
        let on_list = EMITTED.iter().any(|it| (it.0, it.1, it.2) == of_list);
        assert!(on_list, "{of_list:?} is not on the list");
    }
    let unseen: BTreeSet<&str> = EMITTED
        .iter()
        .map(|(_, name, _, _)| *name)
        .filter(|name| !seen.iter().any(|(_, seen, _)| seen == name))
        .collect();
    assert_eq!(unseen, BTreeSet::from(NOT_RUN));
}
