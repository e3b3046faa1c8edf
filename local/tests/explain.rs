//! `surefire token --explain` as a process.
#![cfg(test)]

use std::io::Write as _;
use std::process::{Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_surefire");

/// Runs `surefire token --explain -` with this text on standard input.
fn explained(directory: &std::path::Path, text: &str) -> String {
    let mut child = Command::new(PROGRAM)
        .args(["token", "--explain", "-", "--data"])
        .arg(directory)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}{log}");
    for part in text.trim().split('.').filter(|part| 8 <= part.len()) {
        assert!(!said.contains(part) && !log.contains(part), "{said}{log}");
    }
    said
}

#[test]
fn a_token_is_explained_on_every_route_without_being_printed() {
    let data = std::env::temp_dir().join(format!("surefire-explain-{}", std::process::id()));
    let token = |flags: &[&str]| {
        let output = Command::new(PROGRAM)
            .args(["token", "--data"])
            .arg(&data)
            .args(flags)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(explained(&data, &token(&[])), "allowed, issuer `local`\n");
    let reader = explained(&data, &token(&["--scope", "orders:read"]));
    assert!(
        reader.contains("allowed, issuer `local`\n  GET /orders\n"),
        "{reader}"
    );
    let needs = r#"the configuration says {"scopes":["orders:write"]}"#;
    assert!(
        reader.contains(needs) && reader.contains("  POST /orders\n"),
        "{reader}"
    );
    let cut = token(&[])
        .trim()
        .trim_end_matches(|letter| letter != '.')
        .to_owned();
    let forged = explained(&data, &format!("Bearer {cut}AAAA"));
    assert!(
        forged.starts_with("denied at the step `signature`, issuer `local`"),
        "{forged}"
    );
    let other = explained(&data, "not-a-token");
    assert!(other.starts_with("denied at the step `form`"), "{other}");
    std::fs::remove_dir_all(&data).unwrap();
}
