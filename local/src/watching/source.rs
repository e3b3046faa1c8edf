//! The functions that read queues: Lambda's event source mappings.
//!
//! Source: "Using Lambda with Amazon SQS" and "Reporting batch item failures", AWS Lambda.

use serde_json::Value;
use template::Stack;

/// Lambda's default.
const BATCH_DEFAULT: u64 = 10;

/// A function that reads a queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Source {
    /// The function's logical id.
    pub(super) function: String,
    /// The queue's ARN.
    pub(super) queue: String,
    /// The most messages of an invocation.
    pub(super) batch: usize,
}

/// The event sources of a stack's functions.
pub(super) fn of(stack: &Stack) -> Vec<Source> {
    let mut sources = Vec::new();
    for (logical, resource) in stack.of_kind("AWS::Serverless::Function") {
        let events = resource.properties.get("Events").and_then(Value::as_object);
        for event in events.into_iter().flat_map(|events| events.values()) {
            if event.get("Type").and_then(Value::as_str) != Some("SQS") {
                continue;
            }
            let queue = event.pointer("/Properties/Queue").and_then(Value::as_str);
            let batch = event
                .pointer("/Properties/BatchSize")
                .and_then(Value::as_u64);
            sources.extend(queue.map(|queue| Source {
                function: logical.to_owned(),
                queue: queue.to_owned(),
                batch: usize::try_from(batch.unwrap_or(BATCH_DEFAULT)).unwrap_or(1),
            }));
        }
    }
    sources
}

/// The ids of the records that are done: those that the answer does not hand back. A failed invocation
/// hands back all, and so does an answer that names an unknown record.
pub(super) fn done<'a>(records: &'a [Value], answer: Option<&Value>) -> Vec<&'a str> {
    let id = |record: &'a Value| record.get("messageId").and_then(Value::as_str);
    let ids: Vec<&str> = records.iter().filter_map(id).collect();
    let Some(answer) = answer else {
        return Vec::new();
    };
    let failures = answer.get("batchItemFailures").and_then(Value::as_array);
    let failures = failures.map(Vec::as_slice).unwrap_or_default().iter();
    let failed: Vec<&str> = failures
        .map(|failure| failure.get("itemIdentifier").and_then(Value::as_str))
        .map(Option::unwrap_or_default)
        .collect();
    if failed.iter().any(|failed| !ids.contains(failed)) {
        return Vec::new();
    }
    ids.into_iter().filter(|id| !failed.contains(id)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(answer: Option<&Value>, expected: &[&str]) {
        let records = [json!({"messageId": "a"}), json!({"messageId": "b"})];
        assert_eq!(done(&records, answer), expected, "{answer:?}");
    }

    #[test]
    fn records_that_are_handed_back_are_not_done() {
        let failed = |id: &str| json!({"batchItemFailures": [{"itemIdentifier": id}]});
        check(Some(&json!({"batchItemFailures": []})), &["a", "b"]);
        check(Some(&json!(null)), &["a", "b"]);
        check(Some(&failed("a")), &["b"]);
        check(Some(&failed("")), &[]);
        check(Some(&failed("unknown")), &[]);
        check(None, &[]);
    }

    #[test]
    fn the_shipped_template_has_the_alert_forwarders_queue() {
        let stack = Stack::read(template::SHIPPED, []).unwrap();
        let sources = of(&stack);
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].function, "AlertForwarderFunction");
        assert_eq!(sources[0].batch, 5);
    }
}
