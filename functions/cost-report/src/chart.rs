//! Draws the last 30 days: a bar for each day, stacked by the dearest services, and the budget's line.
//!
//! A phone shows the picture about 340 pixels wide, which is less than half of its size. So letters
//! are large and few.

use std::fmt::Write as _;

use shared::picture::{FONT, escaped};

use crate::money::number;
use crate::report::{Bar, Report, Severity, Spent};
use crate::shortened;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 600.0;
/// The place of the bars.
const LEFT: f64 = 92.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 74.0;
const BOTTOM: f64 = 420.0;
/// Discord's dark background of embeds, and letters on it.
const BACKGROUND: &str = "#2b2d31";
const INK: &str = "#f2f3f5";
const FAINT: &str = "#b5bac1";
const RULE: &str = "#4e5058";
/// The colours of the dearest services and of all others. They can be told apart also by readers who
/// do not see red or green: Okabe and Ito, "Color Universal Design", in the shades for a dark ground.
const COLORS: [&str; 6] = [
    "#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#8e9297",
];
const BUDGET: &str = "#ff6b6b";
/// How solid the bar of the day is that is not complete.
const INCOMPLETE: &str = "0.45";
const NAME_CHARACTERS_MAX: usize = 22;
const TICKS: f64 = 4.0;

/// The picture as an SVG; none without costs.
pub(crate) fn svg(report: &Report<'_>) -> Option<String> {
    let spent = report.spent.as_ref()?;
    let bars = &spent.bars;
    let budget = report.budget_of_a_day();
    let scale = Scale::of(bars, budget);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"{FONT}\" font-size=\"22\" fill=\"{INK}\">\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"{BACKGROUND}\"/>"
    );
    title(spent, &mut svg);
    ticks(&scale, &spent.currency, &mut svg);
    for (index, bar) in bars.iter().enumerate() {
        let incomplete = bar.date == report.days.yesterday();
        draw_bar(bar, place(index, bars.len()), &scale, incomplete, &mut svg);
    }
    dates(bars, &mut svg);
    if let Some(budget) = budget {
        draw_budget(budget, &scale, &spent.currency, report.severity, &mut svg);
    }
    legend(spent, &mut svg);
    svg.push_str("</svg>");
    Some(svg)
}

/// Which amount is where.
struct Scale {
    top: f64,
    bottom: f64,
    step: f64,
}

impl Scale {
    /// From the lowest to the highest end of a bar, in steps that people count in.
    fn of(bars: &[Bar], budget: Option<f64>) -> Self {
        let positive = |bar: &Bar| bar.parts.iter().filter(|part| 0.0 < **part).sum::<f64>();
        let negative = |bar: &Bar| bar.parts.iter().filter(|part| **part < 0.0).sum::<f64>();
        let highest = bars.iter().map(positive).fold(0.0, f64::max);
        let highest = highest.max(budget.unwrap_or(0.0));
        let lowest = bars.iter().map(negative).fold(0.0, f64::min);
        let step = step((highest - lowest) / TICKS);
        Self {
            top: (highest / step).ceil().max(1.0) * step,
            bottom: (lowest / step).floor() * step,
            step,
        }
    }

    fn y(&self, amount: f64) -> f64 {
        let share = (amount - self.bottom) / (self.top - self.bottom);
        BOTTOM - share * (BOTTOM - TOP)
    }
}

/// The next of 1, 2, 2.5, 5, 10 … that is not smaller.
fn step(least: f64) -> f64 {
    if least <= 0.0 || !least.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
    let fits = |step: &&f64| least <= **step * 1.000_001;
    steps.iter().find(fits).copied().unwrap_or(power * 10.0)
}

/// The left edge and the width of a bar.
fn place(index: usize, count: usize) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "there are 30 bars")]
    let (index, count) = (index as f64, count as f64);
    let slot = (RIGHT - LEFT) / count;
    (LEFT + slot * index + slot * 0.14, slot * 0.72)
}

fn text(x: f64, y: f64, attributes: &str, words: &str, svg: &mut String) {
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{}</text>",
        escaped(words)
    );
}

fn title(spent: &Spent, svg: &mut String) {
    let words = format!("{} a day, last {} days", spent.currency, spent.bars.len());
    text(24.0, 42.0, "font-size=\"27\"", &words, svg);
}

fn ticks(scale: &Scale, currency: &str, svg: &mut String) {
    let mut amount = scale.bottom;
    while amount <= scale.top + scale.step / 2.0 {
        let y = scale.y(amount);
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"{RULE}\" stroke-width=\"1.5\"/>"
        );
        // Steps of whole numbers have no decimals.
        let whole = (scale.step.fract() == 0.0).then_some("JPY");
        let label = number(amount, whole.unwrap_or(currency));
        let style = format!("text-anchor=\"end\" fill=\"{FAINT}\"");
        text(LEFT - 10.0, y + 8.0, &style, &label, svg);
        amount += scale.step;
    }
}

