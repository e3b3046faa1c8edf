//! What was asked, and each answer or the reason why there is none.
//!
//! Facts are kept for a day as JSON, so a repeat of an invocation reads them instead of asking again.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::money::Money;

/// An answer, or why there is none.
pub(crate) type Asked<T> = Result<T, Missing>;

/// All that a report is made of.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Facts {
    /// The account's costs of each day and service.
    pub(crate) costs: Asked<Costs>,
    /// The stack's costs in the month until yesterday.
    pub(crate) stack: Asked<Money>,
    /// What the rest of the month will cost, from today on.
    pub(crate) forecast: Asked<Money>,
    pub(crate) anomalies: Asked<Vec<Anomaly>>,
    pub(crate) budgets: Asked<Vec<Budget>>,
    /// What Compute Optimizer found for the stack's functions.
    pub(crate) functions: Asked<Vec<Finding>>,
    /// What the Cost Optimization Hub recommends.
    pub(crate) hub: Asked<Vec<Saving>>,
    /// What Trusted Advisor recommends.
    pub(crate) advisor: Asked<Vec<Saving>>,
    /// The stack's orders in the month until yesterday.
    pub(crate) orders: Asked<f64>,
    /// How many calls were made that cost money.
    pub(crate) paid_calls: u32,
}

/// Why something could not be asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Missing {
    /// AWS has no data: a new account, or too little history.
    NoData,
    /// The service is not switched on for the account.
    NotEnrolled,
    /// The cost allocation tag is not activated, or nothing has it.
    NoTag,
    /// The account or the role may not ask. The text is the service's.
    Denied(String),
    /// No answer within the time.
    NoAnswer,
    /// The service answered "too many requests", also later.
    Throttled,
    /// As many calls as allowed were paid for.
    TooManyPaid,
    /// Any other error. The text is the service's.
    Failed(String),
}

/// Costs of days.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Costs {
    pub(crate) currency: String,
    /// The days in their order.
    pub(crate) days: Vec<Day>,
    /// Whether pages are missing, because each costs money.
    pub(crate) cut: bool,
}

/// The costs of one day.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Day {
    pub(crate) date: Date,
    /// Whether AWS says that the amounts are estimated.
    pub(crate) estimated: bool,
    /// The amount of each service. A credit is negative.
    pub(crate) services: Vec<(String, f64)>,
}

impl Day {
    pub(crate) fn total(&self) -> f64 {
        self.services.iter().map(|(_, amount)| amount).sum()
    }
}

/// A cost anomaly.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Anomaly {
    /// The service or account, if known.
    pub(crate) what: Option<String>,
    pub(crate) started: Option<String>,
    /// Missing while it lasts.
    pub(crate) ended: Option<String>,
    /// How much more was spent than expected.
    pub(crate) impact: f64,
    /// The service, region and usage of the largest cause.
    pub(crate) cause: Option<String>,
}

/// A monthly budget of costs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Budget {
    pub(crate) name: String,
    pub(crate) limit: Money,
    /// Whether it counts only a part of the account's costs.
    pub(crate) filtered: bool,
}

/// A finding about a function.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) function: String,
    pub(crate) memory_now: i32,
    pub(crate) memory_better: Option<i32>,
    pub(crate) reasons: Vec<String>,
    pub(crate) saving: Option<Money>,
}

/// Something that could be saved.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Saving {
    pub(crate) what: String,
    /// What it saves in a month, if known.
    pub(crate) monthly: Option<Money>,
}
