//! Judges JSON of an unknown shape: how bad is what its values say?

use crate::details::{Leaf, folded};
use crate::event::{Severity, State};

/// The severity and state that the values say: a severity wherever one stands, else the worst status.
///
/// A status that only says that something ended (`COMPLETED`) does not resolve a severity: a scan that is
/// complete may have found something critical.
pub(crate) fn judged(leaves: &[Leaf]) -> Option<(Severity, State)> {
    let by_label = leaves
        .iter()
        .filter(|leaf| is_severity(&leaf.path))
        .find_map(|leaf| Severity::parse(leaf.text.trim()));
    let by_count = leaves.iter().filter_map(counted_severity).max();
    let status = worst_status(leaves);
    let Some(severity) = by_label.or(by_count) else {
        return status;
    };
    let is_over = leaves
        .iter()
        .any(|leaf| is_status(leaf) && is_over(&leaf.text));
    match status {
        Some((_, State::Resolved)) if is_over => Some((severity, State::Resolved)),
        _ => Some((severity, State::Notice)),
    }
}

/// Whether a status says that trouble is over.
fn is_over(text: &str) -> bool {
    let words = [
        "ok",
        "resolved",
        "recovered",
        "fixed",
        "closed",
        "healthy",
        "compliant",
    ];
    words.contains(&folded(text.trim()).as_str())
}

/// The severity of `finding-severity-counts.CRITICAL`, if the count is not zero.
fn counted_severity(leaf: &Leaf) -> Option<Severity> {
    let (before, name) = leaf.path.rsplit_once('.')?;
    let is_counted = folded(before).ends_with("severitycounts") && leaf.text != "0";
    is_counted.then(|| Severity::parse(name))?
}

fn is_severity(path: &str) -> bool {
    let mut names = path.rsplit('.').map(folded);
    let last = names.next().unwrap_or_default();
    let before = names.next().unwrap_or_default();
    let labels = ["label", "name", "level", "value"];
    last.ends_with("severity")
        || ["level", "loglevel"].contains(&last.as_str())
        || (before.ends_with("severity") && labels.contains(&last.as_str()))
}

/// The worst status of the shallowest values that have one.
fn worst_status(leaves: &[Leaf]) -> Option<(Severity, State)> {
    let found: Vec<_> = leaves
        .iter()
        .filter(|leaf| is_status(leaf))
        .filter_map(|leaf| Some((leaf.path.matches('.').count(), status(&leaf.text)?)))
        .collect();
    let depth = found.iter().map(|(depth, _)| *depth).min()?;
    found
        .into_iter()
        .filter(|(at, _)| *at == depth)
        .map(|(_, judged)| judged)
        .max_by_key(|(severity, state)| (*severity, *state != State::Resolved))
}

/// What a status says: `FAILED`, `SUCCEEDED`, `in_progress`.
pub(crate) fn status(text: &str) -> Option<(Severity, State)> {
    let word = folded(text.trim());
    let is = |words: &[&str]| words.iter().any(|one| word == *one);
    let has = |words: &[&str]| words.iter().any(|one| word.contains(one));
    if is(&[
        "noncompliant",
        "partial",
        "canceled",
        "cancelled",
        "stopped",
        "expired",
        "suspended",
    ]) || is(&[
        "warn",
        "warning",
        "degraded",
        "rejected",
        "stopping",
        "interrupted",
        "abandoned",
    ]) {
        return Some((Severity::Warning, State::Notice));
    }
    if is(&["critical", "fatal"]) {
        return Some((Severity::Critical, State::Notice));
    }
    if has(&["fail", "error", "unhealthy", "timedout", "unsuccessful"])
        || is(&[
            "fault", "aborted", "alarm", "firing", "down", "impaired", "timeout", "crashed",
        ])
        || is(&["denied", "severe", "broken", "unavailable", "dead", "lost"])
    {
        return Some((Severity::Error, State::Notice));
    }
    if has(&["succe"])
        || is(&[
            "ok",
            "completed",
            "complete",
            "passed",
            "pass",
            "healthy",
            "compliant",
            "resolved",
        ])
        || is(&["finished", "done", "fixed", "recovered", "closed"])
    {
        return Some((Severity::Info, State::Resolved));
    }
    if is(&[
        "started",
        "starting",
        "running",
        "inprogress",
        "pending",
        "queued",
        "submitted",
    ]) || is(&[
        "created",
        "creating",
        "active",
        "available",
        "runnable",
        "scheduled",
        "ready",
    ]) || is(&[
        "provisioning",
        "updating",
        "deleting",
        "deleted",
        "activating",
        "info",
    ]) {
        return Some((Severity::Info, State::Notice));
    }
    None
}

/// Whether a value is a status that holds now.
fn is_status(leaf: &Leaf) -> bool {
    let name = leaf.name();
    let ends = ["status", "state", "result", "outcome", "conclusion"];
    let is_past = name.starts_with("previous") || name.starts_with("old");
    !is_past && ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::details::leaves;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(document: &Value, expected: Option<(Severity, State)>) {
        assert_eq!(judged(&leaves(document)), expected, "{document}");
    }

    #[test]
    fn the_severity_is_found_wherever_it_stands() {
        let notice = |severity| Some((severity, State::Notice));
        check(&json!({"severity": "CRITICAL"}), notice(Severity::Critical));
        check(
            &json!({"Severity": {"Label": "HIGH"}}),
            notice(Severity::Error),
        );
        check(
            &json!({"a": {"finding-severity": "medium"}}),
            notice(Severity::Warning),
        );
        check(&json!({"status": "FAILED"}), notice(Severity::Error));
        check(
            &json!({"detail": {"build-status": "STOPPED"}}),
            notice(Severity::Warning),
        );
        check(&json!({"state": "RUNNING"}), notice(Severity::Info));
        check(
            &json!({"previousState": "FAILED", "state": "RUNNING"}),
            notice(Severity::Info),
        );
        check(&json!({"result": "available"}), notice(Severity::Info));
        check(
            &json!({"jobStatus": "SUCCEEDED"}),
            Some((Severity::Info, State::Resolved)),
        );
        check(
            &json!({"severity": "critical", "status": "resolved"}),
            Some((Severity::Critical, State::Resolved)),
        );
        let complete = json!({
            "scan-status": "COMPLETE", "finding-severity-counts": {"CRITICAL": 2, "LOW": 9}
        });
        check(&complete, notice(Severity::Critical));
        check(&json!({"state": "blue"}), None);
        check(&json!({"note": "FAILED"}), None);
    }
}
