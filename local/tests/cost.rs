//! `surefire invoke cost-report` as a process.
#![cfg(test)]

use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_surefire");

fn invoke(data: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(["invoke", "cost-report", "--data"])
        .arg(data)
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs a test with a data directory of its own.
fn with_data(name: &str, test: impl FnOnce(&Path)) {
    let data = std::env::temp_dir().join(format!("surefire-{name}-{}", std::process::id()));
    test(&data);
    let _ = std::fs::remove_dir_all(&data);
}

#[test]
fn a_report_is_printed_with_a_bar_for_each_day_and_nothing_is_sent() {
    with_data("cost-dry", |data| {
        let output = invoke(data, &["--dry-run"]);
        let printed = text(&output.stdout);
        assert!(output.status.success(), "{printed}{}", text(&output.stderr));
        assert!(printed.contains("Costs: "), "{printed}");
        assert!(printed.contains("\nPer 1,000 orders\n  "), "{printed}");
        assert!(
            printed.contains("\n  Trusted Advisor: not in your support plan\n"),
            "{printed}"
        );
        let bars = printed.lines().filter(|line| line.contains('█')).count();
        assert_eq!(bars, 30, "{printed}");
        assert!(printed.ends_with(" not complete yet\n"), "{printed}");
        assert!(!data.exists(), "a dry run opens no data directory");
    });
}

#[test]
fn a_report_goes_to_discord_each_time_that_a_person_asks_and_is_paid_for_once() {
    with_data("cost-sent", |data| {
        for paid in [4, 0] {
            let output = invoke(data, &[]);
            let (answer, log) = (text(&output.stdout), text(&output.stderr));
            assert!(output.status.success(), "{answer}{log}");
            assert!(answer.contains("\"sent\":true"), "{answer}");
            assert!(
                answer.contains(&format!("\"paid_calls\":{paid}")),
                "{answer}"
            );
            // The stand-in logs what was posted.
            assert!(
                log.contains("Costs: ") && log.contains("[picture.png]"),
                "{log}"
            );
        }
    });
}

#[test]
fn a_scenario_that_cannot_be_read_and_a_foreign_option_are_named() {
    with_data("cost-wrong", |data| {
        std::fs::create_dir_all(data).unwrap();
        let file = data.join("scenario.json");
        std::fs::write(&file, "{\"now\": 5}").unwrap();
        let output = invoke(data, &["--dry-run", "--costs", file.to_str().unwrap()]);
        let error = text(&output.stderr);
        assert!(!output.status.success());
        assert!(
            error.contains("scenario.json is not a scenario of costs"),
            "{error}"
        );
        let output = invoke(data, &["--explain"]);
        assert!(text(&output.stderr).contains("--explain is not for cost-report"));
    });
}
