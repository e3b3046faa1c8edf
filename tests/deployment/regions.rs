//! The template can be deployed in every commercial region.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};
use template::Stack;

use super::transformed::program;
use super::{keeps, names, with};

const PAGE: &str = include_str!("../../docs/deploy.md");

/// Prints cfn-lint's regions outside of China and of governments.
const COMMERCIAL: &str = "from cfnlint.helpers import REGIONS
print(*[region for region in REGIONS if not region.startswith(('cn-', 'us-gov-', 'us-iso', 'eu-isoe', 'eusc-'))])";

/// The regions that the page lists in one paragraph of code, each between backticks.
fn documented(page: &str) -> BTreeSet<String> {
    let (_, after) = page.split_once("In November 2026 these were:\n\n").unwrap();
    let (paragraph, _) = after.split_once("\n\n").unwrap();
    let parts = paragraph.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

/// What cfn-lint finds for all commercial regions: messages and the paths that they are about.
fn linted(text: &str) -> Vec<(String, Value)> {
    let regions = Command::new(program("python3"))
        .args(["-c", COMMERCIAL])
        .output()
        .unwrap();
    let regions = String::from_utf8(regions.stdout).unwrap();
    assert!(30 < regions.split_whitespace().count(), "{regions}");
    let directory = std::env::temp_dir().join(format!("regions-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("template.yaml");
    std::fs::write(&file, text).unwrap();
    let found = Command::new(program("cfn-lint"))
        .args(["--format", "json", "--regions"])
        .args(regions.split_whitespace())
        .arg("--")
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_dir_all(&directory).unwrap();
    let found: Vec<Value> = serde_json::from_slice(&found.stdout).unwrap();
    let message = |it: &Value| it["Message"].as_str().unwrap().to_owned();
    let found = found
        .iter()
        .map(|it| (message(it), it["Location"]["Path"].clone()));
    found.collect()
}

/// What a region lacks although no parameter leaves it out, and regions that the page must list.
fn missing(text: &str) -> Vec<String> {
    let without = Stack::read(text, [("EnableOrderEvents", "false")]).unwrap();
    let mut faults = Vec::new();
    let mut without_pipes = BTreeSet::new();
    for (message, path) in linted(text) {
        let resource = path[1].as_str().unwrap_or_default();
        let optional = path[0] == json!("Resources") && !without.resources.contains_key(resource);
        // "Resource type 'AWS::Pipes::Pipe' does not exist in 'mx-central-1'"
        match message.split_once("does not exist in '") {
            Some((_, region)) if optional => {
                without_pipes.insert(region.trim_end_matches('\'').to_owned());
            }
            _ => faults.push(format!("{resource}: {message}")),
        }
    }
    let documented = documented(PAGE);
    let unlisted = without_pipes.difference(&documented);
    faults.extend(unlisted.map(|region| format!("docs/deploy.md does not list {region}")));
    let listed = documented.difference(&without_pipes);
    faults.extend(listed.map(|region| format!("docs/deploy.md lists {region}, which has pipes")));
    faults
}

#[test]
fn slow_every_commercial_region_can_take_the_template() {
    keeps(missing);
}

#[test]
fn slow_a_resource_that_a_region_lacks_is_named() {
    let condition = "    Condition: WithOrderEvents\n";
    let broken = with("OrderEventsPipe", condition, "    Condition: WithOrders\n");
    names(
        missing_of_pipe,
        &broken,
        "OrderEventsPipe: Resource type 'AWS::Pipes::Pipe' does not exist in 'mx-central-1'",
    );
}

/// As [`missing`]; the pipe's references are cut, because they would dangle.
fn missing_of_pipe(text: &str) -> Vec<String> {
    let everything = text.replace("Condition: WithOrderEvents", "Condition: WithOrders");
    missing(&everything)
}
