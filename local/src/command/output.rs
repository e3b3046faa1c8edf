//! Standard output.

use std::io::Write as _;

use super::error::CommandError;

/// Writes to standard output; a reader that has seen enough (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
