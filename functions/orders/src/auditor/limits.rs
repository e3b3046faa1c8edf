//! How much an audit may read, and how long it waits between two passes.

use std::time::Duration;

use crate::config::ConfigError;

/// The read units that one audit may consume, unless it is told otherwise.
const READ_UNITS_DEFAULT: u32 = 1_000_000;

/// The read units that can be set. One page needs more than the least.
const READ_UNITS: std::ops::RangeInclusive<u32> = 500..=100_000_000;

/// Longer than an invocation of the orders function, and so than its last write takes to be seen.
const WAIT_SECONDS_DEFAULT: u64 = 60;

const WAIT_SECONDS: std::ops::RangeInclusive<u64> = 15..=300;

/// The limits of an audit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// How many read units it may consume.
    pub(crate) read_units_max: u32,
    /// How long it waits before it looks at a suspect again.
    pub(crate) wait: Duration,
}

impl Limits {
    /// Reads `AUDIT_READ_UNITS_MAX` and `AUDIT_WAIT_SECONDS`. An empty variable counts as
    /// missing.
    ///
    /// # Errors
    /// A variable is not valid. The error names it.
    pub(crate) fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let read_units_max = match set("AUDIT_READ_UNITS_MAX") {
            None => READ_UNITS_DEFAULT,
            Some(text) => {
                let number = text.parse().ok();
                let number = number.filter(|number| READ_UNITS.contains(number));
                let fault = "is not a whole number from 500 to 100000000";
                number.ok_or(ConfigError::Invalid("AUDIT_READ_UNITS_MAX", fault))?
            }
        };
        let wait = match set("AUDIT_WAIT_SECONDS") {
            None => WAIT_SECONDS_DEFAULT,
            Some(text) => {
                let number = text.parse().ok();
                let number = number.filter(|number| WAIT_SECONDS.contains(number));
                let fault = "is not a whole number from 15 to 300";
                number.ok_or(ConfigError::Invalid("AUDIT_WAIT_SECONDS", fault))?
            }
        };
        Ok(Self {
            read_units_max,
            wait: Duration::from_secs(wait),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(variable: (&str, &str), expected: Result<(u32, u64), &str>) {
        let var = |name: &str| (name == variable.0).then(|| variable.1.to_owned());
        let limits = Limits::from_env(var);
        let limits = limits.map(|it| (it.read_units_max, it.wait.as_secs()));
        let limits = limits.map_err(|error| error.to_string());
        match (limits, expected) {
            (Ok(limits), Ok(expected)) => assert_eq!(limits, expected),
            (Err(error), Err(name)) => assert!(error.starts_with(name), "{error}"),
            (limits, _) => panic!("{variable:?}: {limits:?}"),
        }
    }

    #[test]
    fn limits_are_read_and_an_invalid_one_is_named() {
        check(("", ""), Ok((1_000_000, 60)));
        check(("AUDIT_READ_UNITS_MAX", "500"), Ok((500, 60)));
        check(("AUDIT_READ_UNITS_MAX", ""), Ok((1_000_000, 60)));
        check(("AUDIT_WAIT_SECONDS", "15"), Ok((1_000_000, 15)));
        for value in ["499", "-1", "many", "100000001"] {
            let name = "AUDIT_READ_UNITS_MAX";
            check((name, value), Err(name));
        }
        for value in ["14", "301", "1m"] {
            let name = "AUDIT_WAIT_SECONDS";
            check((name, value), Err(name));
        }
    }
}
