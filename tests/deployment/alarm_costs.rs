//! The page on deployments says what the alarms cost, with the numbers of the template.

use template::Stack;

use super::alarm::alarms;
use super::{names, with};

const PAGE: &str = include_str!("../../docs/deploy.md");

/// The prices of a month in cents: a metric of an alarm, a composite alarm, a dashboard.
const CENTS: (usize, usize, usize) = (10, 50, 300);

/// How many metrics the alarms read, how many composite alarms there are, and how many dashboards.
fn counted(text: &str, monitoring: &str) -> (usize, usize, usize) {
    let stack = Stack::read(text, [("Monitoring", monitoring)]).unwrap();
    let alarms = alarms(&stack);
    (
        alarms.iter().map(|alarm| alarm.metrics().len()).sum(),
        alarms.iter().filter(|alarm| alarm.rule().is_some()).count(),
        stack.of_kind("AWS::CloudWatch::Dashboard").count(),
    )
}

fn dollars(cents: usize) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Rows that the page must have, and has not.
fn wrong(text: &str) -> Vec<String> {
    let (core, full) = (counted(text, "core"), counted(text, "full"));
    let more = (full.0 - core.0, full.1 - core.1);
    let alarms = |(metrics, composites)| metrics * CENTS.0 + composites * CENTS.1;
    let row = |what: &str, (metrics, composites): (usize, usize)| {
        let usd = dollars(alarms((metrics, composites)));
        format!(
            "| {what} | {metrics} metrics × 0.10, and {composites} composite alarms × 0.50 | {usd} |"
        )
    };
    let dashboards = full.2 * CENTS.2;
    let rows = [
        row("alarms (`Monitoring=core`)", (core.0, core.1)),
        row("more alarms", more),
        format!(
            "| **together** | | **{}** |",
            dollars(alarms(more) + dashboards)
        ),
    ];
    let missing = rows.into_iter().filter(|row| !PAGE.contains(row));
    missing
        .map(|row| format!("docs/deploy.md has no row {row}"))
        .collect()
}

#[test]
fn the_page_has_the_costs_of_the_alarms() {
    assert_eq!(wrong(&super::text()), [""; 0]);
}

#[test]
fn another_number_of_alarms_is_noticed() {
    let full = "    Condition: WithFullMonitoring\n";
    let broken = with("ApiLatencyAlarm", full, "    Condition: WithOrders\n");
    names(
        wrong,
        &broken,
        "no row | alarms (`Monitoring=core`) | 55 metrics",
    );
    names(wrong, &broken, "no row | more alarms | 21 metrics");
    let broken = with("Dashboard", full, "    Condition: WithAlertEmail\n");
    names(wrong, &broken, "no row | **together** | | **3.70** |");
}

/// The sums at the end of each table are those of its rows.
#[test]
fn the_tables_of_costs_add_up() {
    let (_, costs) = PAGE.split_once("\n## What it costs\n").unwrap();
    let mut tables = 0;
    let mut sum = 0;
    for line in costs.lines() {
        let last = line
            .trim_end_matches('|')
            .rsplit('|')
            .next()
            .unwrap_or_default()
            .trim();
        let cents = |text: &str| text.replace('.', "").parse::<usize>().ok();
        if !line.starts_with('|') {
            sum = 0;
        } else if let Some(total) = line.strip_prefix("| **together** | | **") {
            assert_eq!(cents(total.trim_end_matches("** |")), Some(sum), "{line}");
            tables += 1;
        } else if let Some(cents) = cents(last) {
            sum += cents;
        }
    }
    assert_eq!(tables, 3);
}
