//! Puts a report into words: a title, a summary, and facts with names.

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::days::Period;
use crate::facts::{Anomaly, Finding, Saving};
use crate::money::{Money, USUAL, number, share_more};
use crate::report::{Compared, Mover, Report, Spent};
use crate::shortened;

mod missing;

/// How many lines a list has.
const LINES_MAX: usize = 5;
/// The length of a foreign name in a line.
const NAME_CHARACTERS_MAX: usize = 60;
/// The price of a call of Cost Explorer, in USD.
const CALL_PRICE: f64 = 0.01;

/// A report in words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) facts: Vec<Fact>,
}

/// A fact with a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
    /// Whether it may share a row with other facts.
    pub(crate) short: bool,
}

/// Writes a report.
pub(crate) fn words(report: &Report<'_>) -> Words {
    let mut facts = Vec::new();
    let mut push = |name: &str, short: bool, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let name = name.to_owned();
            facts.push(Fact { name, value, short });
        }
    };
    let spent = report.spent.as_ref();
    push("Month", true, spent.map(|spent| month(report, spent)));
    let month_name = report.days.today.strftime("Forecast for %B").to_string();
    push(&month_name, true, forecast(report));
    push("Budget", true, budget(report));
    push("Per 1,000 orders", true, per_thousand(report));
    push("Dearest services", false, spent.map(dearest));
    push("Moved most", false, spent.map(movers));
    push("Anomalies", false, anomalies(report));
    push("Functions", false, functions(report));
    let savings = |asked: &Result<Vec<Saving>, _>| asked.as_ref().ok().map(|it| savings(it));
    push("Cost Optimization Hub", false, savings(&report.facts.hub));
    push("Trusted Advisor", false, savings(&report.facts.advisor));
    push("Could not be asked", false, Some(missing::lines(report)));
    push("This report", true, Some(price(report.facts.paid_calls)));
    Words {
        title: title(report),
        summary: spent.map_or_else(String::new, |spent| summary(report, spent)),
        facts,
    }
}

/// `Costs: 74.31 USD in November, 92.10 of 100.00 USD forecast`.
fn title(report: &Report<'_>) -> String {
    let Some(spent) = &report.spent else {
        return "Costs: not known today".to_owned();
    };
    let month = report.days.month().start.strftime("%B");
    let mut title = format!(
        "Costs: {} in {month}",
        Money::new(spent.month, &spent.currency)
    );
    let whole = report
        .forecast
        .as_ref()
        .ok()
        .and_then(|it| it.whole.as_ref());
    if let Some(whole) = whole {
        let of = if report.days.is_first_of_month() {
            report.days.today.strftime(" for %B").to_string()
        } else {
            String::new()
        };
        let limit = report
            .budget
            .as_ref()
            .filter(|it| it.forecast.is_some())
            .map(|it| &it.budget.limit);
        // Writing to a String cannot fail, here and below.
        let _ = match limit {
            Some(limit) => {
                let amount = number(whole.amount, &whole.currency);
                write!(title, ", {amount} of {limit} forecast{of}")
            }
            None => write!(title, ", {whole} forecast{of}"),
        };
    }
    title
}

fn summary(report: &Report<'_>, spent: &Spent) -> String {
    let money = |amount| Money::new(amount, &spent.currency);
    let mut text = format!(
        "{} cost {}",
        long_day(report.days.last_complete()),
        money(spent.last_complete)
    );
    if let Some(mean) = spent.mean {
        let days = if mean.days == 1 {
            "of the day before".to_owned()
        } else {
            format!("of the {} days before", mean.days)
        };
        let more = share_more(spent.last_complete, mean.amount);
        let than = match more.as_deref() {
            Some("the same") => "the same as the mean",
            Some(_) => "than the mean",
            None => "the mean",
        };
        let more = more.filter(|more| more != "the same").unwrap_or_default();
        let gap = if more.is_empty() { "" } else { " " };
        let _ = write!(text, ", {more}{gap}{than} {days} ({})", money(mean.amount));
    }
    let _ = write!(
        text,
        ".\n{}: {}, not complete yet.",
        long_day(report.days.yesterday()),
        money(spent.yesterday)
    );
    if let Some(since) = spent.since {
        let _ = write!(text, "\nThe first costs are of {}.", long_day(since));
    }
    if report.facts.costs.as_ref().is_ok_and(|costs| costs.cut) {
        text += "\nSome services are missing: Cost Explorer has more pages than a report pays for.";
    }
    text
}

fn month(report: &Report<'_>, spent: &Spent) -> String {
    let money = |amount| Money::new(amount, &spent.currency);
    let estimated = if spent.estimated { ", estimated" } else { "" };
    let mut text = format!(
        "{}: {}{estimated}",
        span(report.days.month()),
        money(spent.month)
    );
    if let Some(before) = spent.month_before {
        let name = span(report.days.month_before());
        let _ = write!(text, "\n{name}: {}", money(before));
        if let Some(more) = share_more(spent.month, before) {
            let _ = write!(text, "\n{more}");
        }
    }
    text
}

fn forecast(report: &Report<'_>) -> Option<String> {
    let forecast = report.forecast.as_ref().ok()?;
    Some(match &forecast.whole {
        Some(whole) => format!("{whole}\n{} of it from today on", forecast.rest),
        None => format!("{} from today on", forecast.rest),
    })
}

