//! How bad each RDS event is.
//!
//! Source: "Amazon RDS event categories and event messages", Amazon RDS User Guide. A message from a
//! subscription has no category, so the events of harmless categories are listed too.

use crate::event::Severity;

/// The numbers of the events of one severity: 7 is `RDS-EVENT-0007`.
type Numbers = &'static [u16];

/// Storage is full, or the instance cannot run.
const CRITICAL: Numbers = &[7, 31, 221];

/// Something is down, or an operation failed.
const ERROR: Numbers = &[
    4, 22, 35, 36, 45, 57, 69, 159, 187, 188, 195, 198, 202, 222, 223, 243, 245, 254, 354, 355,
];

/// Something is slower, at risk, being moved, or needs a decision.
const WARNING: Numbers = &[
    3, 13, 15, 20, 26, 34, 39, 48, 49, 50, 51, 52, 54, 55, 56, 58, 62, 63, 65, 66, 67, 70, 71, 72,
    73, 79, 80, 81, 84, 86, 87, 89, 154, 157, 158, 160, 165, 181, 182, 183, 186, 189, 190, 219,
    220, 224, 225, 227, 231, 237, 249, 252, 253, 261,
];

/// Something was done as it was asked for, or is well again.
const INFO: Numbers = &[
    1, 2, 5, 6, 9, 10, 11, 12, 14, 16, 17, 18, 19, 21, 23, 24, 25, 27, 28, 29, 30, 32, 33, 38, 40,
    41, 42, 43, 46, 47, 53, 59, 60, 61, 64, 68, 74, 75, 78, 88, 90, 91, 92, 155, 161, 166, 167,
    168, 169, 170, 172, 184, 185, 191, 192, 193, 194, 196, 197, 203, 204, 205, 206, 207, 208, 213,
    214, 215, 217, 218, 230, 244, 246, 247, 248, 250, 251, 259, 260,
];

/// The severity by the event's id, else by its categories, else by words in its message. An event that
/// none of them judges is a warning.
pub(super) fn severity(id: Option<&str>, categories: &[String], message: &str) -> Severity {
    id.and_then(by_id)
        .or_else(|| by_category(categories))
        .or_else(|| by_words(message))
        .unwrap_or(Severity::Warning)
}

fn by_id(id: &str) -> Option<Severity> {
    let number: u16 = id.trim().strip_prefix("RDS-EVENT-")?.parse().ok()?;
    [
        (CRITICAL, Severity::Critical),
        (ERROR, Severity::Error),
        (WARNING, Severity::Warning),
        (INFO, Severity::Info),
    ]
    .into_iter()
    .find(|(numbers, _)| numbers.contains(&number))
    .map(|(_, severity)| severity)
}

fn by_category(categories: &[String]) -> Option<Severity> {
    let of_one = |category: &String| match category.to_lowercase().as_str() {
        "failure" => Some(Severity::Error),
        "low storage" | "failover" | "global failover" | "availability" | "deletion" => {
            Some(Severity::Warning)
        }
        "backup"
        | "configuration change"
        | "creation"
        | "maintenance"
        | "restoration"
        | "security patching" => Some(Severity::Info),
        _ => None,
    };
    categories.iter().filter_map(of_one).max()
}

fn by_words(message: &str) -> Option<Severity> {
    let message = message.to_lowercase();
    let is_bad = ["failed", "failure", "error", "out of space", "storage-full"]
        .iter()
        .any(|word| message.contains(word));
    is_bad.then_some(Severity::Error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_has_two_severities() {
        let mut all = [CRITICAL, ERROR, WARNING, INFO].concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_id_decides_before_the_category_and_the_words() {
        let check = |id: Option<&str>, categories: &[&str], message: &str, expected| {
            let categories: Vec<String> = categories.iter().map(|&one| one.to_owned()).collect();
            assert_eq!(
                severity(id, &categories, message),
                expected,
                "{id:?} {message}"
            );
        };
        check(
            Some("RDS-EVENT-0007"),
            &["low storage"],
            "",
            Severity::Critical,
        );
        check(Some("RDS-EVENT-0089"), &[], "", Severity::Warning);
        check(
            Some("RDS-EVENT-0004"),
            &["availability"],
            "",
            Severity::Error,
        );
        check(
            Some("RDS-EVENT-0006"),
            &["availability"],
            "",
            Severity::Info,
        );
        check(Some("RDS-EVENT-0045"), &[], "", Severity::Error);
        check(Some("RDS-EVENT-9999"), &["failure"], "", Severity::Error);
        check(Some("RDS-EVENT-9999"), &["backup"], "", Severity::Info);
        check(Some("RDS-EVENT-9999"), &[], "It failed", Severity::Error);
        check(Some("RDS-EVENT-9999"), &[], "Hello", Severity::Warning);
        check(None, &[], "Hello", Severity::Warning);
    }
}
