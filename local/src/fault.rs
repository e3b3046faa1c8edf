//! Faults that break a service of this machine for a while, for demonstrations and tests.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use template::Kind;

/// The services that are not functions, with what can be wrong with each.
const SERVICES: [(&str, &[&str]); 5] = [
    (
        "dynamodb",
        &["error", "throttle", "slow", "conflict", "refuse"],
    ),
    ("secrets", &["error"]),
    ("discord", &["error", "refuse", "gone"]),
    ("sns", &["error"]),
    ("schedules", &["error"]),
];
/// What can be wrong with a function.
const OF_FUNCTIONS: &[&str] = &["error", "throttle", "slow"];

/// How long a slow service waits, if the fault does not say it.
const SLOW_DEFAULT: Duration = Duration::from_secs(2);

/// What is wrong with a service.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wrong {
    /// It fails.
    Error,
    /// It refuses, because too much is asked of it.
    Throttle,
    /// It waits before it answers.
    Slow(Duration),
    /// Its writes meet other transactions.
    Conflict,
    /// It refuses every request for good.
    Refuse,
    /// What is called no longer exists.
    Gone,
}

/// A service, what is wrong with it, and for how long: `dynamodb=error:60s`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The service, or the function's binary.
    pub service: String,
    /// What is wrong.
    pub wrong: Wrong,
    /// For how long; without an end until it is mended.
    pub lasts: Option<Duration>,
}

/// A fault that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct FaultError(String);

impl FromStr for Fault {
    type Err = FaultError;

    /// Reads `SERVICE=WRONG`, `SERVICE=WRONG:DURATION`, or `SERVICE=slow:WAIT:DURATION`.
    fn from_str(text: &str) -> Result<Self, FaultError> {
        const FORM: &str =
            "write a fault as SERVICE=WRONG or SERVICE=WRONG:DURATION, such as dynamodb=error:60s";
        let (service, wrong) = text
            .trim()
            .split_once('=')
            .ok_or(FaultError(FORM.to_owned()))?;
        let known = of_service(service)?;
        let mut parts = wrong.split(':');
        let wrong = parts.next().unwrap_or_default();
        if !known.contains(&wrong) {
            return Err(FaultError(format!(
                "{service} has no fault `{wrong}`: it can be {}",
                known.join(", ")
            )));
        }
        let mut durations = Vec::new();
        for part in parts {
            let read = duration(part).ok_or(FaultError(format!(
                "`{part}` is not a duration: write it with ms, s, m or h, such as 60s"
            )))?;
            durations.push(read);
        }
        let mut durations = durations.into_iter();
        let wrong = match wrong {
            "error" => Wrong::Error,
            "throttle" => Wrong::Throttle,
            "slow" => Wrong::Slow(durations.next().unwrap_or(SLOW_DEFAULT)),
            "conflict" => Wrong::Conflict,
            "refuse" => Wrong::Refuse,
            _ => Wrong::Gone,
        };
        let lasts = durations.next();
        if durations.next().is_some() {
            return Err(FaultError(FORM.to_owned()));
        }
        Ok(Self {
            service: service.to_owned(),
            wrong,
            lasts,
        })
    }
}

fn of_service(service: &str) -> Result<&'static [&'static str], FaultError> {
    let found = SERVICES.iter().find(|(name, _)| *name == service);
    if let Some((_, known)) = found {
        return Ok(known);
    }
    if Kind::of_binary(service).is_some() {
        return Ok(OF_FUNCTIONS);
    }
    let services = SERVICES.map(|(name, _)| name).into_iter();
    let all: Vec<&str> = services.chain(Kind::ALL.map(Kind::binary)).collect();
    Err(FaultError(format!(
        "there is no service `{service}` to break: use {}",
        all.join(", ")
    )))
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let milliseconds = match text.strip_prefix(digits)? {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(milliseconds).map(Duration::from_millis)
}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => formatter.write_str("error"),
            Self::Throttle => formatter.write_str("throttle"),
            Self::Slow(wait) => write!(formatter, "slow:{}ms", wait.as_millis()),
            Self::Conflict => formatter.write_str("conflict"),
            Self::Refuse => formatter.write_str("refuse"),
            Self::Gone => formatter.write_str("gone"),
        }
    }
}

