//! Computes the figures of a report from the facts. Nothing here asks or writes anything.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::config::Tag;
use crate::days::{Days, Period};
use crate::facts::{Asked, Budget, Costs, Facts, Missing};
use crate::money::Money;

/// How many services are named as the dearest, and drawn.
pub(crate) const DEAREST_MAX: usize = 5;
/// How many services are named because their costs moved most.
const MOVERS_MAX: usize = 3;
/// A movement that is too small to be named.
const MOVEMENT_LEAST: f64 = 0.005;

/// A report: the facts, and what follows from them.
#[derive(Clone, Debug)]
pub(crate) struct Report<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) days: Days,
    pub(crate) tag: &'a Tag,
    /// Missing if the costs could not be asked.
    pub(crate) spent: Option<Spent>,
    pub(crate) forecast: Asked<Forecast>,
    pub(crate) budget: Option<Compared>,
    pub(crate) per_thousand_orders: Asked<Option<Money>>,
    pub(crate) severity: Severity,
}

impl Report<'_> {
    /// A month's budget for one of its days, if it counts the same costs in the same currency.
    pub(crate) fn budget_of_a_day(&self) -> Option<f64> {
        let (budget, spent) = (&self.budget.as_ref()?.budget, self.spent.as_ref()?);
        let comparable = !budget.filtered && budget.limit.currency == spent.currency;
        let days = f64::from(self.days.today.days_in_month());
        comparable.then(|| budget.limit.amount / days)
    }
}

/// How much the report matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Severity {
    Info,
    /// The forecast is above the budget.
    Warning,
    /// The budget is spent.
    Error,
}

/// The figures of what was spent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spent {
    pub(crate) currency: String,
    /// The day before yesterday.
    pub(crate) last_complete: f64,
    /// The mean of the days before it, if there were costs.
    pub(crate) mean: Option<Mean>,
    pub(crate) yesterday: f64,
    pub(crate) month: f64,
    /// Whether AWS says that the month's costs are estimated.
    pub(crate) estimated: bool,
    /// As many days of the month before, if there were costs.
    pub(crate) month_before: Option<f64>,
    /// The first day with costs, if that is within what was asked.
    pub(crate) since: Option<Date>,
    /// The dearest services of the month.
    pub(crate) dearest: Vec<(String, f64)>,
    /// The services whose costs moved most between the mean and the last complete day.
    pub(crate) movers: Vec<Mover>,
    /// The days of the picture.
    pub(crate) bars: Vec<Bar>,
}

/// A mean of days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    pub(crate) amount: f64,
    pub(crate) days: i32,
}

/// A service whose costs moved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mover {
    pub(crate) service: String,
    pub(crate) now: f64,
    pub(crate) before: f64,
}

/// A day of the picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) date: Date,
    /// The amounts of the dearest services, in their order, and then of all others together.
    pub(crate) parts: Vec<f64>,
}

impl Bar {
    pub(crate) fn total(&self) -> f64 {
        self.parts.iter().sum()
    }
}

/// What the month will cost.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Forecast {
    /// From today on.
    pub(crate) rest: Money,
    /// The whole month, if it is known what it has cost so far.
    pub(crate) whole: Option<Money>,
}

/// A budget, and what was spent of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Compared {
    pub(crate) budget: Budget,
    /// The share that today's month has cost so far. Missing if the two cannot be compared.
    pub(crate) spent: Option<f64>,
    /// The share that the whole month will cost.
    pub(crate) forecast: Option<f64>,
}

/// Computes a report.
pub(crate) fn report<'a>(facts: &'a Facts, days: Days, tag: &'a Tag) -> Report<'a> {
    let costs = facts.costs.as_ref().ok();
    let spent = costs.map(|costs| spend(costs, days));
    let over = costs.map(|costs| {
        let amount = sum(costs, days.over_in_month());
        Money::new(amount, &costs.currency)
    });
    let forecast = forecast(&facts.forecast, over.as_ref());
    let budgets = facts.budgets.as_ref().ok();
    let budget = budgets.and_then(|budgets| budgets.first()).map(|budget| {
        let whole = forecast.as_ref().ok().and_then(|it| it.whole.as_ref());
        Compared {
            spent: share(over.as_ref(), budget),
            forecast: share(whole, budget),
            budget: budget.clone(),
        }
    });
    Report {
        severity: severity(budget.as_ref()),
        per_thousand_orders: per_thousand(&facts.stack, &facts.orders),
        facts,
        days,
        tag,
        spent,
        forecast,
        budget,
    }
}

fn severity(budget: Option<&Compared>) -> Severity {
    let above = |share: Option<f64>| share.is_some_and(|share| 1.0 < share);
    match budget {
        Some(budget) if above(budget.spent) => Severity::Error,
        Some(budget) if above(budget.forecast) => Severity::Warning,
        Some(_) | None => Severity::Info,
    }
}

/// The forecast begins with today, and what the month has cost ends with yesterday.
fn forecast(rest: &Asked<Money>, over: Option<&Money>) -> Asked<Forecast> {
    let rest = rest.clone()?;
    let whole = over
        .filter(|over| over.currency == rest.currency || over.amount == 0.0)
        .map(|over| Money::new(over.amount + rest.amount, &rest.currency));
    Ok(Forecast { rest, whole })
}

