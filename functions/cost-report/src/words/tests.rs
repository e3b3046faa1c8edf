//! The words of reports in which something is missing or unusual.

use super::*;
use crate::config::Tag;
use crate::days::Days;
use crate::facts::{Asked, Facts, Missing};
use crate::report::report;

fn facts() -> Facts {
    fn missing<T>() -> Asked<T> {
        Err(Missing::NoAnswer)
    }
    Facts {
        costs: missing(),
        stack: missing(),
        forecast: missing(),
        anomalies: missing(),
        budgets: missing(),
        functions: missing(),
        hub: missing(),
        advisor: missing(),
        orders: missing(),
        paid_calls: 0,
    }
}

fn words_of(facts: &Facts) -> Words {
    let tag = Tag {
        key: "team".to_owned(),
        value: "*shop*".to_owned(),
    };
    words(&report(
        facts,
        Days::of("2026-11-26".parse().unwrap()),
        &tag,
    ))
}

fn fact(words: &Words, name: &str) -> Option<String> {
    let mut facts = words.facts.iter();
    facts
        .find(|fact| fact.name == name)
        .map(|fact| fact.value.clone())
}

fn not_asked(facts: &Facts) -> String {
    fact(&words_of(facts), "Could not be asked").unwrap_or_default()
}

#[test]
fn what_shares_a_reason_shares_a_line() {
    let words = words_of(&facts());
    assert_eq!(words.title, "Costs: not known today");
    assert_eq!(
        fact(&words, "Could not be asked").unwrap(),
        "Costs, Costs of this stack, Forecast, Anomalies, Budgets, Compute Optimizer, \
         Cost Optimization Hub, Trusted Advisor, Orders: no answer in time"
    );
}

#[test]
fn each_reason_says_what_to_do() {
    let denied = |why: &str| Missing::Denied(why.to_owned());
    let mut facts = facts();
    facts.costs = Err(denied("User not enabled for cost explorer access"));
    facts.advisor = Err(denied("Access denied"));
    facts.hub = Err(Missing::NotEnrolled);
    facts.stack = Err(Missing::NoTag);
    facts.forecast = Err(Missing::NoData);
    facts.anomalies = Err(Missing::TooManyPaid);
    let text = not_asked(&facts);
    for line in [
        "Costs: Cost Explorer was never opened in this account; open it once in the console",
        "Trusted Advisor: not in your support plan",
        "Cost Optimization Hub: not switched on",
        "Costs of this stack: nothing has the cost allocation tag team = *shop*; activate it in the billing console",
        "Forecast: too little history",
        "Anomalies: not asked, because a report pays for 8 calls at most",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line:?} is not in:\n{text}"
        );
    }
    facts.advisor = Err(denied("User: x is not authorized to perform: y"));
    assert!(not_asked(&facts).contains("Trusted Advisor: access denied (User: x"));
    facts.costs = Err(denied(
        "Linked account doesn't have access to cost and usage data.",
    ));
    assert!(not_asked(&facts).contains("Costs: this account may not see them (Linked account"));
}

#[test]
fn one_order_is_not_one_orders() {
    let mut facts = facts();
    facts.stack = Ok(Money::new(2.5, "USD"));
    facts.orders = Ok(1.0);
    let value = fact(&words_of(&facts), "Per 1,000 orders").unwrap();
    assert_eq!(value, "2,500.00 USD\n*shop* cost 2.50 USD, 1 order");
    facts.orders = Ok(0.0);
    let value = fact(&words_of(&facts), "Per 1,000 orders").unwrap();
    assert_eq!(value, "no orders\n*shop* cost 2.50 USD");
}

#[test]
fn a_list_shows_five_lines_and_counts_the_rest() {
    let all: Vec<u32> = (1..=7).collect();
    let text = list(&all, ToString::to_string, "none");
    assert_eq!(text, "1\n2\n3\n4\n5\nand 2 more");
    assert_eq!(list(&[] as &[u32], ToString::to_string, "none"), "none");
}

#[test]
fn a_period_is_written_as_people_write_it() {
    let read = |text: &str| text.parse().unwrap();
    let written = |start, end| {
        span(Period {
            start: read(start),
            end: read(end),
        })
    };
    assert_eq!(written("2026-11-01", "2026-11-26"), "1–25 November");
    assert_eq!(written("2026-11-01", "2026-12-01"), "November");
    assert_eq!(written("2026-11-01", "2026-11-02"), "1 November");
}
