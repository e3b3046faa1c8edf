//! Owns functions: which binary one runs, with what environment and time-out, and when by the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::evaluate::Evaluator;
use crate::fault::Fault;
use crate::resource::{self, Place};
use crate::yaml::{Entry, Node};

/// The binary that a function runs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// The order API.
    Orders,
    /// Preflights.
    Cors,
    /// Tokens.
    Authorizer,
    /// Alerts to Discord.
    AlertForwarder,
    /// Holds that nobody confirmed.
    OrdersSweeper,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Orders,
        Self::Cors,
        Self::Authorizer,
        Self::AlertForwarder,
        Self::OrdersSweeper,
    ];

    /// The binary's name.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Cors => "cors",
            Self::Authorizer => "authorizer",
            Self::AlertForwarder => "alert-forwarder",
            Self::OrdersSweeper => "orders-sweeper",
        }
    }

    /// The kind of a binary's name.
    pub fn of_binary(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.binary() == name)
    }
}

/// A function and what it is given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FunctionSpec {
    /// Its name in AWS.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it runs.
    pub kind: Kind,
    /// Its environment, evaluated.
    pub environment: BTreeMap<String, String>,
    /// After how long an invocation is ended.
    pub timeout: Duration,
    /// Its memory.
    pub memory_megabytes: u64,
    /// When it is invoked by the clock.
    pub schedules: Vec<Schedule>,
    /// The line that declares it.
    pub line: usize,
}

/// An invocation by the clock.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedule {
    /// Its name in the template.
    pub name: String,
    /// The time from one to the next.
    pub every: Duration,
    /// The event, if the template gives one.
    pub input: Option<String>,
}

/// Lambda's own, where a template says nothing.
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
    Ok(FunctionSpec {
        arn: place.function_arn(&name),
        name,
        kind: kind(logical, node)?,
        environment: environment(evaluator, node)?,
        timeout: Duration::from_secs(number("Timeout", TIMEOUT_SECONDS_DEFAULT)?),
        memory_megabytes: number("MemorySize", MEMORY_MEGABYTES_DEFAULT)?,
        schedules: schedules(evaluator, node)?,
        line: node.line,
    })
}

fn kind(logical: &str, node: &Node) -> Result<Kind, Fault> {
    let binary = node.at(&["Metadata", "BuildProperties", "Binary"]);
    let binary = binary.ok_or_else(|| {
        node.fault(format!(
            "`{logical}` has no Metadata, BuildProperties, Binary: which binary does it run?"
        ))
    })?;
    let name = binary.text().unwrap_or_default();
    Kind::of_binary(name).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.into_iter().map(Kind::binary).collect();
        let known = known.join(", ");
        binary.fault(format!(
            "`{logical}` runs the binary `{name}`; this program has {known}"
        ))
    })
}

/// The environment: the globals' variables, then the function's own.
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
                expression.fault("only `rate(N minutes|hours|days)` is run by this program")
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
