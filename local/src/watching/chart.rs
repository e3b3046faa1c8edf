//! Draws a graph of metrics: their lines, the threshold, and axes with labels.
//!
//! A phone shows the picture about 340 pixels wide, which is little more than half of its size. So
//! letters are large and few.

use std::fmt::Write as _;

use shared::picture::{FONT, escaped};
use watch::{Drawing, Line, Mark, Pace, Widget};

/// Discord's dark background of embeds, and letters on it.
const BACKGROUND: &str = "#2b2d31";
const INK: &str = "#f2f3f5";
const FAINT: &str = "#b5bac1";
const RULE: &str = "#4e5058";
const THRESHOLD: &str = "#ff6b6b";
/// Colours that can be told apart also by readers who do not see red or green: Okabe and Ito, "Color
/// Universal Design".
const COLORS: [&str; 5] = ["#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7"];
/// The space around the lines.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 78.0;
const TICKS: f64 = 3.0;
const TITLE_CHARACTERS_MAX: usize = 44;
const LABEL_CHARACTERS_MAX: usize = 40;

/// The picture as an SVG of the widget's size.
pub(super) fn svg(widget: &Widget, drawing: &Drawing, pace: Pace) -> String {
    let (width, height) = (f64::from(widget.width), f64::from(widget.height));
    let plot = Plot {
        right: (width - RIGHT).max(LEFT + 1.0),
        bottom: (height - BOTTOM).max(TOP + 1.0),
        scale: Scale::of(&drawing.lines, &widget.marks),
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"{FONT}\" font-size=\"19\" fill=\"{INK}\">\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{BACKGROUND}\"/>"
    );
    let title = shortened(&widget.title, TITLE_CHARACTERS_MAX);
    text((18.0, 34.0), "font-size=\"22\"", &title, &mut svg);
    plot.ticks(&mut svg);
    plot.times(drawing, pace, &mut svg);
    for mark in &widget.marks {
        plot.mark(mark, &mut svg);
    }
    for (index, line) in drawing.lines.iter().enumerate() {
        plot.line(line, color(index), &mut svg);
    }
    legend(&drawing.lines, height, &mut svg);
    svg.push_str("</svg>");
    svg
}

/// Which value is at which height: from zero, or lower values, to the highest value or threshold.
struct Scale {
    top: f64,
    bottom: f64,
    step: f64,
}

impl Scale {
    fn of(lines: &[Line], marks: &[Mark]) -> Self {
        let values = lines.iter().flat_map(|line| line.values.iter().flatten());
        let all = values.copied().chain(marks.iter().map(|mark| mark.value));
        let all = all.filter(|value| value.is_finite());
        let (lowest, highest) = all.fold((0.0_f64, 0.0_f64), |(lowest, highest), value| {
            (lowest.min(value), highest.max(value))
        });
        let step = step((highest - lowest) / TICKS);
        // A step of room above, so that the highest line is not the picture's edge.
        Self {
            top: ((highest + step * 0.2) / step).ceil().max(1.0) * step,
            bottom: (lowest / step).floor() * step,
            step,
        }
    }
}

/// The next of 1, 2, 5, 10 … that is not smaller.
fn step(least: f64) -> f64 {
    if least <= 0.0 || !least.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let fits = |step: &&f64| least <= **step * 1.000_001;
    steps.iter().find(fits).copied().unwrap_or(power * 10.0)
}

/// Where the lines are.
struct Plot {
    right: f64,
    bottom: f64,
    scale: Scale,
}

impl Plot {
    fn y(&self, value: f64) -> f64 {
        let share = (value - self.scale.bottom) / (self.scale.top - self.scale.bottom);
        self.bottom - share * (self.bottom - TOP)
    }

