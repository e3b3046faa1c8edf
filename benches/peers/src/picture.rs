//! The figures as a picture: a bar for each program that places orders.

use std::fmt::Write as _;

use crate::Fallible;
use crate::measure::{Part, Round};
use crate::report::{Measured, short};

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long the longest is.
const BARS: (f64, f64) = (190.0, 480.0);
const LINE: f64 = 24.0;

const PROGRAMS: [(&str, &str, &str); 4] = [
    ("orders", "Surefire", "#0969da"),
    ("bare", "bare Rust, no idempotency", "#8c959f"),
    ("powertools-python", "Powertools, Python", "#bc4c00"),
    ("powertools-typescript", "Powertools, TypeScript", "#9a6700"),
];

/// Draws the first answer after a cold start, and warm orders with and without a distance to the
/// database.
pub(crate) fn draw(measured: &Measured) -> Fallible<String> {
    let [near, far, ..] = measured.parts.as_slice() else {
        return Err("there is nothing to draw".into());
    };
    let first: fn(&Round) -> f64 = |round| round.first_answer;
    let warm: fn(&Round) -> f64 = |round| round.p50;
    let groups = [
        (
            "Start of the process to the first order's answer, ms",
            near,
            first,
        ),
        ("A warm order, ms (median)", near, warm),
        (
            "A warm order with 4 ms more for each database call, ms (median)",
            far,
            warm,
        ),
    ];
    let mut body = String::new();
    let mut y = 8.0;
    for (title, part, figure) in groups {
        group(&mut body, &mut y, title, part, figure);
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" \
         viewBox=\"0 0 {WIDTH} {y}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>Cold and warm orders: Surefire, a bare Rust function and Powertools</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    ))
}

fn group(body: &mut String, y: &mut f64, title: &str, part: &Part, figure: fn(&Round) -> f64) {
    let of = |name: &str| part.row(name).map(|row| row.median(figure));
    let largest = PROGRAMS
        .iter()
        .filter_map(|(name, ..)| of(name))
        .fold(f64::MIN_POSITIVE, f64::max);
    *y += LINE;
    let _ = writeln!(
        body,
        "<text x=\"12\" y=\"{y}\" font-weight=\"bold\" fill=\"#1f2328\">{title}</text>"
    );
    for (name, label, colour) in PROGRAMS {
        let Some(value) = of(name) else { continue };
        *y += LINE;
        let (left, longest) = BARS;
        let length = (value / largest * longest).max(1.0);
        let _ = writeln!(
            body,
            "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\" fill=\"#1f2328\">{label}</text>\n\
             <rect x=\"{left}\" y=\"{}\" width=\"{length:.1}\" height=\"15\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{y}\" fill=\"#1f2328\">{}</text>",
            left - 8.0,
            *y - 12.0,
            left + length + 6.0,
            short(value)
        );
    }
    *y += LINE / 2.0;
}
