//! Writes metrics as log lines in CloudWatch's embedded metric format, one line per decision.
//!
//! A line is a `tracing` event with the target [`TARGET`]. Standard output in
//! Lambda, or a test, therefore receives metrics together with the logs. The
//! log's level filter never drops a metric, because alarms depend on them.
//! Source: "Specification: Embedded metric format", Amazon CloudWatch.

use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The `tracing` target of a metric line. The event has one field, `emf`: the whole line.
pub const TARGET: &str = "surefire::metrics";

/// The namespace that is used when none is configured.
const NAMESPACE_DEFAULT: &str = "Surefire";

static NAMESPACE: OnceLock<String> = OnceLock::new();

/// Sets the namespace of this process. Later calls change nothing.
pub(crate) fn set_namespace(namespace: String) {
    // Only tests that share a process call this twice.
    let _ = NAMESPACE.set(namespace);
}

/// Collects the metrics of one decision and emits them as one line.
///
/// CloudWatch counts every metric under the dimension `service`. If dimensions
/// were added, it counts the metric a second time under `service` and all of
/// them. An alarm can watch either.
#[derive(Clone, Debug)]
pub struct Metrics {
    service: &'static str,
    dimensions: Map<String, Value>,
    definitions: Vec<Value>,
    values: Map<String, Value>,
}

impl Metrics {
    /// Starts without metrics. `service` is the dimension that every metric has.
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            dimensions: Map::new(),
            definitions: Vec::new(),
            values: Map::new(),
        }
    }

    /// Adds a dimension. Every distinct value is a metric of its own, which costs
    /// money: use only dimensions that have few values.
    #[must_use]
    pub fn dimension(mut self, name: &str, value: &str) -> Self {
        self.dimensions.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a member that can be searched in the log but is not a metric.
    #[must_use]
    pub fn property(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a count.
    #[must_use]
    pub fn count(self, name: &str, value: impl Into<f64>) -> Self {
        self.metric(name, "Count", value.into())
    }

    /// Adds a duration in milliseconds.
    #[must_use]
    pub fn milliseconds(self, name: &str, value: f64) -> Self {
        self.metric(name, "Milliseconds", value)
    }

    /// Adds a duration in seconds.
    #[must_use]
    pub fn seconds(self, name: &str, value: f64) -> Self {
        self.metric(name, "Seconds", value)
    }

    fn metric(mut self, name: &str, unit: &str, value: f64) -> Self {
        self.definitions.push(json!({"Name": name, "Unit": unit}));
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// One JSON object, without a line break.
    fn line(&self, now: Timestamp) -> String {
        let namespace = NAMESPACE.get().map_or(NAMESPACE_DEFAULT, String::as_str);
        let mut sets = vec![vec!["service"]];
        if !self.dimensions.is_empty() {
            let mut all = vec!["service"];
            all.extend(self.dimensions.keys().map(String::as_str));
            sets.push(all);
        }
        let mut line = self.values.clone();
        line.extend(self.dimensions.clone());
        line.insert("service".to_owned(), self.service.into());
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": namespace,
                    "Dimensions": sets,
                    "Metrics": self.definitions,
                }],
            }),
        );
        Value::Object(line).to_string()
    }

    /// Writes the line to the log.
    pub fn emit(&self, now: Timestamp) {
        tracing::info!(target: TARGET, emf = self.line(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_counts_for_its_service_and_for_its_dimensions() {
        let line = Metrics::new("orders")
            .dimension("reason", "out-of-stock")
            .count("OrderRefused", 1)
            .property("sku", "TEA-01")
            .line(Timestamp::from_millisecond(1_795_000_000_123).unwrap());
        assert_eq!(
            serde_json::from_str::<Value>(&line).unwrap(),
            json!({
                "_aws": {
                    "Timestamp": 1_795_000_000_123_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Surefire",
                        "Dimensions": [["service"], ["service", "reason"]],
                        "Metrics": [{"Name": "OrderRefused", "Unit": "Count"}],
                    }],
                },
                "service": "orders",
                "reason": "out-of-stock",
                "sku": "TEA-01",
                "OrderRefused": 1.0,
            })
        );
    }
}
