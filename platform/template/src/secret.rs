//! Secrets: a fixed value, or the recipe of a generated one.

use crate::evaluate::Evaluator;
use crate::fault::Fault;
use crate::resource::{self, Place};
use crate::yaml::{Entry, Node};

/// A secret of the template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SecretSpec {
    /// Its logical id.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its first value.
    pub value: SecretValue,
    /// The line that declares it.
    pub line: usize,
}

/// The first value of a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SecretValue {
    /// This text.
    Text(String),
    /// A random text.
    Generated(Recipe),
}

/// The recipe of a random text: `GenerateSecretString`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Recipe {
    /// Its length.
    pub length: usize,
    /// The characters that it may contain.
    pub alphabet: String,
}

const LENGTH_DEFAULT: u64 = 32;
const LENGTH_MAX: u64 = 4096;

pub(crate) fn read(
    evaluator: &Evaluator<'_>,
    place: &Place,
    logical: &str,
    node: &Node,
) -> Result<SecretSpec, Fault> {
    let arn = resource::reference(place, logical, node).map_err(|message| node.fault(message))?;
    let value = match (
        node.at(&["Properties", "SecretString"]),
        node.at(&["Properties", "GenerateSecretString"]),
    ) {
        (Some(text), None) => SecretValue::Text(evaluator.text(text)?),
        (None, Some(recipe)) => SecretValue::Generated(read_recipe(evaluator, recipe)?),
        (None, None) | (Some(_), Some(_)) => {
            return Err(
                node.fault("a secret needs a SecretString or a GenerateSecretString, and not both")
            );
        }
    };
    Ok(SecretSpec {
        logical_id: logical.to_owned(),
        name: resource::name(place, logical, node),
        arn,
        value,
        line: node.line,
    })
}

fn read_recipe(evaluator: &Evaluator<'_>, node: &Node) -> Result<Recipe, Fault> {
    let mut length = LENGTH_DEFAULT;
    let mut excluded = String::new();
    let (mut lower, mut upper, mut digits, mut punctuation, mut space) =
        (true, true, true, true, false);
    for Entry { key, value, .. } in node.entries() {
        match key.as_str() {
            "PasswordLength" => length = evaluator.number(value)?,
            "ExcludeCharacters" => excluded = evaluator.text(value)?,
            "ExcludeLowercase" => lower = !evaluator.truth(value)?,
            "ExcludeUppercase" => upper = !evaluator.truth(value)?,
            "ExcludeNumbers" => digits = !evaluator.truth(value)?,
            "ExcludePunctuation" => punctuation = !evaluator.truth(value)?,
            "IncludeSpace" => space = evaluator.truth(value)?,
            // Ignored: a long secret contains every kind of character anyway, and a short one is
            // unsafe.
            "RequireEachIncludedType" => {}
            other => {
                return Err(value.fault(format!(
                    "this program does not know {other} of GenerateSecretString"
                )));
            }
        }
    }
    let alphabet: String = ('!'..='~')
        .filter(|character| match character {
            'a'..='z' => lower,
            'A'..='Z' => upper,
            '0'..='9' => digits,
            _ => punctuation,
        })
        .chain(space.then_some(' '))
        .filter(|character| !excluded.contains(*character))
        .collect();
    if length == 0 || LENGTH_MAX < length || alphabet.is_empty() {
        return Err(node.fault("no secret can be generated: it would be empty, too long, or without characters to choose from"));
    }
    let length = usize::try_from(length).map_err(|_| node.fault("PasswordLength is too large"))?;
    Ok(Recipe { length, alphabet })
}
