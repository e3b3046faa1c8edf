//! Writes numbers as a reader on a phone needs them: without digits that say nothing, with their unit.

/// A number with three significant digits, but never without its whole part, and with its unit.
///
/// Bytes are scaled. `unit` is a unit of CloudWatch: `Milliseconds`, `Bytes`, `Count/Second`.
pub(crate) fn with_unit(number: f64, unit: Option<&str>) -> String {
    let unit = unit.unwrap_or("None");
    if let Some(rest) = unit.strip_prefix("Bytes") {
        let (scaled, prefix) = scaled(number);
        return format!("{} {prefix}B{}", short(scaled), per_second(rest));
    }
    let symbol = match unit.trim_end_matches("/Second") {
        "None" | "Count" => "",
        "Seconds" => " s",
        "Milliseconds" => " ms",
        "Microseconds" => " µs",
        "Percent" => " %",
        other => return format!("{} {other}{}", short(number), per_second(unit)),
    };
    format!("{}{symbol}{}", short(number), per_second(unit))
}

fn per_second(unit: &str) -> &'static str {
    if unit.ends_with("/Second") { "/s" } else { "" }
}

fn scaled(number: f64) -> (f64, &'static str) {
    let steps = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let size = number.abs();
    let step = steps.iter().find(|(least, _)| *least <= size);
    step.map_or((number, ""), |(least, prefix)| (number / least, *prefix))
}

/// Three significant digits, but all digits of the whole part.
pub(crate) fn short(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() || 1e15 <= size || (0.0 < size && size < 1e-6) {
        return format!("{number:.2e}");
    }
    let mut decimals = 0_usize;
    let mut least = 100.0;
    while size < least && decimals < 8 {
        decimals += 1;
        least /= 10.0;
    }
    let written = format!("{number:.decimals$}");
    if written.contains('.') {
        return written
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: f64, unit: Option<&str>, expected: &str) {
        assert_eq!(with_unit(number, unit), expected);
    }

    #[test]
    fn a_number_has_three_significant_digits_and_its_whole_part() {
        check(0.012_345_678_901_234_567, None, "0.0123");
        check(7.523_456_789, None, "7.52");
        check(6.0, None, "6");
        check(0.0, None, "0");
        check(99.5, None, "99.5");
        check(412.25, None, "412");
        check(8_123.45, None, "8123");
        check(1_234_567.0, None, "1234567");
        check(-0.5, None, "-0.5");
        check(1e-9, None, "1.00e-9");
        check(f64::INFINITY, None, "inf");
    }

    #[test]
    fn a_number_has_the_unit_of_its_metric() {
        check(8_123.45, Some("Milliseconds"), "8123 ms");
        check(97.612, Some("Percent"), "97.6 %");
        check(1_073_741_824.0, Some("Bytes"), "1.07 GB");
        check(1_500.0, Some("Bytes/Second"), "1.5 kB/s");
        check(12.0, Some("Count"), "12");
        check(12.0, Some("Count/Second"), "12/s");
        check(3.0, Some("Gigabits/Second"), "3 Gigabits/s");
    }
}
