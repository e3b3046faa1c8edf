//! Asks Cost Explorer what the rest of the month will cost.

use aws_sdk_costexplorer::types::{Granularity, Metric};

use super::costs::interval;
use super::{Asking, Price};
use crate::facts::{Asked, Missing};
use crate::money::Money;

/// The forecast from today until the end of the month. It begins with today, and the costs end with
/// yesterday, so no day counts twice.
///
/// By days: with MONTHLY, a forecast may contain what the month has cost so far.
pub(super) async fn ask(asking: &Asking<'_>) -> Asked<Money> {
    let request = asking
        .clients
        .costs
        .get_cost_forecast()
        .time_period(interval(asking.days.rest_of_month())?)
        .metric(Metric::UnblendedCost)
        .granularity(Granularity::Daily);
    let answer = asking
        .call("GetCostForecast", Price::Paid, || request.clone().send())
        .await?;
    let total = answer.total().ok_or(Missing::NoData)?;
    Money::read(total.amount(), total.unit()).ok_or(Missing::NoData)
}
