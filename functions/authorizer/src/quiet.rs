//! Keeps tokens out of the process's log: no library's lines below INFO, and no panic's text.

use std::panic::PanicHookInfo;

use tracing::Level;

/// Raises a log level below `INFO` in an environment variable to `INFO`.
///
/// At `TRACE` the Lambda runtime logs every event with its token, and at `DEBUG`
/// the AWS SDK logs the text of errors. No line of this crate is lost: it logs
/// nothing below `INFO`.
pub fn level(name: &str, value: Option<String>) -> Option<String> {
    let is_level = matches!(name, "AWS_LAMBDA_LOG_LEVEL" | "RUST_LOG");
    value.map(|value| {
        // The real parser decides, since it also accepts numbers and other spellings.
        let is_below = value.parse().is_ok_and(|level: Level| Level::INFO < level);
        if is_level && is_below {
            "INFO".to_owned()
        } else {
            value
        }
    })
}

/// A panic hook that logs the place of a panic, but not its text.
pub fn report(panic: &PanicHookInfo<'_>) {
    let (file, line) = panic
        .location()
        .map_or(("?", 0), |place| (place.file(), place.line()));
    tracing::error!(file, line, "panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_level_below_info_cannot_be_set() {
        for (name, value, expected) in [
            ("AWS_LAMBDA_LOG_LEVEL", "TRACE", "INFO"),
            ("AWS_LAMBDA_LOG_LEVEL", "DEBUG", "INFO"),
            ("RUST_LOG", "trace", "INFO"),
            ("RUST_LOG", "5", "INFO"),
            ("RUST_LOG", "warn", "warn"),
            ("OTHER", "trace", "trace"),
        ] {
            assert_eq!(
                level(name, Some(value.to_owned())).as_deref(),
                Some(expected)
            );
        }
        assert_eq!(level("RUST_LOG", None), None);
        // Every spelling that the parser reads as a level below INFO.
        for spelling in [
            "trace", "TRACE", "Trace", "debug", "DEBUG", "5", "4", "6", " trace", "trace ", "05",
        ] {
            let capped = level("RUST_LOG", Some(spelling.to_owned())).unwrap();
            let parsed = capped.parse::<Level>();
            assert!(
                parsed.is_err() || parsed.is_ok_and(|level| level <= Level::INFO),
                "{spelling}"
            );
        }
    }
}
