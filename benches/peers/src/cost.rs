//! What a million placed orders cost, by what was measured: the writes, and Lambda's time.

use std::fmt::Write as _;

use crate::measure::{Count, Part};

/// AWS's list prices in us-east-1, November 2026, in USD: a million write units on demand.
const WRITE_UNITS: f64 = 0.625;

/// A GB-second of Lambda on arm64.
const GIBIBYTE_SECOND: f64 = 0.000_013_333_4;

/// The memory of the orders function in template.yaml. The peers get as much.
const MEBIBYTES: f64 = 256.0;

/// With this much memory, a function has one whole processor ("Configure Lambda function memory",
/// Lambda developer guide). With less, it has the same part of one.
const WHOLE_PROCESSOR_MEBIBYTES: f64 = 1_769.0;

const MILLION: f64 = 1e6;

/// The costs as a table in Markdown. The times are those of a part that has a distance to the database.
pub(crate) fn text(counts: &[Count], far: &Part) -> String {
    let mut text = String::from(
        "\n| a million orders | writes, USD | Lambda's time for one, ms | for all of them, USD | together |\n\
         |---|---|---|---|---|\n",
    );
    for count in counts {
        let Some(row) = far.row(count.name) else {
            continue;
        };
        let writes = count.units * WRITE_UNITS;
        let billed = billed(row.median(|it| it.p50), row.median(|it| it.cpu));
        let time = MILLION * billed / 1e3 * MEBIBYTES / 1_024.0 * GIBIBYTE_SECOND;
        let _ = writeln!(
            text,
            "| {} | {} | {billed:.0} | {} | {} |",
            count.name,
            cents(writes),
            cents(time),
            cents(writes + time)
        );
    }
    text
}

/// An amount with two decimals. Half a cent is a cent.
fn cents(usd: f64) -> String {
    format!("{:.2}", (usd * 100.0).round() / 100.0)
}

/// The milliseconds that Lambda bills for an invocation. It took `whole` with a whole processor, of which
/// it used `processor`; with a part of one, only that becomes longer.
fn billed(whole: f64, processor: f64) -> f64 {
    let longer = processor * (WHOLE_PROCESSOR_MEBIBYTES / MEBIBYTES - 1.0);
    (whole + longer).ceil()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Round, Row};

    #[test]
    fn a_wait_costs_its_time_and_work_costs_more_with_a_part_of_a_processor() {
        for (whole, processor, expected) in [(5.0, 0.0, 5.0), (5.1, 0.0, 6.0), (5.0, 1.0, 11.0)] {
            assert!((billed(whole, processor) - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn the_table_multiplies_what_was_counted_with_the_prices() {
        let count = Count {
            name: "one",
            round_trips: 1.0,
            units: 7.0,
            bytes_sent: 0.0,
            bytes_received: 0.0,
            replay_round_trips: 1,
        };
        let round = Round {
            p50: 30.0,
            ..Round::default()
        };
        let row = Row {
            name: "one",
            rounds: vec![round],
        };
        let far = Part {
            name: "far",
            rows: vec![row],
        };
        // 7 × 0.625 = 4.375, and a million × 0.03 s × 0.25 GB × 0.0000133334.
        let text = text(&[count], &far);
        assert!(
            text.ends_with("| one | 4.38 | 30 | 0.10 | 4.48 |\n"),
            "{text}"
        );
    }
}
