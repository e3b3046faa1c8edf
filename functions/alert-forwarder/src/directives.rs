//! Reads the severity and the runbook from a description or another text for people.
//!
//! People write them in many ways: `severity: critical`, `**Severity** = Critical,`, `(severity: high)`,
//! `Runbook URL: <https://…>`, `[runbook](https://…)`. Case, markup and punctuation around them do not
//! count.

use std::ops::Range;

use crate::event::Severity;
use crate::link::SafeUrl;

/// Markup and quotes that may stand around a name or a value.
const AROUND: &[char] = &['*', '_', '`', '~', '"', '\'', ' ', '\t'];
/// What ends a URL in a text.
const URL_END: &[char] = &['>', ')', ']', '"', '\'', '<', '|'];

/// The directives in a description, and the rest of its text.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Directives {
    pub(crate) severity: Option<Severity>,
    pub(crate) runbook: Option<SafeUrl>,
    pub(crate) prose: String,
}

impl Directives {
    /// Reads the directives anywhere in the text. The first of each kind counts. A directive that cannot
    /// be read stays in the prose.
    pub(crate) fn read(description: &str) -> Self {
        let mut read = Self::default();
        let mut lines = Vec::new();
        for line in description.lines() {
            let mut line = line.to_owned();
            while let Some((severity, range)) = severity(&line) {
                read.severity = read.severity.or(Some(severity));
                line.replace_range(range, " ");
            }
            while let Some((runbook, range)) = linked_runbook(&line).or_else(|| runbook(&line)) {
                read.runbook = read.runbook.take().or(Some(runbook));
                line.replace_range(range, " ");
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            if !words.is_empty() {
                lines.push(words.join(" "));
            }
        }
        read.prose = lines.join("\n");
        read
    }
}

/// The first severity in a line, and the part of the line that says it.
fn severity(line: &str) -> Option<(Severity, Range<usize>)> {
    names(line, "severity").find_map(|name| {
        let value_at = after_separator(line, name.end)?;
        let value = line.get(value_at..)?;
        let length = value
            .find(|character: char| !character.is_ascii_alphanumeric())
            .unwrap_or(value.len());
        let severity = Severity::parse(value.get(..length)?)?;
        Some((severity, widened(line, name.start..value_at + length)))
    })
}

/// The first runbook in a line: `runbook: https://…`.
fn runbook(line: &str) -> Option<(SafeUrl, Range<usize>)> {
    names(line, "runbook").find_map(|name| {
        let after = line.get(name.end..)?.to_ascii_lowercase();
        let suffix = [" url", "_url", "-url", " link", "url"]
            .iter()
            .find(|suffix| after.starts_with(**suffix));
        let mut url_at = after_separator(line, name.end + suffix.map_or(0, |suffix| suffix.len()))?;
        let mut rest = line.get(url_at..)?;
        if let Some((label, _)) = rest
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]("))
        {
            url_at += label.len() + 3;
            rest = line.get(url_at..)?;
        }
        let rest = rest.trim_start_matches('<');
        let url_at = line.len() - rest.len();
        let length = rest
            .find(|character: char| character.is_whitespace() || URL_END.contains(&character))
            .unwrap_or(rest.len());
        let written = rest.get(..length)?;
        let url = SafeUrl::parse(written.trim_end_matches(['.', ',', ';', '*', '_', '`']))?;
        Some((url, widened(line, name.start..url_at + length)))
    })
}

/// A link whose label is `runbook`, in markdown: `[runbook](https://…)`.
fn linked_runbook(line: &str) -> Option<(SafeUrl, Range<usize>)> {
    names(line, "runbook").find_map(|name| {
        let start = line.get(..name.start)?.rfind('[')?;
        let (label, after) = line.get(start + 1..)?.split_once("](")?;
        let (url, _) = after.split_once(')')?;
        if label.contains(']') {
            return None;
        }
        let end = start + 1 + label.len() + 2 + url.len() + 1;
        Some((SafeUrl::parse(url.trim())?, widened(line, start..end)))
    })
}

/// The places of a name in a line, in any case, where it is a word.
fn names<'a>(line: &'a str, name: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    let lower = line.to_ascii_lowercase();
    let starts: Vec<usize> = lower.match_indices(name).map(|(start, _)| start).collect();
    starts.into_iter().filter_map(move |start| {
        let before = line.get(..start)?.chars().next_back();
        let inside = before.is_some_and(char::is_alphanumeric);
        (!inside).then_some(start..start + name.len())
    })
}

