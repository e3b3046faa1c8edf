//! The rules of a template: what CloudFormation checks of the parameters before it changes a stack.

use crate::evaluate::Evaluator;
use crate::fault::{Fault, TemplateError};
use crate::parameters;
use crate::resource::Place;
use crate::yaml::{self, Entry, Node};

/// The descriptions of the assertions that these parameters break. CloudFormation shows them and
/// refuses the parameters.
///
/// # Errors
/// The template, its parameters or its rules cannot be read.
pub fn refusals<'a>(
    text: &str,
    overrides: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<String>, TemplateError> {
    let place = Place::default();
    let root = yaml::read(text).map_err(|fault| TemplateError(vec![fault]))?;
    let values = parameters::read(&root, overrides)?;
    let evaluator = Evaluator::new(&root, &place, values);
    let rules = root.get("Rules").map(Node::entries).unwrap_or_default();
    let mut refusals = Vec::new();
    for Entry { value: rule, .. } in rules {
        let broken = broken(&evaluator, rule);
        refusals.extend(broken.map_err(|fault| TemplateError(vec![fault]))?);
    }
    Ok(refusals)
}

fn broken(evaluator: &Evaluator<'_>, rule: &Node) -> Result<Vec<String>, Fault> {
    let applies = rule.get("RuleCondition");
    let mut broken = Vec::new();
    if let Some(condition) = applies
        && !evaluator.holds(condition)?
    {
        return Ok(broken);
    }
    for assertion in rule.need("Assertions")?.list()? {
        if !evaluator.holds(assertion.need("Assert")?)? {
            broken.push(evaluator.text(assertion.need("AssertDescription")?)?);
        }
    }
    Ok(broken)
}