/// Costs are stacked upwards from zero and credits downwards.
fn draw_bar(bar: &Bar, (x, width): (f64, f64), scale: &Scale, incomplete: bool, svg: &mut String) {
    let (mut up, mut down) = (0.0, 0.0);
    let opacity = if incomplete { INCOMPLETE } else { "1" };
    for (index, part) in bar.parts.iter().enumerate() {
        let from = if 0.0 < *part { &mut up } else { &mut down };
        let (start, end) = (scale.y(*from), scale.y(*from + part));
        *from += part;
        let (y, height) = (start.min(end), (start - end).abs());
        if height < 0.05 {
            continue;
        }
        let color = color(index, bar.parts.len());
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"{color}\" fill-opacity=\"{opacity}\"/>"
        );
    }
}

/// The last part is all others, in grey.
fn color(index: usize, parts: usize) -> &'static str {
    let [.., others] = COLORS;
    if index + 1 == parts {
        return others;
    }
    COLORS.get(index).copied().unwrap_or(others)
}

/// The first day, each Monday that has room, and the last day.
fn dates(bars: &[Bar], svg: &mut String) {
    let last = bars.len().saturating_sub(1);
    for (index, bar) in bars.iter().enumerate() {
        if index != last && !(last - index).is_multiple_of(7) {
            continue;
        }
        let (x, width) = place(index, bars.len());
        let words = bar.date.strftime("%-d %b").to_string();
        let anchor = if index == last { "end" } else { "middle" };
        let x = if index == last {
            RIGHT
        } else {
            x + width / 2.0
        };
        let style = format!("text-anchor=\"{anchor}\" fill=\"{FAINT}\"");
        text(x, BOTTOM + 30.0, &style, &words, svg);
    }
}

fn draw_budget(budget: f64, scale: &Scale, currency: &str, severity: Severity, svg: &mut String) {
    let y = scale.y(budget);
    let _ = write!(
        svg,
        "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"{BUDGET}\" stroke-width=\"3\" \
         stroke-dasharray=\"12 7\"/>"
    );
    let words = format!("budget {} a day", number(budget, currency));
    let weight = match severity {
        Severity::Info | Severity::Warning => "",
        Severity::Error => " (spent)",
    };
    let style = format!("text-anchor=\"end\" fill=\"{BUDGET}\"");
    text(RIGHT, 42.0, &style, &format!("{words}{weight}"), svg);
}

/// The services in two columns, below the dates.
fn legend(spent: &Spent, svg: &mut String) {
    let names = spent.dearest.iter().map(|(service, _)| service.as_str());
    let parts = spent.dearest.len() + 1;
    for (index, name) in names.chain(["all others"]).enumerate() {
        let (column, row) = (index % 2, index / 2);
        let x = if column == 0 {
            24.0
        } else {
            WIDTH / 2.0 + 12.0
        };
        #[expect(clippy::cast_precision_loss, reason = "there are three rows")]
        let y = 492.0 + 40.0 * row as f64;
        let color = color(index, parts);
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"24\" height=\"24\" rx=\"4\" fill=\"{color}\"/>",
            y - 20.0
        );
        let name = shortened::service(name, NAME_CHARACTERS_MAX);
        text(x + 36.0, y, "font-size=\"24\"", &name, svg);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(parts: &[f64]) -> Bar {
        Bar {
            date: "2026-11-24".parse().unwrap(),
            parts: parts.to_vec(),
        }
    }

    #[test]
    fn steps_are_numbers_that_people_count_in() {
        let check = |least: f64, expected: f64| {
            let found = step(least);
            assert!(
                (found - expected).abs() < expected * 1e-9,
                "{least}: {found}"
            );
        };
        check(0.7, 1.0);
        check(1.0, 1.0);
        check(1.1, 2.0);
        check(2.2, 2.5);
        check(0.003, 0.005);
        check(730.0, 1_000.0);
        check(0.0, 1.0);
        check(f64::INFINITY, 1.0);
    }

    #[test]
    fn a_scale_contains_every_bar_and_the_budget() {
        let scale = Scale::of(&[bar(&[3.0, 1.2]), bar(&[2.0, -0.7])], Some(5.1));
        assert!(5.1 <= scale.top && scale.bottom <= -0.7);
        for amount in [4.2, 5.1, -0.7, 0.0] {
            assert!((TOP..=BOTTOM).contains(&scale.y(amount)), "{amount}");
        }
        // Without any costs there is still an axis.
        let scale = Scale::of(&[bar(&[0.0])], None);
        assert!(scale.bottom < scale.top);
    }

    #[test]
    fn all_others_are_grey_however_few_services_there_are() {
        assert_eq!(color(0, 1), COLORS[5]);
        assert_eq!(color(5, 6), COLORS[5]);
        assert_eq!(color(4, 6), COLORS[4]);
    }
}
