//! Writes the message for the alerts' topic. The forwarder's `parse/cost_report.rs` reads it.
//!
//! ```json
//! {"surefire": "cost-report", "version": 1, "title": "…", "severity": "info", "at": "2026-11-26T00:00:00Z",
//!  "account": "123456789012", "summary": "…",
//!  "facts": [{"name": "Budget", "value": "…", "short": true}],
//!  "links": [{"label": "Cost Explorer", "url": "https://…"}],
//!  "picture": "<PNG in base64>"}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::report::Severity;
use crate::words::Words;

/// The largest message. SNS takes 256 KiB, and the queue gets it inside of another JSON text.
/// Source: "Publish", Amazon SNS API Reference.
const MESSAGE_BYTES_MAX: usize = 220 * 1024;

const LINKS: [(&str, &str); 2] = [
    (
        "Cost Explorer",
        "https://us-east-1.console.aws.amazon.com/costmanagement/home#/cost-explorer",
    ),
    (
        "Budgets",
        "https://us-east-1.console.aws.amazon.com/costmanagement/home#/budgets",
    ),
];

/// The message, without the picture if it would be too large with it.
pub(crate) fn message(
    words: &Words,
    severity: Severity,
    account: Option<&str>,
    at: Timestamp,
    picture: Option<&[u8]>,
) -> String {
    let facts: Vec<Value> = words
        .facts
        .iter()
        .map(|fact| json!({"name": fact.name, "value": fact.value, "short": fact.short}))
        .collect();
    let links = LINKS.map(|(label, url)| json!({"label": label, "url": url}));
    let members = [
        ("surefire", json!("cost-report")),
        ("version", json!(1)),
        ("title", json!(words.title)),
        ("severity", json!(name(severity))),
        ("at", json!(format!("{at:.0}"))),
        ("summary", json!(words.summary)),
        ("facts", json!(facts)),
        ("links", json!(links)),
    ];
    let members = members.map(|(name, value)| (name.to_owned(), value));
    let mut message = Map::from_iter(members);
    if let Some(account) = account {
        message.insert("account".to_owned(), account.into());
    }
    let text = |message: &Map<String, Value>| Value::Object(message.clone()).to_string();
    let without = text(&message);
    let Some(picture) = picture else {
        return without;
    };
    message.insert("picture".to_owned(), BASE64.encode(picture).into());
    let whole = text(&message);
    if MESSAGE_BYTES_MAX < whole.len() {
        let bytes = whole.len();
        tracing::warn!(
            bytes,
            "the picture is too large for the topic: it is left out"
        );
        return without;
    }
    whole
}

/// The forwarder's name of a severity.
const fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_is_too_large_for_the_topic_is_left_out() {
        let words = Words {
            title: "Costs".to_owned(),
            summary: String::new(),
            facts: Vec::new(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let with = |bytes: usize| {
            let picture = vec![0; bytes];
            message(&words, Severity::Info, None, at, Some(&picture))
        };
        assert!(with(1_000).contains("picture"));
        let large = with(MESSAGE_BYTES_MAX * 3 / 4);
        assert!(!large.contains("picture") && large.contains("Costs"));
    }
}
