//! Faults of a template, each with its line.

use std::fmt;

/// A part of the template that cannot be served.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in one line.
    pub message: String,
}

/// All faults of a template, in the order of their lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateError(pub Vec<Fault>);

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Fault { line, message }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}line {line}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}

/// Collects faults, so that one run reports them all.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn keep<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.0.push(fault)).ok()
    }

    pub(crate) fn none_or_error(mut self) -> Result<(), TemplateError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort();
        self.0.dedup();
        Err(TemplateError(self.0))
    }
}
