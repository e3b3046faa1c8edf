//! A stack without any issuer is refused: its authorizer could not start. And the entries for common
//! services, in docs/deploy.md, can grant every scope that a route requires.

use std::collections::BTreeSet;

use serde_json::Value;
use template::Template;

use super::{text, with};

const PAGE: &str = include_str!("../../docs/deploy.md");

/// The entries of a page, and for each the scopes of the template that it never grants.
fn ungranted(page: &str) -> Vec<(String, Vec<String>)> {
    let scopes = Template::read(&text(), []).unwrap().scopes();
    let blocks = page.split("```json\n").skip(1);
    let entries = blocks.filter_map(|rest| {
        let (block, _) = rest.split_once("```")?;
        let entry: Value = serde_json::from_str(block).ok()?;
        entry["iss"].is_string().then_some(entry)
    });
    entries
        .map(|entry| {
            let named = entry["scope_names"].as_object().into_iter().flatten();
            let lists = named.map(|(_, list)| list).chain(entry.get("may"));
            let granted: BTreeSet<&str> = lists
                .filter_map(Value::as_array)
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let missing = scopes
                .iter()
                .filter(|scope| !granted.contains(scope.as_str()));
            let name = entry["name"].as_str().unwrap_or_default();
            (name.to_owned(), missing.cloned().collect())
        })
        .collect()
}

#[test]
fn the_entry_of_each_common_service_can_grant_every_scope() {
    let found = ungranted(PAGE);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["cognito", "auth0", "entra", "keycloak", "firebase"]);
    for (name, missing) in found {
        assert_eq!(missing, [""; 0], "{name}");
    }
}

#[test]
fn an_entry_that_forgets_a_scope_is_noticed() {
    let page = PAGE.replace(r#""orders:fulfil", "#, "");
    for (name, missing) in ungranted(&page) {
        assert_eq!(missing, ["orders:fulfil"], "{name}");
    }
}

/// What CloudFormation answers to a stack without its own issuer.
fn refusals(text: &str, others: &str) -> Vec<String> {
    let parameters = [("LocalIssuer", "false"), ("AdditionalIssuers", others)];
    template::refusals(text, parameters).unwrap()
}

#[test]
fn without_the_stacks_own_issuer_another_one_is_required() {
    let refused = refusals(&text(), "");
    assert_eq!(refused.len(), 1);
    assert!(refused[0].contains("AdditionalIssuers must name an issuer"));
    assert_eq!(refusals(&text(), r#"{"name": "login"}"#), [""; 0]);
}

#[test]
fn a_template_without_that_rule_is_noticed() {
    let rule = "    RuleCondition: !Equals [!Ref LocalIssuer, \"false\"]\n";
    let never = "    RuleCondition: !Equals [\"a\", \"b\"]\n";
    assert_eq!(refusals(&with("AnIssuerIsLeft", rule, never), ""), [""; 0]);
}
