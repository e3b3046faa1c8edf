//! Why an alarm cannot be evaluated.

/// An alarm that cannot be evaluated: which one, where it is, and why.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the alarm {alarm} (template line {line}) cannot be evaluated: {reason}")]
pub struct WatchError {
    /// The logical id of the alarm.
    pub alarm: String,
    /// The line that declares it.
    pub line: usize,
    /// What is wrong, and what to do.
    pub reason: String,
}
