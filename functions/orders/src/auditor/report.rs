//! Says what an audit found: one log line for each violation, one for the audit, and its metrics.

use once::Session;
use serde_json::{Value, json};
use shared::metrics::Metrics;

use super::finding::Subject;
use super::passes::{Audited, Inconclusive, segments};
use super::repair::repair;
use super::suspects::{Suspect, Suspects};

/// The name of the service in logs and metrics.
pub const SERVICE: &str = "orders-auditor";

/// How many subjects a report names. The others are counted.
const NAMED_MAX: usize = 100;

impl Inconclusive {
    /// The reason, for people.
    const fn says(self) -> &'static str {
        match self {
            Self::ReadLimit => "the limit of read units was reached",
            Self::Time => "the time was over",
            Self::NoAnswer => "the database did not answer",
            Self::Moved => "some products or orders moved in every pass",
            Self::Unreadable => "this release cannot read some items",
        }
    }
}

/// How many findings are proven.
fn violation_count(violations: &Suspects) -> u32 {
    let count: usize = violations.values().map(|it| it.findings.len()).sum();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Writes the log lines and the metrics.
pub(crate) fn report(session: &Session<'_>, audited: &Audited, failed: bool) {
    for (subject, suspect) in audited.violations.iter().take(NAMED_MAX) {
        log_violation(subject, suspect);
    }
    for (subject, suspect) in audited.suspects.iter().take(NAMED_MAX) {
        log_suspect(subject, suspect);
    }
    for item in &audited.evidence.unreadable {
        tracing::warn!(item, "the auditor cannot read an item");
    }
    let tally = session.tally();
    let reason = audited.inconclusive.map(Inconclusive::says);
    tracing::info!(
        passes = audited.passes,
        segments = audited.segments,
        of = segments(),
        items = audited.evidence.items,
        violations = violation_count(&audited.violations),
        suspects = audited.suspects.len(),
        inconclusive = reason,
        read_units = tally.read_units,
        "audited"
    );
    let inconclusive = failed || audited.inconclusive.is_some();
    let violations = violation_count(&audited.violations);
    let mut metrics = Metrics::new(SERVICE)
        .count("AuditorHeartbeat", 1)
        .count("AuditInconclusive", u32::from(inconclusive))
        .count("AuditReadUnits", tally.read_units);
    // Only an audit that read everything may say that nothing is wrong: 0 ends the alarm.
    if violations != 0 || !inconclusive {
        metrics = metrics.count("IntegrityViolation", violations);
    }
    metrics.emit(session.world().now());
}

fn log_violation(subject: &Subject, suspect: &Suspect) {
    let (product, order_id) = names(subject);
    for finding in &suspect.findings {
        let kind = serde_json::to_value(finding.kind).unwrap_or_default();
        tracing::error!(
            kind = kind.as_str(),
            product,
            order_id,
            about = finding.about,
            expected = finding.expected,
            found = finding.found,
            "the books do not add up: {}",
            finding.kind.says()
        );
    }
}

fn log_suspect(subject: &Subject, suspect: &Suspect) {
    let (product, order_id) = names(subject);
    for finding in &suspect.findings {
        let kind = serde_json::to_value(finding.kind).unwrap_or_default();
        tracing::warn!(
            kind = kind.as_str(),
            product,
            order_id,
            expected = finding.expected,
            found = finding.found,
            "a difference that is not proven"
        );
    }
}

const fn names(subject: &Subject) -> (Option<&str>, Option<&str>) {
    match subject {
        Subject::Product(sku) => (Some(sku.as_str()), None),
        Subject::Order(id) => (None, Some(id.as_str())),
    }
}

/// The answer of the function.
pub(crate) fn answer(session: &Session<'_>, audited: &Audited) -> Value {
    let outcome = match audited.inconclusive {
        _ if !audited.violations.is_empty() => "violated",
        Some(_) => "inconclusive",
        None => "sound",
    };
    let tally = session.tally();
    json!({
        "outcome": outcome,
        "inconclusive": audited.inconclusive.map(Inconclusive::says),
        "passes": audited.passes,
        "segments": audited.segments,
        "segments_of": segments(),
        "items": audited.evidence.items,
        "orders": audited.evidence.orders,
        "products": audited.evidence.products(),
        "violation_count": violation_count(&audited.violations),
        "violations": named(&audited.violations),
        "suspects": named(&audited.suspects),
        "unreadable_count": audited.evidence.unreadable_count,
        "unreadable": audited.evidence.unreadable,
        "read_units": tally.read_units,
        "round_trips": tally.round_trips,
    })
}

fn named(suspects: &Suspects) -> Value {
    let list = suspects.iter().take(NAMED_MAX);
    let list = list.flat_map(|(subject, suspect)| {
        let (product, order_id) = names(subject);
        suspect.findings.iter().map(move |finding| {
            json!({
                "kind": finding.kind,
                "says": finding.kind.says(),
                "product": product,
                "order_id": order_id,
                "about": finding.about,
                "expected": finding.expected,
                "found": finding.found,
                "version": suspect.version,
                "shards": suspect.shards,
                "alike": suspect.alike,
                "repair": suspect.books.and_then(repair),
            })
        })
    });
    list.collect()
}
