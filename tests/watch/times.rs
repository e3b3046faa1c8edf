//! The time from each fault to its alarms and messages, kept in `docs/alarm-times.md`.
//!
//! `WRITE_GOLDENS=1 cargo nextest run --workspace -E 'test(/^watch::/)'` rewrites the files under
//! `times/`. A second run of `the_page_has_the_times_of_every_cause` then rewrites the page.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::causes;
use super::load::Load;
use super::scenario::Scenario;
use super::stage::Said;

const PAGE_TOP: &str = "# How soon an alarm tells you\n\n\
    Measured in virtual time on one machine: each fault is put into the running services, and the template's alarms are\n\
    evaluated by CloudWatch's rules. CloudWatch needs one to three minutes more until it has the metrics. “Red” is the\n\
    alarm itself. “Message” is the alert that people get, and after how many minutes. A fault is written as in\n\
    `surefire serve --fault`. The tests write this page (`tests/watch/times.rs`).\n\n\
    | fault | alarm | red after | message | after |\n|---|---|---:|---|---:|\n";

#[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
fn writes() -> bool {
    std::env::var("WRITE_GOLDENS").is_ok_and(|value| value == "1")
}

fn keep(path: &str, text: &str) {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if is_near(&kept, text) {
        return;
    }
    assert!(
        writes(),
        "{path} should be:\n{text}\nIf this is right, write it with WRITE_GOLDENS=1 and commit it."
    );
    std::fs::write(&path, text).unwrap();
}

/// Whether two texts differ only in numbers, and those by two minutes at most. Jitter moves a time now and then.
fn is_near(kept: &str, text: &str) -> bool {
    let (kept, text) = (kept.split_whitespace(), text.split_whitespace());
    let near = |(kept, text): (&str, &str)| match (kept.parse::<i64>(), text.parse::<i64>()) {
        (Ok(kept), Ok(text)) => (kept - text).abs() <= 2,
        _ => kept == text,
    };
    kept.clone().count() == text.clone().count() && kept.zip(text).all(near)
}

fn path(name: &str) -> String {
    format!("tests/watch/times/{name}.txt")
}

/// Compares the times of a scenario with those that are kept.
pub(super) fn check(
    scenario: &Scenario,
    red_after: &BTreeMap<String, i64>,
    said: &[Said],
    begun: i64,
) {
    let faults = match (scenario.faults, scenario.load) {
        ([], Load::OneBroken(of)) => format!("one request in {of} fails"),
        ([], load) => format!("{load:?}"),
        (faults, _) => format!("`{}`", faults.join(" ")),
    };
    let mut lines = String::new();
    for (alarm, after) in red_after {
        if !scenario.fires.contains(&alarm.as_str()) {
            continue;
        }
        // An alarm without actions speaks through a composite, so the first message is its message.
        let own = said.iter().find(|it| it.what == format!("ALARM {alarm}"));
        let (message, minutes) = match own.or_else(|| said.first()) {
            Some(it) => (
                it.what.trim_start_matches("ALARM "),
                (it.minute - begun).to_string(),
            ),
            None => ("none", String::new()),
        };
        writeln!(
            lines,
            "| {faults} | {alarm} | {after} min | {message} | {minutes} min |"
        )
        .unwrap();
    }
    keep(&path(scenario.name), &lines);
}

#[test]
fn the_page_has_the_times_of_every_cause() {
    let mut page = PAGE_TOP.to_owned();
    for scenario in causes::all() {
        let path = format!("{}/../{}", env!("CARGO_MANIFEST_DIR"), path(scenario.name));
        page += &std::fs::read_to_string(&path).unwrap_or_default();
    }
    keep("docs/alarm-times.md", &page);
}
