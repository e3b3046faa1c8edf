//! Functions: the binary, the environment, the limits and the schedules of each.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::evaluate::Evaluator;
use crate::fault::Fault;
use crate::resource::{self, Place};
use crate::yaml::{Entry, Node};

/// The binary that a function runs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Serves the order API.
    Orders,
    /// Answers preflights.
    Cors,
    /// Checks tokens.
    Authorizer,
    /// Sends alerts to Discord.
    AlertForwarder,
    /// Releases the stock of orders that nobody confirmed.
    OrdersSweeper,
    /// Tells what the account costs. It is in a template of its own.
    CostReport,
    /// Checks that stock and orders add up.
    OrdersAuditor,
    /// Tests a new version of the API's functions before it gets traffic.
    ReleaseCheck,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Orders,
        Self::Cors,
        Self::Authorizer,
        Self::AlertForwarder,
        Self::OrdersSweeper,
        Self::CostReport,
        Self::OrdersAuditor,
        Self::ReleaseCheck,
    ];

    /// The binary's name.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Cors => "cors",
            Self::Authorizer => "authorizer",
            Self::AlertForwarder => "alert-forwarder",
            Self::OrdersSweeper => "orders-sweeper",
            Self::CostReport => "cost-report",
            Self::OrdersAuditor => "orders-auditor",
            Self::ReleaseCheck => "release-check",
        }
    }

    /// Whether the function is in [`SHIPPED`](crate::SHIPPED), and not in
    /// [`SHIPPED_COST`](crate::SHIPPED_COST).
    pub fn is_of_the_api(self) -> bool {
        match self {
            Self::Orders
            | Self::Cors
            | Self::Authorizer
            | Self::AlertForwarder
            | Self::OrdersSweeper
            | Self::OrdersAuditor
            | Self::ReleaseCheck => true,
            Self::CostReport => false,
        }
    }

    /// The kind whose binary has this name.
    pub fn of_binary(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.binary() == name)
    }
}

/// A function.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FunctionSpec {
    /// Its name in AWS.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The binary that it runs.
    pub kind: Kind,
    /// Its environment, evaluated.
    pub environment: BTreeMap<String, String>,
    /// The time after which Lambda ends an invocation.
    pub timeout: Duration,
    /// Its memory, in megabytes.
    pub memory_megabytes: u64,
    /// The log group that the template gives it.
    pub log_group: Option<String>,
    /// The schedules that invoke it.
    pub schedules: Vec<Schedule>,
    /// The line that declares it.
    pub line: usize,
}

/// A schedule that invokes a function.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedule {
    /// Its name in the template.
    pub name: String,
    /// The time between two invocations.
    pub every: Duration,
    /// The event, if the template has one.
    pub input: Option<String>,
}

/// Lambda's defaults.
const TIMEOUT_SECONDS_DEFAULT: u64 = 3;
const MEMORY_MEGABYTES_DEFAULT: u64 = 128;

pub(crate) fn read(
    evaluator: &Evaluator<'_>,
    place: &Place,
    logical: &str,
    node: &Node,
) -> Result<FunctionSpec, Fault> {
    let name = resource::reference(place, logical, node).map_err(|message| node.fault(message))?;
    let number = |property, default| match evaluator.function_property(node, property) {
        Some(node) => evaluator.number(node),
        None => Ok(default),
    };
    let kind = kind(logical, node)?;
    let log_group = node.at(&["Properties", "LoggingConfig", "LogGroup"]);
    Ok(FunctionSpec {
        arn: place.function_arn(&name),
        name,
        kind,
        environment: environment(evaluator, node)?,
        timeout: Duration::from_secs(number("Timeout", TIMEOUT_SECONDS_DEFAULT)?),
        memory_megabytes: number("MemorySize", MEMORY_MEGABYTES_DEFAULT)?,
        log_group: log_group.map(|group| evaluator.text(group)).transpose()?,
        // On this machine, a person invokes the cost report, and no time of the day does.
        schedules: if kind.is_of_the_api() {
            schedules(evaluator, node)?
        } else {
            Vec::new()
        },
        line: node.line,
    })
}

fn kind(logical: &str, node: &Node) -> Result<Kind, Fault> {
    let binary = node.at(&["Metadata", "BuildProperties", "Binary"]);
    let binary = binary.ok_or_else(|| {
        node.fault(format!(
            "`{logical}` does not name its binary: add Metadata, BuildProperties, Binary"
        ))
    })?;
    let name = binary.text().unwrap_or_default();
    Kind::of_binary(name).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.into_iter().map(Kind::binary).collect();
        let known = known.join(", ");
        binary.fault(format!(
            "`{logical}` runs the binary `{name}`, which this program does not have: use one of {known}"
        ))
    })
}

/// The variables of `Globals`, then the function's own, which replace them.
fn environment(evaluator: &Evaluator<'_>, node: &Node) -> Result<BTreeMap<String, String>, Fault> {
    let path = ["Environment", "Variables"];
    let common = evaluator.globals().and_then(|globals| globals.at(&path));
    let own = node.get("Properties").and_then(|own| own.at(&path));
    let mut variables = BTreeMap::new();
    for Entry { key, value, .. } in [common, own].into_iter().flatten().flat_map(Node::entries) {
        if evaluator.value(value)?.is_some() {
            variables.insert(key.clone(), evaluator.text(value)?);
        }
    }
    Ok(variables)
}

fn schedules(evaluator: &Evaluator<'_>, node: &Node) -> Result<Vec<Schedule>, Fault> {
    let events = node.at(&["Properties", "Events"]);
    let mut schedules = Vec::new();
    for Entry { key, value, .. } in events.map(Node::entries).unwrap_or_default() {
        let property = match resource::kind(value) {
            "Schedule" => "Schedule",
            "ScheduleV2" => "ScheduleExpression",
            _ => continue,
        };
        let expression = value
            .at(&["Properties", property])
            .ok_or_else(|| value.fault(format!("the schedule `{key}` has no {property}")))?;
        let input = value.at(&["Properties", "Input"]);
        schedules.push(Schedule {
            name: key.clone(),
            every: rate(&evaluator.text(expression)?).ok_or_else(|| {
                expression.fault("this program runs only `rate(N minutes|hours|days)`")
            })?,
            input: input.map(|node| evaluator.text(node)).transpose()?,
        });
    }
    Ok(schedules)
}

/// The interval of `rate(1 minute)`.
fn rate(expression: &str) -> Option<Duration> {
    let (count, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let seconds = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => 60,
        "hour" => 60 * 60,
        "day" => 24 * 60 * 60,
        _ => return None,
    };
    let count: u64 = count.parse().ok().filter(|count| 0 < *count)?;
    Some(Duration::from_secs(count.checked_mul(seconds)?))
}
