//! A stack without any issuer is refused: its authorizer could not start.

use super::{text, with};

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
