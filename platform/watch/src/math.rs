//! Metric math: the expressions of alarms.
//!
//! An expression has a value for each period, or one number for all. Where a metric has no data, an
//! operator has no value either; `FILL` replaces what is missing. Source: "Using metric math", Amazon
//! CloudWatch User Guide.

mod calculate;
mod lexer;
mod parser;

pub use calculate::{Series, calculate};
pub use parser::{Expression, MathError, parse};

/// The functions that are evaluated here.
pub(crate) const FUNCTIONS: [&str; 10] = [
    "ABS", "AVG", "CEIL", "FILL", "FLOOR", "IF", "MAX", "METRICS", "MIN", "SUM",
];

#[cfg(test)]
mod tests;
