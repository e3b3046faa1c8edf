//! Asks CloudWatch, in the stack's region, how many orders were placed.

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Asking, FREE_PAGES_MAX, Price};
use crate::facts::{Asked, Missing};

/// The metric of `functions/orders`, and the dimension that it has.
const METRIC: &str = "OrderPlaced";
const SERVICE: &str = "orders";
const DAY_SECONDS: i32 = 24 * 60 * 60;

/// The orders of the month until yesterday.
pub(super) async fn ask(asking: &Asking<'_>) -> Asked<f64> {
    let dimension = Dimension::builder().name("service").value(SERVICE).build();
    let metric = Metric::builder()
        .namespace(&asking.config.stack)
        .metric_name(METRIC)
        .dimensions(dimension)
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(DAY_SECONDS)
        .stat("Sum")
        .build();
    let query = MetricDataQuery::builder()
        .id("orders")
        .metric_stat(stat)
        .build();
    let month = asking.days.month();
    let (start, end) = (midnight(month.start)?, midnight(month.end)?);
    let mut orders = 0.0;
    let mut token = None;
    for _ in 0..FREE_PAGES_MAX {
        let request = asking
            .clients
            .metrics
            .get_metric_data()
            .start_time(start)
            .end_time(end)
            .metric_data_queries(query.clone())
            .set_next_token(token);
        let page = asking
            .call("GetMetricData", Price::Free, || request.clone().send())
            .await?;
        let values = page
            .metric_data_results()
            .iter()
            .flat_map(MetricDataResult::values);
        orders += values.sum::<f64>();
        token = page.next_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    Ok(orders)
}

/// The first second of a day in UTC.
fn midnight(day: Date) -> Asked<DateTime> {
    let zoned = day.to_zoned(TimeZone::UTC);
    let zoned = zoned.map_err(|error| Missing::Failed(error.to_string()))?;
    Ok(DateTime::from_secs(zoned.timestamp().as_second()))
}