/// An amount as a share of a budget, if both count the same in the same currency.
fn share(amount: Option<&Money>, budget: &Budget) -> Option<f64> {
    let (amount, limit) = (amount?, &budget.limit);
    let comparable = !budget.filtered && amount.currency == limit.currency && 0.0 < limit.amount;
    comparable.then(|| amount.amount / limit.amount)
}

/// The stack's costs for 1,000 orders. Without orders there is no such figure.
fn per_thousand(stack: &Asked<Money>, orders: &Asked<f64>) -> Asked<Option<Money>> {
    let (stack, orders) = (stack.as_ref(), *orders.as_ref().map_err(Missing::clone)?);
    let stack = stack.map_err(Missing::clone)?;
    // Less than one order is none: the count is a sum of whole numbers.
    Ok((0.5 <= orders).then(|| Money::new(stack.amount / orders * 1_000.0, &stack.currency)))
}

fn spend(costs: &Costs, days: Days) -> Spent {
    let since = costs
        .days
        .iter()
        .find(|day| day.services.iter().any(|(_, amount)| *amount != 0.0))
        .map(|day| day.date);
    let day = |date: Date| Period {
        start: date,
        end: date.tomorrow().unwrap_or(date),
    };
    let mean = mean_period(days, since);
    let month = by_service(costs, days.month());
    let dearest = dearest(&month);
    let last_complete = by_service(costs, day(days.last_complete()));
    let before = mean.map(|mean| by_service(costs, mean));
    let month_before = days.month_before();
    Spent {
        currency: costs.currency.clone(),
        last_complete: last_complete.values().sum(),
        mean: mean.map(|period| Mean {
            amount: sum(costs, period) / f64::from(period.len()),
            days: period.len(),
        }),
        yesterday: sum(costs, day(days.yesterday())),
        month: month.values().sum(),
        estimated: costs
            .days
            .iter()
            .any(|day| day.estimated && days.month().contains(day.date)),
        month_before: since
            .filter(|since| *since < month_before.end)
            .map(|_| sum(costs, month_before)),
        since: since.filter(|since| costs.days.first().is_some_and(|day| day.date < *since)),
        movers: before.map_or_else(Vec::new, |before| {
            let days = mean.map_or(1, Period::len);
            movers(&last_complete, &before, f64::from(days))
        }),
        bars: bars(costs, days, &dearest),
        dearest,
    }
}

/// The days of the mean on which the account had costs already.
fn mean_period(days: Days, since: Option<Date>) -> Option<Period> {
    let period = days.of_mean();
    let start = period.start.max(since?);
    let period = Period { start, ..period };
    (!period.is_empty()).then_some(period)
}

fn sum(costs: &Costs, period: Period) -> f64 {
    let days = costs.days.iter();
    days.filter(|day| period.contains(day.date))
        .map(crate::facts::Day::total)
        .sum()
}

fn by_service(costs: &Costs, period: Period) -> BTreeMap<&str, f64> {
    let mut services = BTreeMap::new();
    for day in costs.days.iter().filter(|day| period.contains(day.date)) {
        for (service, amount) in &day.services {
            *services.entry(service.as_str()).or_default() += amount;
        }
    }
    services
}

fn dearest(month: &BTreeMap<&str, f64>) -> Vec<(String, f64)> {
    let mut services: Vec<(String, f64)> = month
        .iter()
        .filter(|(_, amount)| 0.0 < **amount)
        .map(|(service, amount)| ((*service).to_owned(), *amount))
        .collect();
    services.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    services.truncate(DEAREST_MAX);
    services
}

fn movers(now: &BTreeMap<&str, f64>, before: &BTreeMap<&str, f64>, days: f64) -> Vec<Mover> {
    let mut services: Vec<&str> = now.keys().chain(before.keys()).copied().collect();
    services.sort_unstable();
    services.dedup();
    let amount = |of: &BTreeMap<&str, f64>, service| of.get(service).copied().unwrap_or(0.0);
    let mut movers: Vec<Mover> = services
        .into_iter()
        .map(|service| Mover {
            service: service.to_owned(),
            now: amount(now, service),
            before: amount(before, service) / days,
        })
        .filter(|mover| MOVEMENT_LEAST <= (mover.now - mover.before).abs())
        .collect();
    let size = |mover: &Mover| (mover.now - mover.before).abs();
    movers.sort_by(|one, other| size(other).total_cmp(&size(one)));
    movers.truncate(MOVERS_MAX);
    movers
}

fn bars(costs: &Costs, days: Days, dearest: &[(String, f64)]) -> Vec<Bar> {
    let known: BTreeMap<Date, &crate::facts::Day> =
        costs.days.iter().map(|day| (day.date, day)).collect();
    let bar = |date: Date| {
        let mut parts = vec![0.0; dearest.len() + 1];
        for (service, amount) in known.get(&date).into_iter().flat_map(|day| &day.services) {
            let place = dearest.iter().position(|(name, _)| name == service);
            if let Some(part) = parts.get_mut(place.unwrap_or(dearest.len())) {
                *part += amount;
            }
        }
        Bar { date, parts }
    };
    days.drawn().days().map(bar).collect()
}

#[cfg(test)]
mod tests;