    /// The middle of a period.
    fn x(&self, index: usize, count: usize) -> f64 {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a graph has at most 14,400 periods"
        )]
        let share = (index as f64 + 0.5) / count as f64;
        LEFT + share * (self.right - LEFT)
    }

    fn ticks(&self, svg: &mut String) {
        let mut value = self.scale.bottom;
        while value <= self.scale.top + self.scale.step / 2.0 {
            let y = self.y(value);
            let right = self.right;
            // Writing to a String cannot fail, here and below.
            let _ = write!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"{RULE}\" stroke-width=\"1.5\"/>"
            );
            let style = format!("text-anchor=\"end\" fill=\"{FAINT}\"");
            text((LEFT - 10.0, y + 7.0), &style, &number(value), svg);
            value += self.scale.step;
        }
    }

    /// The times of the beginning, the middle and the end. Fast alarms show seconds.
    fn times(&self, drawing: &Drawing, pace: Pace, svg: &mut String) {
        let form = if pace.speed() == 1 {
            "%H:%M"
        } else {
            "%H:%M:%S"
        };
        let middle = i64::midpoint(drawing.begin, drawing.end);
        let y = self.bottom + 27.0;
        for (minute, x, anchor) in [
            (drawing.begin, LEFT, "start"),
            (middle, f64::midpoint(LEFT, self.right), "middle"),
            (drawing.end, self.right, "end"),
        ] {
            let words = pace.begin(minute).strftime(form).to_string();
            let words = if anchor == "end" {
                format!("{words} UTC")
            } else {
                words
            };
            let style = format!("text-anchor=\"{anchor}\" fill=\"{FAINT}\"");
            text((x, y), &style, &words, svg);
        }
    }

    fn mark(&self, mark: &Mark, svg: &mut String) {
        let (y, right) = (self.y(mark.value), self.right);
        let _ = write!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"{THRESHOLD}\" stroke-width=\"2.5\" \
             stroke-dasharray=\"10 6\"/>"
        );
        let words = format!("{} {}", mark.label, number(mark.value));
        let style = format!("fill=\"{THRESHOLD}\"");
        text((LEFT + 8.0, y - 8.0), &style, words.trim(), svg);
    }

    /// A line through neighbours, and a dot for a value without any.
    fn line(&self, line: &Line, color: &str, svg: &mut String) {
        let count = line.values.len();
        let mut path = String::new();
        let at = |index: usize| line.values.get(index).copied().flatten();
        for (index, value) in line.values.iter().enumerate() {
            let Some(value) = value else {
                continue;
            };
            let (x, y) = (self.x(index, count), self.y(*value));
            let before = index.checked_sub(1).and_then(at);
            if before.is_none() && at(index + 1).is_none() {
                let _ = write!(
                    svg,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{color}\"/>"
                );
            }
            let pen = if before.is_none() { 'M' } else { 'L' };
            let _ = write!(path, "{pen}{x:.1} {y:.1}");
        }
        let _ = write!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"3\" \
             stroke-linejoin=\"round\"/>"
        );
    }
}

/// The lines' names below the times, as many as there is room for.
fn legend(lines: &[Line], height: f64, svg: &mut String) {
    let Some(first) = lines.first() else {
        return;
    };
    let y = height - 16.0;
    let _ = write!(
        svg,
        "<rect x=\"18\" y=\"{:.1}\" width=\"18\" height=\"18\" rx=\"4\" fill=\"{}\"/>",
        y - 15.0,
        color(0)
    );
    let mut words = shortened(&first.label, LABEL_CHARACTERS_MAX);
    if 1 < lines.len() {
        let _ = write!(words, ", and {} more", lines.len() - 1);
    }
    text((44.0, y), "", &words, svg);
}

fn color(index: usize) -> &'static str {
    COLORS.get(index % COLORS.len()).copied().unwrap_or(INK)
}

fn text((x, y): (f64, f64), attributes: &str, words: &str, svg: &mut String) {
    let _ = write!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{}</text>",
        escaped(words)
    );
}

fn shortened(words: &str, characters_max: usize) -> String {
    if words.chars().count() <= characters_max {
        return words.to_owned();
    }
    let begin: String = words.chars().take(characters_max - 1).collect();
    format!("{begin}…")
}

/// A number in few characters: 0.5, 12, 1.5k, 2M.
fn number(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if 1e6 <= size => (value / 1e6, "M"),
        size if 1e3 <= size => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[Option<f64>]) -> Line {
        Line {
            label: "m".to_owned(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn a_scale_contains_every_value_and_the_threshold() {
        let check = |values: &[Option<f64>], threshold: f64| {
            let mark = Mark {
                label: String::new(),
                value: threshold,
            };
            let scale = Scale::of(&[line(values)], &[mark]);
            for value in values.iter().flatten().chain([&threshold, &0.0]) {
                assert!((scale.bottom..=scale.top).contains(value), "{value}");
            }
            assert!(scale.bottom < scale.top);
            let ticks = (scale.top - scale.bottom) / scale.step;
            assert!(ticks < 6.0, "{ticks}");
        };
        check(&[Some(4.2), None, Some(-0.7)], 5.1);
        check(&[], 0.0);
        check(&[Some(1.0)], 1.0);
        check(&[Some(123_456.0)], 0.001);
    }

    #[test]
    fn numbers_are_short() {
        let check = |value: f64, expected: &str| assert_eq!(number(value), expected);
        check(0.0, "0");
        check(-0.0, "0");
        check(0.5, "0.5");
        check(1_500.0, "1.5k");
        check(2_000_000.0, "2M");
        check(-3.0, "-3");
    }

    #[test]
    fn a_value_without_neighbours_is_a_dot() {
        let plot = Plot {
            right: 600.0,
            bottom: 200.0,
            scale: Scale::of(&[], &[]),
        };
        let drawn = |values: &[Option<f64>]| {
            let mut svg = String::new();
            plot.line(&line(values), INK, &mut svg);
            svg.matches("<circle").count()
        };
        assert_eq!(drawn(&[None, Some(1.0), None]), 1);
        assert_eq!(drawn(&[Some(1.0), Some(1.0), None, Some(1.0)]), 1);
        assert_eq!(drawn(&[None]), 0);
    }
}
