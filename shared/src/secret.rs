//! A wrapper that keeps a secret out of logs, errors and debug output.

use std::fmt;

/// A value that must never be printed: a signing key, a token, a webhook URL.
///
/// It has no `Display`, and its `Debug` prints `[redacted]`. The only way to the
/// value is [`Secret::expose`], which a reviewer can search for.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Call this only where the value is used.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_redacts_a_secret_inside_another_type_too() {
        let nested = Some(("key", Secret::new("hunter2")));
        assert_eq!(format!("{nested:?}"), r#"Some(("key", [redacted]))"#);
    }
}
