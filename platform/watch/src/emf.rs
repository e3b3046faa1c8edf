//! Reads log lines in CloudWatch's embedded metric format.
//!
//! Source: "Specification: Embedded metric format", Amazon CloudWatch.

use jiff::Timestamp;
use serde_json::Value;

use crate::metric::Metric;
use crate::pace::Pace;
use crate::store::Store;

impl Store {
    /// Adds the metrics of a log line, under the line's own namespace or the given one. Returns whether
    /// the line has metrics.
    pub fn record_line(&mut self, line: &str, pace: Pace, namespace: Option<&str>) -> bool {
        let Ok(line) = serde_json::from_str::<Value>(line) else {
            return false;
        };
        let directives = line.pointer("/_aws/CloudWatchMetrics");
        let at = line.pointer("/_aws/Timestamp").and_then(Value::as_i64);
        let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
        let (Some(directives), Some(at)) = (directives.and_then(Value::as_array), at) else {
            return false;
        };
        let minute = pace.minute(at);
        for directive in directives {
            self.record_directive(directive, &line, minute, namespace);
        }
        true
    }

    fn record_directive(
        &mut self,
        directive: &Value,
        line: &Value,
        minute: i64,
        namespace: Option<&str>,
    ) {
        let text = |value: &Value, name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        for definition in list(directive, "Metrics") {
            let name = text(definition, "Name");
            let values = match line.get(&name) {
                Some(Value::Array(values)) => values.iter().filter_map(Value::as_f64).collect(),
                Some(value) => value.as_f64().into_iter().collect::<Vec<f64>>(),
                None => Vec::new(),
            };
            for set in list(directive, "Dimensions") {
                let names = set.as_array().map(Vec::as_slice).unwrap_or_default();
                let pairs = names.iter().filter_map(|name| {
                    let name = name.as_str()?;
                    Some((name.to_owned(), line.get(name)?.as_str()?.to_owned()))
                });
                let metric = Metric {
                    namespace: namespace
                        .map_or_else(|| text(directive, "Namespace"), str::to_owned),
                    name: name.clone(),
                    dimensions: pairs.collect(),
                };
                for value in &values {
                    self.record(&metric, minute, *value);
                }
            }
        }
    }
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let list = value.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistic::Statistic;

    const LINE: &str = r#"{"_aws": {"Timestamp": 120000, "CloudWatchMetrics": [{"Namespace": "surefire",
        "Dimensions": [["service"], ["service", "reason"]],
        "Metrics": [{"Name": "OrderRefused", "Unit": "Count"}, {"Name": "Latency"}]}]},
        "service": "orders", "reason": "sold-out", "OrderRefused": 1.0, "Latency": [3, 5]}"#;

    #[test]
    fn a_line_counts_for_each_set_of_dimensions() {
        let mut store = Store::default();
        assert!(store.record_line(LINE, Pace::REAL, None));
        let sum = |name, dimensions: &[(&str, &str)]| {
            let metric = Metric::new("surefire", name, dimensions);
            store.statistic(&metric, 2..3, Statistic::Sum)
        };
        let (service, reason) = (("service", "orders"), ("reason", "sold-out"));
        assert_eq!(sum("OrderRefused", &[service]), Some(1.0));
        assert_eq!(sum("OrderRefused", &[service, reason]), Some(1.0));
        assert_eq!(sum("OrderRefused", &[reason]), None);
        assert_eq!(sum("Latency", &[service]), Some(8.0));
        assert_eq!(store.metrics().count(), 4);
        store.record_line(LINE, Pace::REAL, Some("another"));
        let metric = Metric::new("another", "OrderRefused", &[service]);
        assert_eq!(store.statistic(&metric, 2..3, Statistic::Sum), Some(1.0));
    }

    #[test]
    fn other_lines_have_no_metrics() {
        let mut store = Store::default();
        for line in ["hello", "{}", r#"{"_aws": {"Timestamp": 1}}"#, ""] {
            assert!(!store.record_line(line, Pace::REAL, None), "{line}");
        }
        assert_eq!(store.metrics().count(), 0);
    }
}