/// Where the value begins, if a `:` or `=` follows. Markup around the separator is skipped.
fn after_separator(line: &str, from: usize) -> Option<usize> {
    let rest = line.get(from..)?.trim_start_matches(AROUND);
    let rest = rest.strip_prefix([':', '='])?.trim_start_matches(AROUND);
    Some(line.len() - rest.len())
}

/// Adds the markup, brackets and punctuation around a directive to its range.
fn widened(line: &str, range: Range<usize>) -> Range<usize> {
    let before = line.get(..range.start).unwrap_or_default();
    let mut kept = before.trim_end_matches(['*', '_', '`', '~', '"', '\'']);
    let after = line.get(range.end..).unwrap_or_default();
    let mut rest = after.trim_start_matches(['*', '_', '`', '~', '"', '\'', '>']);
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let (Some(outside), Some(inside)) = (kept.strip_suffix(open), rest.strip_prefix(close)) {
            (kept, rest) = (outside, inside);
        }
    }
    // `Runbook: [label](url)` leaves the bracket that closed the link.
    if before.len() == kept.len()
        && line
            .get(range.clone())
            .is_some_and(|part| part.contains("]("))
    {
        rest = rest.strip_prefix(')').unwrap_or(rest);
    }
    let rest = rest.trim_start_matches(['.', ',', ';']);
    kept.len()..line.len() - rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(description: &str, severity: Option<Severity>, runbook: Option<&str>, prose: &str) {
        let read = Directives::read(description);
        assert_eq!(read.severity, severity, "{description}");
        let url = read.runbook.as_ref().map(SafeUrl::as_str);
        assert_eq!(url, runbook, "{description}");
        assert_eq!(read.prose, prose, "{description}");
    }

    const WIKI: Option<&str> = Some("https://wiki.example/r");

    #[test]
    fn a_description_gives_severity_and_runbook_and_keeps_its_words() {
        check(
            "Orders fail. severity: CRITICAL\nrunbook: https://wiki.example/orders#5xx. Call: 112",
            Some(Severity::Critical),
            Some("https://wiki.example/orders#5xx"),
            "Orders fail.\nCall: 112",
        );
    }

    #[test]
    fn a_severity_is_read_in_brackets_in_markdown_and_after_an_equals_sign() {
        let critical = Some(Severity::Critical);
        check(
            "Orders fail (severity: critical)",
            critical,
            None,
            "Orders fail",
        );
        check("**severity**: critical", critical, None, "");
        check("**Severity:** `critical`. Look!", critical, None, "Look!");
        check("Severity=critical", critical, None, "");
        check("Severity = Critical,", critical, None, "");
        check("\"severity\": \"critical\"", critical, None, "");
        check(
            "[SEVERITY:high] Orders",
            Some(Severity::Error),
            None,
            "Orders",
        );
    }

    #[test]
    fn a_runbook_is_read_as_a_link_in_angle_brackets_and_under_longer_names() {
        check("[runbook](https://wiki.example/r) now", None, WIKI, "now");
        check("Runbook URL: <https://wiki.example/r>", None, WIKI, "");
        check(
            "Runbook: [the page](https://wiki.example/r). Go",
            None,
            WIKI,
            "Go",
        );
        check(
            "runbook_url=https://wiki.example/r, then",
            None,
            WIKI,
            "then",
        );
        check("(runbook: https://wiki.example/r)", None, WIKI, "");
    }

    #[test]
    fn a_directive_that_cannot_be_read_stays_in_the_text() {
        for text in [
            "severity: dreadful runbook: javascript:alert(1)",
            "perseverity: high",
            "See https://wiki.example/runbooks/orders",
            "the runbook (https://wiki.example/r) says so",
        ] {
            check(text, None, None, text);
        }
    }
}
