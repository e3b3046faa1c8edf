//! The figures as tables for a terminal and a page, and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::Fallible;
use crate::beside::{Load, Way};
use crate::candidates::Candidate;
use crate::cost;
use crate::growth::Grown;
use crate::measure::{Count, Part, Round, Rounds};

/// Everything.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) counts: Vec<Count>,
    /// The same for the orders function at several sizes of the table. Empty when only some programs
    /// are measured, or quickly.
    pub(crate) grown: Vec<Grown>,
    pub(crate) parts: Vec<Part>,
    /// The container beside the functions. Empty when only some programs are measured.
    pub(crate) loads: Vec<Load>,
    pub(crate) rounds: Rounds,
}

/// What is divided by what.
const COMPARED: [(&str, &str); 10] = [
    ("cors", "hello"),
    ("authorizer", "hello"),
    ("aws-jwt-verify", "authorizer"),
    ("orders", "hello"),
    ("orders", "bare"),
    ("powertools-python", "orders"),
    ("powertools-typescript", "orders"),
    // Only with --beside.
    ("another cors", "cors"),
    ("another authorizer", "authorizer"),
    ("another orders", "orders"),
];

type Figure = fn(&Round) -> f64;

const FIGURES: [(&str, Figure); 6] = [
    ("first_next_milliseconds", |round| round.first_next),
    ("first_answer_milliseconds", |round| round.first_answer),
    ("warm_p50_milliseconds", |round| round.p50),
    ("warm_p99_milliseconds", |round| round.p99),
    ("cpu_milliseconds_per_invocation", |round| round.cpu),
    ("peak_mebibytes", |round| round.peak_mebibytes),
];

/// The tables, in Markdown.
pub(crate) fn text(measured: &Measured, candidates: &[Candidate]) -> String {
    let mut text = String::from(
        "\n| one order | round trips | of a replay | write units | bytes sent | received |\n\
         |---|---|---|---|---|---|\n",
    );
    for count in &measured.counts {
        let _ = writeln!(
            text,
            "| {} | {:.0} | {} | {:.1} | {:.0} | {:.0} |",
            count.name,
            count.round_trips,
            count.replay_round_trips,
            count.units,
            count.bytes_sent,
            count.bytes_received
        );
    }
    grown(&mut text, measured);
    for part in &measured.parts {
        table(&mut text, part, candidates);
    }
    if let [_, far, ..] = measured.parts.as_slice() {
        text.push_str(&cost::text(&measured.counts, far));
    }
    if !measured.loads.is_empty() {
        text.push('\n');
        text.push_str(&beside(&measured.loads));
    }
    text
}

fn grown(text: &mut String, measured: &Measured) {
    if measured.grown.is_empty() {
        return;
    }
    text.push_str(
        "\n| orders in the table | round trips of one more | of a replay | write units |\n\
         |---|---|---|---|\n",
    );
    for grown in &measured.grown {
        let (orders, count) = (grown.orders, grown.count);
        let _ = writeln!(
            text,
            "| {orders} | {:.0} | {} | {:.1} |",
            count.round_trips, count.replay_round_trips, count.units
        );
    }
}

/// The container's program beside the functions, in Markdown.
pub(crate) fn beside(loads: &[Load]) -> String {
    let mut text = String::from(
        "| customers at once | way | start to ready, ms | orders a second | processor for each, ms | peak, MiB |\n\
         |---|---|---|---|---|---|\n",
    );
    for load in loads {
        let way = match load.way {
            Way::Container => "`surefire-host`".to_owned(),
            Way::Functions => format!("authorizer and orders, {} of each", load.customers),
        };
        let _ = writeln!(
            text,
            "| {} | {way} | {} | {:.0} | {} | {} |",
            load.customers,
            short(load.ready),
            load.orders_per_second,
            short(load.cpu),
            short(load.peak_mebibytes)
        );
    }
    text
}

fn table(text: &mut String, part: &Part, candidates: &[Candidate]) {
    let _ = write!(
        text,
        "\n| {} | first `/next`, ms | first answer | warm p50 | p99 | processor | peak, MiB | zipped, MiB |\n\
         |---|---|---|---|---|---|---|---|\n",
        part.name
    );
    for row in &part.rows {
        let _ = write!(text, "| {} |", row.name);
        for (_, figure) in FIGURES {
            let _ = write!(text, " {} |", short(row.median(figure)));
        }
        let candidate = candidates
            .iter()
            .find(|candidate| candidate.name == row.name);
        let _ = writeln!(text, " {} |", short(candidate.map_or(0.0, mebibytes)));
    }
    let _ = write!(
        text,
        "\n| times, {} | first `/next` | first answer | warm p50 | p99 | processor | peak |\n\
         |---|---|---|---|---|---|---|\n",
        part.name
    );
    for (of, to) in COMPARED {
        if part.row(of).is_none() || part.row(to).is_none() {
            continue;
        }
        let _ = write!(text, "| {of} / {to} |");
        for (_, figure) in FIGURES {
            let ratio = part.ratio(of, to, figure).unwrap_or_default();
            let _ = write!(text, " {ratio:.2} |");
        }
        text.push('\n');
    }
}

