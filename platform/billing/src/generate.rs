//! Makes the scenario of a small shop that grows: 62 days, an anomaly, and a budget that will not do.
//!
//! The same seed makes the same scenario on every machine.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::scenario::Scenario;

const DAYS: i32 = 62;
/// The share of its costs that a day has when its next day begins.
const YESTERDAY_SHARE: f64 = 0.58;
/// How many days before the end the anomaly began, and how long it lasted.
const ANOMALY_DAYS_AGO: i32 = 9;
const ANOMALY_DAYS: i32 = 3;
const ANOMALOUS: &str = "AmazonCloudWatch";

/// The services of the shop: the costs of a day in USD, and how much of them depends on orders.
const SERVICES: [(&str, f64, f64); 12] = [
    ("AWS Lambda", 1.02, 0.9),
    ("Amazon DynamoDB", 0.86, 0.8),
    ("AmazonCloudWatch", 0.71, 0.5),
    ("Amazon API Gateway", 0.43, 1.0),
    ("Amazon CloudFront", 0.38, 0.9),
    ("AWS X-Ray", 0.21, 0.9),
    ("Amazon EventBridge", 0.12, 1.0),
    ("AWS Key Management Service", 0.033, 0.1),
    ("AWS Secrets Manager", 0.027, 0.1),
    ("Amazon Simple Queue Service", 0.014, 0.2),
    ("Amazon Simple Notification Service", 0.0004, 0.2),
    ("AWS Cost Explorer", 0.04, 0.0),
];

/// Numbers that look random. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators".
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Between one less and one more than `spread`, times one.
    fn around_one(&mut self, spread: f64) -> f64 {
        let share = f64::from(u32::try_from(self.next() >> 32).unwrap_or_default());
        1.0 + spread * (2.0 * share / f64::from(u32::MAX) - 1.0)
    }
}

/// Makes the scenario of a seed, in which the services are asked on a day at 00:30 UTC.
pub fn generate(seed: u64, today: Date) -> Scenario {
    let mut random = SplitMix(seed);
    let first = today.saturating_sub(DAYS.days());
    let (mut costs, mut orders) = (BTreeMap::new(), BTreeMap::new());
    for index in 0..DAYS {
        let date = first.saturating_add(index.days());
        // The shop grows by a third in two months, and people buy more on weekends.
        let growth = 1.0 + 0.33 * f64::from(index) / f64::from(DAYS);
        let weekday = if 5 < date.weekday().to_monday_one_offset() {
            1.22
        } else {
            1.0
        };
        let busy = growth * weekday * random.around_one(0.08);
        orders.insert(date, (1_900.0 * busy).round());
        costs.insert(date, day(busy, DAYS - index, &mut random));
    }
    Scenario {
        now: today
            .at(0, 30, 0, 0)
            .to_zoned(TimeZone::UTC)
            .map_or(Timestamp::UNIX_EPOCH, |at| at.timestamp()),
        account: "123456789012".to_owned(),
        currency: "USD".to_owned(),
        costs,
        estimated_from: Some(today.saturating_sub(1.day()).first_of_month()),
        tags: BTreeMap::from([(
            "aws:cloudformation:stack-name".to_owned(),
            BTreeMap::from([("surefire".to_owned(), 0.83), ("website".to_owned(), 0.09)]),
        )]),
        forecast_a_day: Some(5.31),
        anomalies: vec![anomaly(today)],
        budgets: vec![budget(today)],
        compute_optimizer: Some(functions(today)),
        cost_optimization_hub: Some(hub()),
        trusted_advisor: None,
        orders,
        stack: "surefire".to_owned(),
        groups_a_page: 5_000,
        faults: Vec::new(),
    }
}

/// The costs of a day that is so many days before today.
fn day(busy: f64, days_ago: i32, random: &mut SplitMix) -> BTreeMap<String, f64> {
    let is_anomalous = (ANOMALY_DAYS_AGO - ANOMALY_DAYS + 1..=ANOMALY_DAYS_AGO).contains(&days_ago);
    let complete = if days_ago == 1 { YESTERDAY_SHARE } else { 1.0 };
    let amount = |(service, amount, moving): &(&str, f64, f64), noise: f64| {
        let anomaly = if is_anomalous && *service == ANOMALOUS {
            2.9
        } else {
            0.0
        };
        let amount = amount * (1.0 - moving + moving * busy) * noise + anomaly;
        (
            (*service).to_owned(),
            (amount * complete * 1e7).round() / 1e7,
        )
    };
    SERVICES
        .iter()
        .map(|service| amount(service, random.around_one(0.05)))
        .collect()
}

