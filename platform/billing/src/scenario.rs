//! What the services know of an account, and how they fail: a file in JSON.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The scenario that is used when no other is given. `generate.rs` made it.
pub const SHIPPED: &str = include_str!("../scenario.json");

/// An account, as the services see it. What AWS documents in JSON is here in that form.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The time at which the services are asked.
    pub now: Timestamp,
    /// The account's number.
    pub account: String,
    /// The currency of all costs.
    pub currency: String,
    /// The costs of each day by service.
    pub costs: BTreeMap<Date, BTreeMap<String, f64>>,
    /// The first day whose costs are estimated.
    #[serde(default)]
    pub estimated_from: Option<Date>,
    /// The active cost allocation tags: what share of each day's costs has which value.
    #[serde(default)]
    pub tags: BTreeMap<String, BTreeMap<String, f64>>,
    /// The costs of a future day. Without it, there is too little history for a forecast.
    #[serde(default)]
    pub forecast_a_day: Option<f64>,
    /// `Anomalies` of `GetAnomalies`.
    #[serde(default)]
    pub anomalies: Vec<Value>,
    /// `Budgets` of `DescribeBudgets`.
    #[serde(default)]
    pub budgets: Vec<Value>,
    /// `lambdaFunctionRecommendations`, if Compute Optimizer is switched on.
    #[serde(default)]
    pub compute_optimizer: Option<Vec<Value>>,
    /// `items` of `ListRecommendations`, if the Cost Optimization Hub is switched on.
    #[serde(default)]
    pub cost_optimization_hub: Option<Vec<Value>>,
    /// `recommendationSummaries`, if the support plan has Trusted Advisor's checks.
    #[serde(default)]
    pub trusted_advisor: Option<Vec<Value>>,
    /// The metric `OrderPlaced` of each day.
    #[serde(default)]
    pub orders: BTreeMap<Date, f64>,
    /// The namespace of that metric: the stack's name.
    pub stack: String,
    /// How many groups Cost Explorer puts on a page.
    #[serde(default = "groups_a_page_usual")]
    pub groups_a_page: usize,
    /// Calls that fail.
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// More than any scenario has.
const fn groups_a_page_usual() -> usize {
    5_000
}

/// A call that fails.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The permission that the call needs: `ce:GetCostAndUsage`.
    pub action: String,
    /// The error's code. Without one, the call gets no answer.
    #[serde(default)]
    pub code: Option<String>,
    /// The error's message.
    #[serde(default)]
    pub message: String,
    /// How many calls fail; all without it.
    #[serde(default)]
    pub times: Option<u32>,
}

/// Why a scenario cannot be read.
#[derive(Debug)]
pub struct ScenarioError(serde_json::Error);

impl std::fmt::Display for ScenarioError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(error) = self;
        write!(
            formatter,
            "not a scenario of costs: {error}. platform/billing/scenario.json is one to copy"
        )
    }
}

impl std::error::Error for ScenarioError {}

impl Scenario {
    /// Reads a scenario.
    pub fn read(text: &str) -> Result<Self, ScenarioError> {
        serde_json::from_str(text).map_err(ScenarioError)
    }

    /// The day in UTC on which the services are asked.
    pub(crate) fn today(&self) -> Date {
        self.now.to_zoned(jiff::tz::TimeZone::UTC).date()
    }
}
