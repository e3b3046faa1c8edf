//! A test of the dependencies: what the function must not be built of.

use std::process::Command;

#[test]
fn the_dependency_tree_has_no_dynamodb_client_and_no_second_tls_stack() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "authorizer",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--offline",
            "--locked",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(
        names.contains(&"aws-sdk-secretsmanager"),
        "the tree was not read: {tree}"
    );
    // The AWS SDK's default features would add a second HTTP client and a second
    // TLS library, and `aws-config` two more clients. RustCrypto's `rsa` has an
    // unpatched advisory (RUSTSEC-2023-0071).
    for unwanted in [
        "aws-sdk-dynamodb",
        "aws-config",
        "aws-sdk-sts",
        "reqwest",
        "ring",
        "native-tls",
        "rsa",
        "lambda_http",
    ] {
        assert!(
            !names.contains(&unwanted),
            "{unwanted} is in the dependency tree"
        );
    }
    let versions = |name: &str| {
        let mut lines: Vec<&str> = tree
            .lines()
            .filter(|line| line.starts_with(&format!("{name} v")))
            .collect();
        lines.sort_unstable();
        lines.dedup_by_key(|line| line.split(' ').nth(1).unwrap_or_default());
        lines.len()
    };
    assert_eq!((versions("hyper"), versions("rustls")), (1, 1), "{tree}");
}
