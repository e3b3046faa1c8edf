//! Owns metrics: one log line in CloudWatch's embedded metric format per decision.
//!
//! The line goes out as a `tracing` event of [`TARGET`], so that whoever
//! collects the logs (a Lambda's standard output, a test) collects the metrics
//! with them, and no level filter can switch an alarm's metric off.
//! Source: "Specification: Embedded metric format", Amazon CloudWatch.

use std::sync::OnceLock;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The `tracing` target of a metric line; its only field, `emf`, is the whole line.
pub const TARGET: &str = "surefire::metrics";

/// The namespace when none is configured.
const NAMESPACE_DEFAULT: &str = "Surefire";

static NAMESPACE: OnceLock<String> = OnceLock::new();

/// Sets the namespace for this process; the first call wins.
pub(crate) fn set_namespace(namespace: String) {
    // A second call can only come from a test that shares the process.
    let _ = NAMESPACE.set(namespace);
}

/// Metrics of one decision, collected and then emitted as one line.
///
/// Every metric is counted for its service, and again under all dimensions
/// that were added, so that an alarm can watch the sum or a part.
#[derive(Clone, Debug)]
pub struct Metrics {
    service: &'static str,
    dimensions: Map<String, Value>,
    definitions: Vec<Value>,
    values: Map<String, Value>,
}

impl Metrics {
    /// Metrics of a service, which is the first dimension of each.
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            dimensions: Map::new(),
            definitions: Vec::new(),
            values: Map::new(),
        }
    }

    /// Adds a dimension: few values only, each one costs money.
    #[must_use]
    pub fn dimension(mut self, name: &str, value: &str) -> Self {
        self.dimensions.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a member that is searchable in the log, but no metric.
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

    /// The line: one JSON object.
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
    fn a_line_names_each_metric_for_the_service_and_for_its_dimensions() {
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
