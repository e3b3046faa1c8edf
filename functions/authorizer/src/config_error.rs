//! A mistake in the configuration, as one line.

/// A mistake in the configuration: one line that names the entry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(place: &str, problem: &str) -> Self {
        let text = format!("{place} {problem}");
        // The text stays one line even if a configured name holds a line break.
        Self(
            text.chars()
                .map(|letter| if letter.is_control() { ' ' } else { letter })
                .collect(),
        )
    }
}
