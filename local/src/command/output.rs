//! Writes to standard output.

use std::io::Write as _;

use super::error::CommandError;

/// Writes a text. A reader that closes the pipe early (`| head`) is not an error.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
