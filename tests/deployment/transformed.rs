//! What SAM makes of the template. CloudFormation deploys that, with resources that SAM adds.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use template::{Place, Stack};

use super::alone::NAMES;
use super::{keeps, names, with};

const SCRIPT: &str = include_str!("transform.py");

/// A program of the virtual environment that `./check` makes.
pub(super) fn program(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = root.join(".check/venv/bin").join(name);
    assert!(
        program.exists(),
        "{} is missing; install it with: ./check template",
        program.display()
    );
    program
}

/// The transformed template, as JSON.
pub(super) fn transform(text: &str) -> String {
    let mut child = Command::new(program("python3"))
        .args(["-c", SCRIPT])
        .env("AWS_DEFAULT_REGION", "ap-northeast-2")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The types and names of a stack's resources.
fn named(stack: &Stack) -> BTreeSet<(String, String)> {
    let mut named = BTreeSet::new();
    for resource in stack.resources.values() {
        // The name of an alias belongs to its function.
        if resource.kind == "AWS::Lambda::Alias" {
            continue;
        }
        let properties = resource.properties.as_object().unwrap();
        // Some names are one level deeper, in the resource's configuration.
        let inner = properties.values().filter_map(Value::as_object).flatten();
        for (property, value) in properties.iter().chain(inner) {
            if let (true, Some(name)) = (NAMES.contains(&property.as_str()), value.as_str()) {
                named.insert((resource.kind.clone(), name.to_owned()));
            }
        }
    }
    named
}

/// The names that two stacks of this template would both have.
fn in_common(text: &str) -> Vec<String> {
    let transformed = transform(text);
    let names = |stack: &str| {
        let place = Place {
            stack: stack.to_owned(),
            ..Place::default()
        };
        named(&Stack::read_in(&place, &transformed, []).unwrap())
    };
    let (one, other) = (names("one"), names("other"));
    assert!(!one.is_empty());
    let common = one.intersection(&other);
    common
        .map(|(kind, name)| format!("{kind}: {name}"))
        .collect()
}

#[test]
fn slow_two_stacks_have_no_name_in_common() {
    keeps(in_common);
}

#[test]
fn slow_a_name_that_two_stacks_would_share_is_named() {
    let broken = with("OrdersSweeperFunction", "            OmitName: true\n", "");
    let schedule = "AWS::Scheduler::Schedule: OrdersSweeperFunctionEveryMinute";
    names(in_common, &broken, schedule);
    let unique = "${AWS::StackName}-${AWS::Region}-headers";
    let broken = with("EdgeHeaders", unique, "surefire-${AWS::Region}-headers");
    names(
        in_common,
        &broken,
        "AWS::CloudFront::ResponseHeadersPolicy: surefire-",
    );
}
