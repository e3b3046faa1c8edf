//! The figures of accounts of every kind.

use super::*;
use crate::facts::{Day, Facts};

const TODAY: &str = "2026-11-26";

fn tag() -> Tag {
    Tag {
        key: "team".to_owned(),
        value: "shop".to_owned(),
    }
}

/// Costs of every asked day, each of `service`.
fn costs(today: &str, each: impl Fn(Date) -> Vec<(&'static str, f64)>) -> Costs {
    let days = Days::of(today.parse().unwrap());
    let day = |date| Day {
        date,
        estimated: days.month().contains(date),
        services: each(date)
            .into_iter()
            .map(|(service, amount)| (service.to_owned(), amount))
            .collect(),
    };
    Costs {
        currency: "USD".to_owned(),
        days: days.asked().days().map(day).collect(),
        cut: false,
    }
}

fn facts(costs: Asked<Costs>) -> Facts {
    Facts {
        costs,
        stack: Ok(Money::new(5.0, "USD")),
        forecast: Ok(Money::new(10.0, "USD")),
        anomalies: Ok(Vec::new()),
        budgets: Ok(vec![budget(100.0)]),
        functions: Ok(Vec::new()),
        hub: Ok(Vec::new()),
        advisor: Ok(Vec::new()),
        orders: Ok(2_000.0),
        paid_calls: 4,
    }
}

fn budget(amount: f64) -> Budget {
    Budget {
        name: "all".to_owned(),
        limit: Money::new(amount, "USD"),
        filtered: false,
    }
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

fn with<T>(facts: &Facts, today: &str, check: impl FnOnce(&Report<'_>) -> T) -> T {
    let tag = tag();
    check(&report(facts, Days::of(today.parse().unwrap()), &tag))
}

#[test]
fn the_last_complete_day_is_compared_with_the_seven_days_before_it() {
    let costs = costs(TODAY, |date| {
        let amount = match date.to_string().as_str() {
            "2026-11-25" => 0.5,
            "2026-11-24" => 3.0,
            // Not in the mean: it ends with the 23rd and begins with the 17th.
            "2026-11-16" => 99.0,
            _ => 2.0,
        };
        vec![("AWS Lambda", amount)]
    });
    with(&facts(Ok(costs)), TODAY, |report| {
        let spent = report.spent.as_ref().unwrap();
        near(spent.last_complete, 3.0);
        near(spent.yesterday, 0.5);
        let mean = spent.mean.unwrap();
        assert_eq!(mean.days, 7);
        near(mean.amount, 2.0);
        assert_eq!(spent.movers.len(), 1);
        assert!(spent.estimated);
    });
}

#[test]
fn the_forecast_is_added_to_complete_days_only_and_today_counts_once() {
    let costs = costs(TODAY, |_| vec![("AWS Lambda", 1.0)]);
    with(&facts(Ok(costs)), TODAY, |report| {
        let whole = report.forecast.as_ref().unwrap().whole.as_ref().unwrap();
        // 25 days until yesterday, and 10 from today on.
        near(whole.amount, 35.0);
        let budget = report.budget.as_ref().unwrap();
        near(budget.spent.unwrap(), 0.25);
        near(budget.forecast.unwrap(), 0.35);
        assert_eq!(report.severity, Severity::Info);
    });
}

#[test]
fn on_the_first_day_the_forecast_is_the_whole_month() {
    let today = "2026-12-01";
    let costs = costs(today, |_| vec![("AWS Lambda", 1.0)]);
    with(&facts(Ok(costs)), today, |report| {
        let spent = report.spent.as_ref().unwrap();
        near(spent.month, 30.0);
        near(spent.month_before.unwrap(), 31.0);
        let whole = report.forecast.as_ref().unwrap().whole.as_ref().unwrap();
        near(whole.amount, 10.0);
        near(report.budget.as_ref().unwrap().spent.unwrap(), 0.0);
    });
}

#[test]
fn a_report_is_a_warning_above_the_budget_by_forecast_and_an_error_by_costs() {
    let costs = costs(TODAY, |_| vec![("AWS Lambda", 1.0)]);
    let mut facts = facts(Ok(costs));
    let severity = |facts: &Facts| with(facts, TODAY, |report| report.severity);
    for (limit, expected) in [
        (35.1, Severity::Info),
        (34.9, Severity::Warning),
        (25.1, Severity::Warning),
        (24.9, Severity::Error),
    ] {
        facts.budgets = Ok(vec![budget(limit)]);
        assert_eq!(severity(&facts), expected, "{limit}");
    }
    // A budget of zero, of a part of the account, or in another currency cannot be compared.
    facts.budgets = Ok(vec![budget(0.0)]);
    assert_eq!(severity(&facts), Severity::Info);
    let filtered = Budget {
        filtered: true,
        ..budget(1.0)
    };
    facts.budgets = Ok(vec![filtered]);
    assert_eq!(severity(&facts), Severity::Info);
    let euros = Budget {
        limit: Money::new(1.0, "EUR"),
        ..budget(1.0)
    };
    facts.budgets = Ok(vec![euros]);
    assert_eq!(severity(&facts), Severity::Info);
}

#[test]
fn orders_divide_the_costs_of_the_stack_unless_there_are_none() {
    let price = |orders: f64| {
        let facts = Facts {
            orders: Ok(orders),
            ..facts(Err(Missing::NoData))
        };
        with(&facts, TODAY, |report| report.per_thousand_orders.clone())
    };
    near(price(2_000.0).unwrap().unwrap().amount, 2.5);
    near(price(1.0).unwrap().unwrap().amount, 5_000.0);
    assert_eq!(price(0.0), Ok(None));
}

#[test]
fn a_new_account_has_a_mean_of_the_days_that_it_exists() {
    let first: Date = "2026-11-22".parse().unwrap();
    let costs = costs(TODAY, |date| {
        let known = first <= date;
        if known {
            vec![("AWS Lambda", 2.0)]
        } else {
            Vec::new()
        }
    });
    with(&facts(Ok(costs)), TODAY, |report| {
        let spent = report.spent.as_ref().unwrap();
        let mean = spent.mean.unwrap();
        assert_eq!(mean.days, 2);
        near(mean.amount, 2.0);
        assert_eq!(spent.since, Some(first));
        assert_eq!(spent.month_before, None);
    });
    // On its second day there is nothing before the last complete day.
    let young = self::costs(TODAY, |date| {
        let known = date.to_string().as_str() >= "2026-11-24";
        if known {
            vec![("AWS Lambda", 2.0)]
        } else {
            Vec::new()
        }
    });
    with(&facts(Ok(young)), TODAY, |report| {
        let spent = report.spent.as_ref().unwrap();
        assert_eq!((spent.mean, spent.movers.len()), (None, 0));
    });
}

#[test]
fn an_account_without_any_costs_has_figures_of_zero() {
    let costs = costs(TODAY, |_| vec![("AWS Lambda", 0.0)]);
    with(&facts(Ok(costs)), TODAY, |report| {
        let spent = report.spent.as_ref().unwrap();
        near(spent.month, 0.0);
        assert!(spent.dearest.is_empty() && spent.movers.is_empty());
        assert_eq!((spent.mean, spent.month_before), (None, None));
        assert!(spent.bars.iter().all(|bar| bar.parts.len() == 1));
    });
}

#[test]
fn credits_lower_the_sums_and_are_no_dear_service() {
    let costs = costs(TODAY, |_| vec![("AWS Lambda", 2.0), ("Credit", -1.5)]);
    with(&facts(Ok(costs)), TODAY, |report| {
        let spent = report.spent.as_ref().unwrap();
        near(spent.month, 25.0 * 0.5);
        assert_eq!(spent.dearest.len(), 1);
        let bar = spent.bars.first().unwrap();
        assert_eq!(bar.parts, [2.0, -1.5]);
        near(bar.total(), 0.5);
    });
}

#[test]
fn the_five_dearest_services_and_all_others_make_the_whole_day() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let costs = costs(TODAY, |_| {
        let amounts = [1.0, 7.0, 3.0, 4.0, 5.0, 6.0, 2.0];
        names.into_iter().zip(amounts).collect()
    });
    with(&facts(Ok(costs)), TODAY, |report| {
        let spent = report.spent.as_ref().unwrap();
        let dearest: Vec<&str> = spent
            .dearest
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(dearest, ["b", "f", "e", "d", "c"]);
        assert_eq!(spent.bars.len(), 30);
        for bar in &spent.bars {
            assert_eq!(bar.parts, [7.0, 6.0, 5.0, 4.0, 3.0, 3.0]);
        }
    });
}
