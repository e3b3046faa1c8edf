//! Keeps a panic's text, which can quote a token, out of the process's log.

use std::panic::PanicHookInfo;

/// A panic hook that logs the place of a panic, but not its text.
pub fn report(panic: &PanicHookInfo<'_>) {
    let (file, line) = panic
        .location()
        .map_or(("?", 0), |place| (place.file(), place.line()));
    tracing::error!(file, line, "panicked");
}