fn anomaly(today: Date) -> Value {
    let day = |days_ago: i32| format!("{}T00:00:00Z", today.saturating_sub(days_ago.days()));
    json!({
        "AnomalyId": "0e1b6d3c-6d3f-4c53-8d5e-2f2f3c1a9b10",
        "AnomalyStartDate": day(ANOMALY_DAYS_AGO),
        "AnomalyEndDate": day(ANOMALY_DAYS_AGO - ANOMALY_DAYS + 1),
        "DimensionValue": ANOMALOUS,
        "RootCauses": [{
            "Service": ANOMALOUS, "Region": "ap-northeast-2", "LinkedAccount": "123456789012",
            "UsageType": "APN2-DataProcessing-Bytes", "Impact": {"Contribution": 8.7},
        }],
        "AnomalyScore": {"MaxScore": 0.71, "CurrentScore": 0.12},
        "Impact": {
            "MaxImpact": 2.94, "TotalImpact": 8.7, "TotalActualSpend": 11.02,
            "TotalExpectedSpend": 2.32, "TotalImpactPercentage": 375.0,
        },
        "MonitorArn": "arn:aws:ce::123456789012:anomalymonitor/7b0c4e6a-54d4-4d6f-9d0e-0d1f3b1c2a4e",
    })
}

fn budget(today: Date) -> Value {
    let month = today.first_of_month().to_zoned(TimeZone::UTC);
    json!({
        "BudgetName": "surefire-costs-Budget-1A2B3C4D5E6F",
        "BudgetLimit": {"Amount": "140.0", "Unit": "USD"},
        "TimeUnit": "MONTHLY",
        "TimePeriod": {"Start": month.map_or(0, |month| month.timestamp().as_second()), "End": 3_706_473_600_i64},
        "CalculatedSpend": {"ActualSpend": {"Amount": "118.4", "Unit": "USD"}},
        "BudgetType": "COST",
    })
}

/// A function that could have less memory, the same in an older version, and one of another stack.
fn functions(today: Date) -> Vec<Value> {
    let refreshed = today
        .to_zoned(TimeZone::UTC)
        .map_or(0, |at| at.timestamp().as_second());
    let function = |name: &str, version: &str, finding: &str, saving: f64| {
        let arn = format!("arn:aws:lambda:ap-northeast-2:123456789012:function:{name}:{version}");
        json!({
            "functionArn": arn, "functionVersion": version, "accountId": "123456789012",
            "currentMemorySize": 256, "numberOfInvocations": 181_204, "lookbackPeriodInDays": 14.0,
            "lastRefreshTimestamp": refreshed, "finding": finding,
            "findingReasonCodes": ["MemoryOverprovisioned"],
            "memorySizeRecommendationOptions": [{
                "rank": 1, "memorySize": 160,
                "savingsOpportunity": {
                    "savingsOpportunityPercentage": 31.5,
                    "estimatedMonthlySavings": {"currency": "USD", "value": saving},
                },
            }],
        })
    };
    vec![
        function(
            "surefire-CorsFunction-9aBcD2eFgH1i",
            "7",
            "NotOptimized",
            0.85,
        ),
        function(
            "surefire-CorsFunction-9aBcD2eFgH1i",
            "6",
            "NotOptimized",
            3.25,
        ),
        function(
            "surefire-OrdersFunction-2bCdE3fGhI4j",
            "12",
            "Optimized",
            0.25,
        ),
        function("website-Render-5cDeF6gHiJ7k", "3", "NotOptimized", 4.5),
    ]
}

fn hub() -> Vec<Value> {
    let item = |id: &str, kind: &str, action: &str, saving: f64| {
        json!({
            "recommendationId": format!("rec-{id}"), "accountId": "123456789012",
            "region": "ap-northeast-2", "resourceId": id, "currentResourceType": kind,
            "recommendedResourceType": kind, "estimatedMonthlySavings": saving,
            "currencyCode": "USD", "actionType": action, "implementationEffort": "Low",
            "source": "ComputeOptimizer",
        })
    };
    vec![
        item(
            "surefire-CorsFunction-9aBcD2eFgH1i",
            "LambdaFunction",
            "Rightsize",
            0.85,
        ),
        item("vol-0f3a9c2b7d1e4a586", "EbsVolume", "Delete", 8.0),
        item(
            "website-Render-5cDeF6gHiJ7k",
            "LambdaFunction",
            "MigrateToGraviton",
            2.1,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::SHIPPED;

    /// The seed and the day of the shipped scenario.
    const SEED: u64 = 20;
    const TODAY: &str = "2026-11-26";

    /// Rewrite the file with `WRITE_GOLDENS=1 cargo nextest run --workspace -E 'test(/shipped_scenario/)'`.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
    fn the_shipped_scenario_is_what_its_seed_generates() {
        let scenario = generate(SEED, TODAY.parse().unwrap());
        let text = serde_json::to_string_pretty(&scenario).unwrap() + "\n";
        if std::env::var("WRITE_GOLDENS").is_ok_and(|value| value == "1") {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenario.json");
            std::fs::write(path, text).unwrap();
            return;
        }
        assert!(
            text == SHIPPED,
            "write platform/billing/scenario.json again with WRITE_GOLDENS=1"
        );
        assert_eq!(Scenario::read(SHIPPED).unwrap(), scenario);
    }

    #[test]
    fn another_seed_makes_another_scenario() {
        let today = TODAY.parse().unwrap();
        assert_eq!(generate(1, today), generate(1, today));
        assert_ne!(generate(1, today).costs, generate(2, today).costs);
    }
}
