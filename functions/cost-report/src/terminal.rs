//! Shows a report in a terminal, with a bar for each day.

use std::fmt::Write as _;

use crate::money::number;
use crate::report::{Bar, Report, Severity};
use crate::words::Words;

/// The width of the longest bar, in characters.
const BAR_CHARACTERS_MAX: f64 = 40.0;
/// Eighths of a character.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// The report as text.
pub(crate) fn text(report: &Report<'_>, words: &Words) -> String {
    let mut text = format!("{}{}\n", mark(report.severity), line(&words.title));
    if !words.summary.is_empty() {
        text.push_str(&indented(&words.summary, ""));
    }
    for fact in &words.facts {
        // Writing to a String cannot fail, here and below.
        let _ = write!(
            text,
            "\n{}\n{}",
            line(&fact.name),
            indented(&fact.value, "  ")
        );
    }
    text.push_str(&bars(report));
    text
}

const fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "",
        Severity::Warning => "WARNING: ",
        Severity::Error => "OVER BUDGET: ",
    }
}

/// Foreign text must not move the cursor or change colours.
fn line(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).collect()
}

fn indented(text: &str, indent: &str) -> String {
    let lines = text.lines().map(|each| format!("{indent}{}\n", line(each)));
    lines.collect()
}

fn bars(report: &Report<'_>) -> String {
    let Some(spent) = &report.spent else {
        return String::new();
    };
    let currency = &spent.currency;
    let highest = spent.bars.iter().map(Bar::total).fold(0.0, f64::max);
    let mut text = format!("\n{currency} a day, last {} days", spent.bars.len());
    if let Some(budget) = report.budget_of_a_day() {
        let _ = write!(text, " (budget {} a day)", number(budget, currency));
    }
    text.push('\n');
    for bar in &spent.bars {
        let amount = bar.total();
        let drawn = if 0.0 < amount {
            drawn(amount / highest)
        } else {
            String::new()
        };
        let note = if bar.date == report.days.yesterday() {
            " not complete yet"
        } else {
            ""
        };
        let date = bar.date.strftime("%e %b");
        let amount = number(amount, currency);
        let _ = writeln!(text, "  {date} {amount:>10} {drawn}{note}");
    }
    text
}

/// A bar of a share of the longest.
fn drawn(share: f64) -> String {
    let eighths = (share * BAR_CHARACTERS_MAX * 8.0).round().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the eighths of the longest bar"
    )]
    let eighths = eighths as usize;
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    "█".repeat(eighths / 8) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_measured_in_eighths_of_a_character() {
        assert_eq!(drawn(1.0), "█".repeat(40));
        assert_eq!(drawn(0.5), "█".repeat(20));
        assert_eq!(drawn(0.5 + 3.0 / 320.0), "█".repeat(20) + "▍");
        assert_eq!(drawn(0.000_1), "▏");
    }

    #[test]
    fn foreign_text_cannot_control_the_terminal() {
        assert_eq!(line("a\u{1b}[31mb\u{7}"), "a[31mb");
    }
}