fn budget(report: &Report<'_>) -> Option<String> {
    let budgets = report.facts.budgets.as_ref().ok()?;
    let Some(Compared {
        budget,
        spent,
        forecast,
    }) = &report.budget
    else {
        return Some("none".to_owned());
    };
    let mut text = budget.limit.to_string();
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    match (spent, forecast) {
        (Some(spent), Some(forecast)) => {
            let _ = write!(
                text,
                "\n{} spent, {} forecast",
                percent(*spent),
                percent(*forecast)
            );
        }
        (Some(spent), None) => {
            let _ = write!(text, "\n{} spent", percent(*spent));
        }
        (None, Some(forecast)) => {
            let _ = write!(text, "\n{} forecast", percent(*forecast));
        }
        (None, None) if budget.filtered => text += "\ncounts a part of the account only",
        (None, None) => {}
    }
    let more = budgets.len().saturating_sub(1);
    if 0 < more {
        let _ = write!(text, "\nand {more} more");
    }
    Some(text)
}

fn per_thousand(report: &Report<'_>) -> Option<String> {
    let (facts, tag) = (report.facts, report.tag);
    let stack = facts.stack.as_ref().ok()?;
    let orders = *facts.orders.as_ref().ok()?;
    let value = shortened::text(&tag.value, NAME_CHARACTERS_MAX);
    Some(match report.per_thousand_orders.as_ref().ok()? {
        None => format!("no orders\n{value} cost {stack}"),
        Some(price) => {
            let count = number(orders.round(), "JPY");
            let noun = if count == "1" { "order" } else { "orders" };
            format!("{price}\n{value} cost {stack}, {count} {noun}")
        }
    })
}

fn dearest(spent: &Spent) -> String {
    let line = |(service, amount): &(String, f64)| {
        let share = if 0.0 < spent.month {
            format!(" · {:.0} %", amount / spent.month * 100.0)
        } else {
            String::new()
        };
        let name = shortened::text(service, NAME_CHARACTERS_MAX);
        format!("{name}: {}{share}", Money::new(*amount, &spent.currency))
    };
    spent
        .dearest
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

fn movers(spent: &Spent) -> String {
    let line = |mover: &Mover| {
        let name = shortened::text(&mover.service, NAME_CHARACTERS_MAX);
        let money = |amount| Money::new(amount, &spent.currency);
        let change = money(mover.now - mover.before).change();
        let before = number(mover.before, &spent.currency);
        format!("{name}: {change} a day ({before} → {})", money(mover.now))
    };
    spent.movers.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn anomalies(report: &Report<'_>) -> Option<String> {
    let anomalies = report.facts.anomalies.as_ref().ok()?;
    // Cost Explorer gives amounts of anomalies without a currency: they are in the account's.
    let currency = report.spent.as_ref().map_or(USUAL, |it| &it.currency);
    let line = |anomaly: &Anomaly| {
        let what = anomaly.what.as_deref().unwrap_or("unknown service");
        let what = shortened::text(what, NAME_CHARACTERS_MAX);
        let impact = Money::new(anomaly.impact, currency).change();
        let from = anomaly.started.as_deref().unwrap_or("?");
        let when = match anomaly.ended.as_deref() {
            None => format!("since {from}"),
            Some(ended) => format!("{from} to {ended}"),
        };
        let cause = anomaly.cause.as_deref().unwrap_or("cause unknown");
        format!(
            "{what}: {impact}, {when} ({})",
            shortened::text(cause, NAME_CHARACTERS_MAX)
        )
    };
    Some(list(anomalies, line, "none in the last 14 days"))
}

fn functions(report: &Report<'_>) -> Option<String> {
    let findings = report.facts.functions.as_ref().ok()?;
    let line = |finding: &Finding| {
        let name = shortened::text(&finding.function, NAME_CHARACTERS_MAX);
        let mut text = format!("{name}: {} MB", finding.memory_now);
        if let Some(better) = finding.memory_better {
            let _ = write!(text, " → {better} MB");
        }
        if let Some(saving) = &finding.saving {
            let _ = write!(text, ", saves {saving} a month");
        }
        if !finding.reasons.is_empty() {
            let _ = write!(text, " ({})", finding.reasons.join(", "));
        }
        text
    };
    Some(list(findings, line, "Compute Optimizer would change none"))
}

fn savings(savings: &[Saving]) -> String {
    let line = |saving: &Saving| {
        let what = shortened::text(&saving.what, NAME_CHARACTERS_MAX);
        match &saving.monthly {
            Some(monthly) => format!("{what}: {monthly} a month"),
            None => what,
        }
    };
    list(savings, line, "nothing to save")
}

/// The first lines of a list, and how many more there are.
fn list<T>(all: &[T], line: impl Fn(&T) -> String, none: &str) -> String {
    if all.is_empty() {
        return none.to_owned();
    }
    let mut lines: Vec<String> = all.iter().take(LINES_MAX).map(line).collect();
    let more = all.len() - lines.len();
    if 0 < more {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// `4 paid calls, 0.04 USD`.
fn price(calls: u32) -> String {
    let noun = if calls == 1 { "call" } else { "calls" };
    let price = Money::new(f64::from(calls) * CALL_PRICE, USUAL);
    format!(
        "{calls} paid {noun}, {:.2} {}",
        price.amount, price.currency
    )
}

/// `24 November`.
fn long_day(day: Date) -> String {
    day.strftime("%-d %B").to_string()
}

/// `1–25 November`, or `November` for a whole month.
fn span(period: Period) -> String {
    let (start, last) = (period.start, period.last());
    if start.day() == 1 && last == last.last_of_month() {
        return start.strftime("%B").to_string();
    }
    if start == last {
        return long_day(start);
    }
    format!("{}–{}", start.day(), long_day(last))
}

#[cfg(test)]
mod tests;