/// The faults of now. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<BTreeMap<String, Current>>>);

/// What is wrong with a service, and until when.
type Current = (Wrong, Option<Timestamp>);

impl Faults {
    /// Breaks a service from now on. A fault that it had before is replaced.
    pub fn add(&self, fault: &Fault, now: Timestamp) {
        let until = fault.lasts.map(|lasts| now + lasts);
        self.with(|faults| faults.insert(fault.service.clone(), (fault.wrong, until)));
    }

    /// Mends everything.
    pub fn clear(&self) {
        self.with(BTreeMap::clear);
    }

    /// What is wrong with a service now.
    pub fn of(&self, service: &str, now: Timestamp) -> Option<Wrong> {
        let (wrong, until) = self.with(|faults| faults.get(service).copied())?;
        until.is_none_or(|until| now < until).then_some(wrong)
    }

    /// Every fault of now, in words.
    pub fn list(&self, now: Timestamp) -> Vec<String> {
        let all = self.with(|faults| faults.clone());
        let current = all
            .iter()
            .filter(|(_, (_, until))| until.is_none_or(|until| now < until));
        let words = current.map(|(service, (wrong, until))| match until {
            Some(until) => format!("{service}={wrong} until {until:.0}"),
            None => format!("{service}={wrong}"),
        });
        words.collect()
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Current>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wrong: Wrong, lasts: Option<u64>) {
        let fault: Fault = text.parse().unwrap();
        assert_eq!(
            (fault.wrong, fault.lasts),
            (wrong, lasts.map(Duration::from_secs)),
            "{text}"
        );
    }

    #[test]
    fn a_fault_has_a_service_and_may_have_an_end() {
        check("dynamodb=error", Wrong::Error, None);
        check("dynamodb=error:60s", Wrong::Error, Some(60));
        check("dynamodb=throttle:2m", Wrong::Throttle, Some(120));
        check("dynamodb=slow", Wrong::Slow(SLOW_DEFAULT), None);
        check(
            "dynamodb=slow:500ms",
            Wrong::Slow(Duration::from_millis(500)),
            None,
        );
        check(
            "dynamodb=slow:2s:1h",
            Wrong::Slow(Duration::from_secs(2)),
            Some(3_600),
        );
        check("orders-sweeper=throttle", Wrong::Throttle, None);
        check("discord=gone", Wrong::Gone, None);
    }

    #[test]
    fn a_fault_that_cannot_be_read_says_what_is_possible() {
        for (text, part) in [
            ("dynamodb", "SERVICE=WRONG"),
            (
                "dynamo=error",
                "there is no service `dynamo` to break: use dynamodb,",
            ),
            (
                "dynamodb=broken",
                "it can be error, throttle, slow, conflict, refuse",
            ),
            ("orders=conflict", "it can be error, throttle, slow"),
            ("dynamodb=error:soon", "`soon` is not a duration"),
            ("dynamodb=error:1s:1s", "SERVICE=WRONG"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_fault_ends_by_itself_or_is_mended() {
        let (faults, now) = (Faults::default(), Timestamp::UNIX_EPOCH);
        faults.add(&"dynamodb=error:60s".parse().unwrap(), now);
        faults.add(&"sns=error".parse().unwrap(), now);
        let later = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(faults.of("dynamodb", later(59)), Some(Wrong::Error));
        assert_eq!(faults.of("dynamodb", later(60)), None);
        assert_eq!(faults.list(later(60)), ["sns=error"]);
        faults.clear();
        assert_eq!(faults.of("sns", later(60)), None);
    }
}