/// The lines of a page between which the figures stand.
const BEGIN: &str = "<!-- Written by `cargo run --release -p peers`: -->\n";
const END: &str = "<!-- Until here. -->\n";

/// The page with these tables in the place of those that it shows.
pub(crate) fn in_page(page: &str, tables: &str) -> Fallible<String> {
    let parts = page.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) = parts.ok_or("the page has no place for the figures")?;
    Ok(format!("{before}{BEGIN}{tables}\n{END}{after}"))
}

/// Two digits that say something.
pub(crate) fn short(value: f64) -> String {
    match value {
        value if value < 1.0 => format!("{value:.3}"),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn mebibytes(candidate: &Candidate) -> f64 {
    let kibibytes = u32::try_from(candidate.zipped_bytes / 1024).unwrap_or(u32::MAX);
    f64::from(kibibytes) / 1024.0
}

/// The same for programs.
pub(crate) fn json(measured: &Measured, candidates: &[Candidate]) -> Fallible<String> {
    let mut parts = Map::new();
    for part in &measured.parts {
        let mut rows = Map::new();
        for row in &part.rows {
            let figure =
                |(name, figure): (&str, Figure)| (name.to_owned(), rounded(row.median(figure)));
            let figures: Map<String, Value> = FIGURES.into_iter().map(figure).collect();
            rows.insert(row.name.to_owned(), figures.into());
        }
        let mut ratios = Map::new();
        for (of, to) in COMPARED {
            let ratio = |(name, figure): (&str, Figure)| {
                Some((name.to_owned(), rounded(part.ratio(of, to, figure)?)))
            };
            let found: Option<Map<String, Value>> = FIGURES.into_iter().map(ratio).collect();
            if let Some(found) = found {
                ratios.insert(format!("{of} / {to}"), found.into());
            }
        }
        parts.insert(
            part.name.to_owned(),
            json!({"medians": rows, "ratios": ratios}),
        );
    }
    let count = |count: &Count| {
        let figures = json!({
            "round_trips": count.round_trips,
            "write_units": rounded(count.units),
            "bytes_sent": rounded(count.bytes_sent),
            "bytes_received": rounded(count.bytes_received),
            "round_trips_of_a_replay": count.replay_round_trips,
        });
        (count.name.to_owned(), figures)
    };
    let counts: Map<String, Value> = measured.counts.iter().map(count).collect();
    let grown = |grown: &Grown| (grown.orders.to_string(), count(&grown.count).1);
    let grown: Map<String, Value> = measured.grown.iter().map(grown).collect();
    let load = |load: &Load| {
        json!({
            "way": format!("{:?}", load.way),
            "customers": load.customers,
            "ready_milliseconds": rounded(load.ready),
            "orders_per_second": rounded(load.orders_per_second),
            "cpu_milliseconds_per_order": rounded(load.cpu),
            "peak_mebibytes": rounded(load.peak_mebibytes),
        })
    };
    let loads: Vec<Value> = measured.loads.iter().map(load).collect();
    let zipped = |candidate: &Candidate| (candidate.name.to_owned(), candidate.zipped_bytes.into());
    let zipped: Map<String, Value> = candidates.iter().map(zipped).collect();
    let whole = json!({
        "rounds": measured.rounds.rounds,
        "invocations": measured.rounds.invocations,
        "one_order": counts,
        "one_order_among": grown,
        "zipped_bytes": zipped,
        "parts": parts,
        "container_beside_functions": loads,
    });
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

fn rounded(value: f64) -> Value {
    json!((value * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_page_are_replaced_and_nothing_else() {
        let page = format!("# Title\n{BEGIN}old\n{END}rest\n");
        let expected = format!("# Title\n{BEGIN}\n| new |\n\n{END}rest\n");
        assert_eq!(in_page(&page, "\n| new |\n").unwrap(), expected);
        assert!(in_page("# Title\n", "new").is_err());
    }

    #[test]
    fn the_projects_pages_have_a_place_for_the_figures() {
        for page in [
            include_str!("../../../docs/performance.md"),
            include_str!("../../../docs/container.md"),
        ] {
            assert!(in_page(page, "").is_ok());
        }
    }
}
