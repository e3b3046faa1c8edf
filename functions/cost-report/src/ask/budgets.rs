//! Asks AWS Budgets for the monthly budgets of costs.

use std::collections::HashMap;

use aws_sdk_budgets::types::{Budget as Listed, BudgetType, Spend, TimeUnit};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Asking, FREE_PAGES_MAX, Price};
use crate::facts::{Asked, Budget, Missing};
use crate::money::Money;

/// The monthly budgets, the one for the whole account first, then the largest.
pub(super) async fn ask(asking: &Asking<'_>) -> Asked<Vec<Budget>> {
    let Some(account) = asking.account else {
        return Err(Missing::Failed(
            "the invocation names no account".to_owned(),
        ));
    };
    let month = asking.days.today.first_of_month();
    let mut budgets = Vec::new();
    let mut token = None;
    for _ in 0..FREE_PAGES_MAX {
        let request = asking
            .clients
            .budgets
            .describe_budgets()
            .account_id(account)
            .set_next_token(token);
        let page = asking
            .call("DescribeBudgets", Price::Free, || request.clone().send())
            .await;
        let page = match page {
            Ok(page) => page,
            // An account without any budget.
            Err(Missing::Failed(code)) if code.starts_with("NotFoundException") => break,
            Err(missing) => return Err(missing),
        };
        budgets.extend(page.budgets().iter().filter_map(|it| read(it, month)));
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    budgets.sort_by(|one, other| {
        let size = other.limit.amount.total_cmp(&one.limit.amount);
        one.filtered.cmp(&other.filtered).then(size)
    });
    Ok(budgets)
}

fn read(listed: &Listed, month: Date) -> Option<Budget> {
    let is_monthly = *listed.time_unit() == TimeUnit::Monthly;
    if !is_monthly || *listed.budget_type() != BudgetType::Cost {
        return None;
    }
    let planned = listed.planned_budget_limits();
    let limit = listed
        .budget_limit()
        .or_else(|| planned.and_then(|planned| of_month(planned, month)))?;
    #[expect(
        deprecated,
        reason = "budgets that were made with filters of the older form still have them"
    )]
    let filters = listed.cost_filters().is_some_and(|it| !it.is_empty());
    Some(Budget {
        name: listed.budget_name().to_owned(),
        limit: Money::read(Some(limit.amount()), Some(limit.unit()))?,
        filtered: filters || listed.filter_expression().is_some(),
    })
}

/// The limit of a month. The keys are the months' first seconds since 1970.
fn of_month(planned: &HashMap<String, Spend>, month: Date) -> Option<&Spend> {
    let starts_in_month = |key: &&String| {
        let second = key.parse().ok();
        let start = second.and_then(|second| Timestamp::from_second(second).ok());
        start.is_some_and(|start| {
            let day = start.to_zoned(jiff::tz::TimeZone::UTC).date();
            day.first_of_month() == month
        })
    };
    planned.get(planned.keys().find(starts_in_month)?)
}
