//! The page on deployments says how to delete what keeps a stack, or its VPC, from being deleted.

use super::{names, stack};

const PAGE: &str = include_str!("../../docs/deploy.md");

/// What outlives a deletion or blocks it, and the page does not say how to delete.
fn unsaid(text: &str, page: &str) -> Vec<String> {
    let stack = match stack(text) {
        Ok(stack) => stack,
        Err(faults) => return faults,
    };
    let (_, deleting) = page.split_once("**Delete.**").unwrap();
    let (deleting, _) = deleting.split_once("\n## ").unwrap();
    let mut faults = Vec::new();
    let mut need = |exists: bool, command: &str| {
        if exists && !deleting.contains(command) {
            faults.push(format!("the page does not say: {command}"));
        }
    };
    let buses = stack.of_kind("AWS::Events::EventBus").count();
    need(buses != 0, "aws events list-rules");
    need(buses != 0, "aws events delete-rule");
    let published = stack
        .of_kind("AWS::Serverless::Function")
        .any(|(_, it)| it.properties.get("AutoPublishAlias").is_some());
    need(published, "aws lambda list-versions-by-function");
    need(published, "aws lambda delete-function");
    let kept = stack.resources.values().filter(|it| {
        let policy = it.attributes["DeletionPolicy"].as_str();
        policy.is_some_and(|policy| policy.starts_with("Retain"))
    });
    for kind in kept.map(|it| it.kind.as_str()) {
        let command = match kind {
            "AWS::DynamoDB::Table" => "aws dynamodb delete-table",
            other => other,
        };
        need(true, command);
    }
    faults
}

#[test]
fn the_page_says_how_to_delete_what_stays_or_blocks() {
    assert_eq!(unsaid(&super::text(), PAGE), [""; 0]);
}

#[test]
fn what_the_page_does_not_say_how_to_delete_is_named() {
    let of_page = |page: &str| unsaid(&super::text(), page);
    let without_rules = PAGE.replace("aws events list-rules", "");
    names(of_page, &without_rules, "aws events list-rules");
    let of_template = |text: &str| unsaid(text, PAGE);
    let kept = super::with(
        "WebhookSecret",
        "    DeletionPolicy: Delete\n",
        "    DeletionPolicy: Retain\n",
    );
    names(of_template, &kept, "AWS::SecretsManager::Secret");
}
