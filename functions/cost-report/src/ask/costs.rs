//! Asks Cost Explorer what was spent: by service and day, and by the stack's tag.

use std::collections::BTreeMap;

use aws_sdk_costexplorer::error::BuildError;
use aws_sdk_costexplorer::operation::get_cost_and_usage::GetCostAndUsageOutput;
use aws_sdk_costexplorer::types::{
    DateInterval, Granularity, Group, GroupDefinition, GroupDefinitionType, ResultByTime,
};
use jiff::civil::Date;

use super::{Asking, Price};
use crate::days::Period;
use crate::facts::{Asked, Costs, Day, Missing};
use crate::money::{Money, USUAL};

/// The name of the metric in requests and in answers. In forecasts it is `UNBLENDED_COST`.
const METRIC: &str = "UnblendedCost";
/// Between a tag's key and its value, in the key of a group.
const TAG_SEPARATOR: char = '$';

/// A period in the form of a request.
pub(super) fn interval(period: Period) -> Asked<DateInterval> {
    let interval = DateInterval::builder()
        .start(period.start.to_string())
        .end(period.end.to_string());
    interval.build().map_err(|error| unbuilt(&error))
}

/// The reason for a request that could not be built, which does not happen.
pub(super) fn unbuilt(error: &BuildError) -> Missing {
    Missing::Failed(error.to_string())
}

/// The costs of each day and service.
pub(super) async fn by_service(asking: &Asking<'_>) -> Asked<Costs> {
    let group = GroupDefinition::builder()
        .r#type(GroupDefinitionType::Dimension)
        .key("SERVICE")
        .build();
    let period = asking.days.asked();
    let (pages, cut) = pages(asking, period, Granularity::Daily, group).await?;
    let mut currency = None;
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    // A day can continue on the next page.
    for result in pages
        .iter()
        .flat_map(GetCostAndUsageOutput::results_by_time)
    {
        let start = result.time_period().map(DateInterval::start);
        let Some(date) = start.and_then(|start| start.parse().ok()) else {
            continue;
        };
        let day = days.entry(date).or_insert_with(|| Day {
            date,
            estimated: false,
            services: Vec::new(),
        });
        day.estimated |= result.estimated();
        for group in result.groups() {
            let (Some(service), Some(money)) = (group.keys().first(), spent(group)) else {
                continue;
            };
            day.services.push((service.clone(), money.amount));
            currency.get_or_insert(money.currency);
        }
    }
    if days.is_empty() {
        return Err(Missing::NoData);
    }
    Ok(Costs {
        currency: currency.unwrap_or_else(|| USUAL.to_owned()),
        days: days.into_values().collect(),
        cut,
    })
}

/// The costs of what has the stack's tag, in the month until yesterday.
pub(super) async fn of_stack(asking: &Asking<'_>) -> Asked<Money> {
    let tag = &asking.config.tag;
    let group = GroupDefinition::builder()
        .r#type(GroupDefinitionType::Tag)
        .key(&tag.key)
        .build();
    let period = asking.days.month();
    let (pages, _) = pages(asking, period, Granularity::Monthly, group).await?;
    let results = pages
        .iter()
        .flat_map(GetCostAndUsageOutput::results_by_time);
    let mut own: Option<Money> = None;
    for group in results.flat_map(ResultByTime::groups) {
        let Some(key) = group.keys().first() else {
            continue;
        };
        // `surefire$` with nothing behind it is what has no such tag.
        let value = key
            .strip_prefix(tag.key.as_str())
            .and_then(|rest| rest.strip_prefix(TAG_SEPARATOR));
        if value != Some(tag.value.as_str()) {
            continue;
        }
        if let Some(money) = spent(group) {
            let before = own.as_ref().map_or(0.0, |own| own.amount);
            own = Some(Money::new(before + money.amount, &money.currency));
        }
    }
    own.ok_or(Missing::NoTag)
}

/// All pages that may be paid for, and whether some are missing. Without the first, there is no answer.
async fn pages(
    asking: &Asking<'_>,
    period: Period,
    granularity: Granularity,
    group: GroupDefinition,
) -> Asked<(Vec<GetCostAndUsageOutput>, bool)> {
    let interval = interval(period)?;
    let mut pages: Vec<GetCostAndUsageOutput> = Vec::new();
    loop {
        let token = pages.last().and_then(|page| page.next_page_token());
        if !pages.is_empty() && token.is_none() {
            return Ok((pages, false));
        }
        let request = asking
            .clients
            .costs
            .get_cost_and_usage()
            .time_period(interval.clone())
            .granularity(granularity.clone())
            .metrics(METRIC)
            .group_by(group.clone())
            .set_next_page_token(token.map(str::to_owned));
        let page = asking
            .call("GetCostAndUsage", Price::Paid, || request.clone().send())
            .await;
        match page {
            Ok(page) => pages.push(page),
            Err(missing) if pages.is_empty() => return Err(missing),
            // What is known is more than nothing.
            Err(_) => return Ok((pages, true)),
        }
    }
}

fn spent(group: &Group) -> Option<Money> {
    let metric = group.metrics()?.get(METRIC)?;
    Money::read(metric.amount(), metric.unit())
}
