//! The sample event of the alert forwarder is the report of the shipped scenario.

use billing::{SHIPPED, Scenario};
use serde_json::{Value, json};

use super::stage::{Stage, queued};

/// A PNG of one grey pixel, in place of a picture of tens of kilobytes.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";
const PATH: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../events/alerts/cost-report.json"
);

/// Rewrite the sample with `WRITE_GOLDENS=1 cargo nextest run --workspace -E 'test(/cost::sample/)'`.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
async fn the_sample_event_is_the_report_of_the_shipped_scenario() {
    let stage = Stage::set(Scenario::read(SHIPPED).unwrap()).await;
    let mut report = stage.report().await.0;
    stage.end().await;
    report["picture"] = json!(PIXEL);
    let event = queued(&report.to_string());
    let text = serde_json::to_string_pretty(&event).unwrap() + "\n";
    if std::env::var("WRITE_GOLDENS").is_ok_and(|value| value == "1") {
        std::fs::write(PATH, text).unwrap();
        return;
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(PATH).unwrap()).unwrap();
    assert!(
        kept == event,
        "write events/alerts/cost-report.json again with WRITE_GOLDENS=1"
    );
}
