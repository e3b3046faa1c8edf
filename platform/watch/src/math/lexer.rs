//! Splits an expression into tokens.

use super::parser::MathError;

/// A token of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    /// An id, or the name of a function or an operator in words.
    Word(String),
    Text(String),
    /// An operator, a bracket or a comma.
    Symbol(&'static str),
}

/// The longer symbols first, so that `>=` is not read as `>`.
const SYMBOLS: [&str; 21] = [
    "==", "!=", ">=", "<=", "&&", "||", "+", "-", "*", "/", "^", ">", "<", "(", ")", "[", "]", "{",
    "}", ",", "!",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, MathError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_ascii_digit() || first == '.' {
            let length = length(rest, |it| it.is_ascii_digit() || it == '.');
            let number = rest.get(..length).unwrap_or_default();
            let parsed = number.parse();
            tokens.push(Token::Number(
                parsed.map_err(|_| MathError(format!("`{number}` is not a number")))?,
            ));
            length
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = length(rest, |it| it.is_ascii_alphanumeric() || it == '_');
            tokens.push(Token::Word(
                rest.get(..length).unwrap_or_default().to_owned(),
            ));
            length
        } else if first == '"' || first == '\'' {
            let inner = rest.get(1..).unwrap_or_default();
            let end = inner.find(first);
            let end = end.ok_or_else(|| MathError(format!("a text is not closed: {rest}")))?;
            tokens.push(Token::Text(inner.get(..end).unwrap_or_default().to_owned()));
            end + 2
        } else {
            let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
            let symbol = symbol.ok_or_else(|| {
                MathError(format!(
                    "the character `{first}` is not part of metric math"
                ))
            })?;
            tokens.push(Token::Symbol(symbol));
            symbol.len()
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// The bytes at the beginning of which every character belongs to a token.
fn length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|character| !belongs(character))
        .unwrap_or(text.len())
}
