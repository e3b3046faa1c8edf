//! Reads an expression into a tree.

use super::FUNCTIONS;
use super::lexer::{Token, tokens};

/// How deep an expression may be nested.
const DEPTH_MAX: usize = 64;

/// Why an expression cannot be evaluated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct MathError(pub(crate) String);

/// An expression as a tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number.
    Number(f64),
    /// A text, such as the argument of `METRICS`.
    Text(String),
    /// The id of a metric or of another expression.
    Id(String),
    /// `[a, b]`.
    List(Vec<Self>),
    /// `-a`.
    Negated(Box<Self>),
    /// `a + b`, and every other operator between two values.
    Binary(Box<Self>, Operator, Box<Self>),
    /// `SUM(a)`.
    Call(String, Vec<Self>),
}

/// An operator between two values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    /// `OR`.
    Or,
    /// `AND`.
    And,
    /// `==`.
    Equal,
    /// `!=`.
    Unequal,
    /// `>=`.
    AtLeast,
    /// `<=`.
    AtMost,
    /// `>`.
    Greater,
    /// `<`.
    Less,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `^`.
    Power,
}

impl Operator {
    /// The operators by precedence, those that bind least first.
    const LEVELS: [&'static [(&'static str, Self)]; 6] = [
        &[("OR", Self::Or), ("||", Self::Or)],
        &[("AND", Self::And), ("&&", Self::And)],
        &[
            ("==", Self::Equal),
            ("!=", Self::Unequal),
            (">=", Self::AtLeast),
            ("<=", Self::AtMost),
            (">", Self::Greater),
            ("<", Self::Less),
        ],
        &[("+", Self::Add), ("-", Self::Subtract)],
        &[("*", Self::Multiply), ("/", Self::Divide)],
        &[("^", Self::Power)],
    ];
}

/// Reads an expression.
///
/// # Errors
/// What is wrong; a function that is not evaluated here is named.
pub fn parse(text: &str) -> Result<Expression, MathError> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        depth: 0,
    };
    let expression = parser.binary(0)?;
    match parser.tokens.first() {
        None => Ok(expression),
        Some(token) => Err(MathError(format!(
            "`{}` was not expected in `{text}`",
            words(token)
        ))),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    /// Takes this symbol or word, if it is next.
    fn take(&mut self, text: &str) -> bool {
        let is = match self.tokens.first() {
            Some(Token::Symbol(symbol)) => *symbol == text,
            Some(Token::Word(word)) => word.eq_ignore_ascii_case(text),
            _ => false,
        };
        if is {
            self.next();
        }
        is
    }

    fn expect(&mut self, symbol: &str) -> Result<(), MathError> {
        if self.take(symbol) {
            return Ok(());
        }
        let found = self.tokens.first().map(words);
        let found = found.unwrap_or_else(|| "the end".to_owned());
        Err(MathError(format!("`{symbol}` is missing before `{found}`")))
    }

    fn binary(&mut self, level: usize) -> Result<Expression, MathError> {
        let Some(operators) = Operator::LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        while let Some((_, operator)) = operators.iter().find(|(text, _)| self.take(text)) {
            let right = self.binary(level + 1)?;
            left = Expression::Binary(Box::new(left), *operator, Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression, MathError> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err(MathError("the expression is nested too deep".to_owned()));
        }
        let value = if self.take("-") {
            Expression::Negated(Box::new(self.unary()?))
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expression, MathError> {
        match self.next() {
            Some(Token::Number(number)) => Ok(Expression::Number(number)),
            Some(Token::Text(text)) => Ok(Expression::Text(text)),
            Some(Token::Symbol("(")) => {
                let inner = self.binary(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Symbol("[")) => Ok(Expression::List(self.list("]")?)),
            Some(Token::Word(word)) if self.take("(") => {
                let name = word.to_ascii_uppercase();
                let arguments = self.list(")")?;
                if !FUNCTIONS.contains(&name.as_str()) {
                    return Err(MathError(format!(
                        "the function `{name}` is not evaluated on this machine, only {}",
                        FUNCTIONS.join(", ")
                    )));
                }
                Ok(Expression::Call(name, arguments))
            }
            // How `FILL` fills.
            Some(Token::Word(word)) if ["REPEAT", "LINEAR"].contains(&word.as_str()) => {
                Ok(Expression::Text(word))
            }
            // Ids begin with a small letter.
            Some(Token::Word(word)) if word.starts_with(|it: char| it.is_ascii_lowercase()) => {
                Ok(Expression::Id(word))
            }
            Some(token) => Err(MathError(format!(
                "`{}` stands where a value is needed",
                words(&token)
            ))),
            None => Err(MathError("the expression ends too early".to_owned())),
        }
    }

    /// Values with commas between them, to a closing bracket.
    fn list(&mut self, close: &str) -> Result<Vec<Expression>, MathError> {
        let mut values = Vec::new();
        if self.take(close) {
            return Ok(values);
        }
        loop {
            values.push(self.binary(0)?);
            if self.take(close) {
                return Ok(values);
            }
            self.expect(",")?;
        }
    }
}

fn words(token: &Token) -> String {
    match token {
        Token::Number(number) => number.to_string(),
        Token::Word(word) => word.clone(),
        Token::Text(text) => format!("\"{text}\""),
        Token::Symbol(symbol) => (*symbol).to_owned(),
    }
}
