//! Owns `template.yaml`: its text in, a typed description of what to serve out.
//!
//! [`Template::read`] is pure. It evaluates only what this program and the tests need, and reports
//! everything it cannot understand at once, each with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

mod edge;
mod evaluate;
mod function;
mod intrinsic;
mod parameters;
mod resource;
mod route;
mod secret;
mod stack;
mod substitute;
mod table;
#[cfg(test)]
mod tests;
mod yaml;

pub use resource::Place;
pub use secret::{Recipe, SecretSpec, SecretValue};
pub use stack::{Resource, Stack};

use evaluate::Evaluator;

/// The template of this repository, as it was when the program was built.
pub const SHIPPED: &str = include_str!("../../../template.yaml");

/// What a template declares, as far as it can be served on one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Where the stack pretends to be deployed.
    pub place: Place,
    /// The parameters' values; a list is joined by commas.
    pub parameters: BTreeMap<String, String>,
    /// The routes of the HTTP API, in the template's order.
    pub routes: Vec<Route>,
    /// The functions by logical id.
    pub functions: BTreeMap<String, FunctionSpec>,
    /// The tables, in the template's order.
    pub tables: Vec<TableSpec>,
    /// The secrets, in the template's order.
    pub secrets: Vec<SecretSpec>,
    /// The response headers policy of the distribution, if there is one.
    pub edge: Option<EdgePolicy>,
}

/// A route of the HTTP API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// The method in upper case, or `ANY`.
    pub method: String,
    /// The path with its `{parameters}`, or `$default`.
    pub path: String,
    /// The logical id of the function.
    pub function: String,
    /// The authorizer, if the route has one.
    pub authorizer: Option<Authorizer>,
    /// The line that declares it.
    pub line: usize,
}

impl Route {
    /// The route's key as events carry it.
    pub fn key(&self) -> String {
        if self.path == "$default" {
            return self.path.clone();
        }
        format!("{} {}", self.method, self.path)
    }
}

/// A Lambda authorizer of the HTTP API.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authorizer {
    /// Its name in the template.
    pub name: String,
    /// The logical id of its function.
    pub function: String,
    /// The headers a request must have before the function is asked.
    pub identity_headers: Vec<String>,
    /// The seconds its answers are kept for.
    pub cache_seconds: u64,
}

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

/// A table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableSpec {
    /// Its logical id.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: TableKey,
    /// Its global secondary indexes, by name.
    pub indexes: BTreeMap<String, IndexSpec>,
    /// The types (`S`, `N`, `B`) of the attributes that are part of a key.
    pub attributes: BTreeMap<String, String>,
    /// The attribute whose time an item is deleted at.
    pub ttl: Option<String>,
    /// The line that declares it.
    pub line: usize,
}

/// The attributes of a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableKey {
    /// The partition key.
    pub hash: String,
    /// The sort key.
    pub range: Option<String>,
}

/// A global secondary index.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IndexSpec {
    /// Its key.
    pub key: TableKey,
    /// `KEYS_ONLY`, `ALL` or `INCLUDE`.
    pub projection: String,
    /// The attributes that `INCLUDE` includes.
    pub included: Vec<String>,
}

/// What the edge does to every answer's headers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EdgePolicy {
    /// The CORS part.
    pub cors: Option<EdgeCors>,
    /// The other headers.
    pub headers: Vec<EdgeHeader>,
}

/// The CORS part of an edge policy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EdgeCors {
    /// Origins that are answered.
    pub origins: Vec<String>,
    /// Methods a preflight is told.
    pub methods: Vec<String>,
    /// Request headers a preflight is told.
    pub headers: Vec<String>,
    /// Response headers a page may read.
    pub exposed: Vec<String>,
    /// For how long a preflight's answer holds.
    pub max_age_seconds: Option<u64>,
    /// Whether cookies are allowed.
    pub credentials: bool,
    /// Whether the edge's headers replace the function's.
    pub replaces: bool,
}

/// A header that the edge sets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EdgeHeader {
    /// Its name in lower case.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it replaces one that is there already.
    pub replaces: bool,
}

/// Something in the text that cannot be served.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in one line.
    pub message: String,
}

/// Everything in a template that cannot be served, by line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TemplateError(pub Vec<Fault>);

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Fault { line, message }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}line {line}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Reads a template, with values for some of its parameters.
    ///
    /// # Errors
    /// All faults that were found, in the order of their lines.
    pub fn read<'a>(
        text: &str,
        overrides: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TemplateError> {
        let place = Place::default();
        let root = yaml::read(text).map_err(|fault| TemplateError(vec![fault]))?;
        let parameters = parameters::read(&root, overrides)?;
        let evaluator = Evaluator::new(&root, &place, parameters);
        let mut faults = Faults::default();
        let resources = faults.keep(existing(&root, &evaluator)).unwrap_or_default();

        let mut functions = BTreeMap::new();
        let mut routes = Vec::new();
        let mut tables = Vec::new();
        let mut secrets = Vec::new();
        let apis = route::Apis::read(&evaluator, &resources, &mut faults);
        for (logical, node) in &resources {
            match resource::kind(node) {
                "AWS::Serverless::Function" => {
                    let read = function::read(&evaluator, &place, logical, node);
                    if let Some(function) = faults.keep(read) {
                        functions.insert((*logical).to_owned(), function);
                    }
                    apis.routes_of(logical, node, &mut routes, &mut faults);
                }
                "AWS::DynamoDB::Table" => {
                    tables.extend(faults.keep(table::read(&evaluator, &place, logical, node)));
                }
                "AWS::SecretsManager::Secret" => {
                    secrets.extend(faults.keep(secret::read(&evaluator, &place, logical, node)));
                }
                _ => {}
            }
        }
        let edge = faults.keep(edge::read(&evaluator, &resources)).flatten();
        route::check(&routes, &mut faults);
        faults.none_or_error()?;
        Ok(Self {
            parameters: parameters::texts(evaluator.parameters()),
            place,
            routes,
            functions,
            tables,
            secrets,
            edge,
        })
    }

    /// The function of a kind, with its logical id: the first, if several run it.
    pub fn function(&self, kind: Kind) -> Option<(&str, &FunctionSpec)> {
        let mut functions = self.functions.iter();
        functions
            .find(|(_, function)| function.kind == kind)
            .map(|(logical, function)| (logical.as_str(), function))
    }

    /// The scopes that each route requires, by the route's key: the authorizer's `ROUTE_SCOPES`.
    ///
    /// Empty without an authorizer, and if the text is malformed: the authorizer refuses to start
    /// with such a text, and says why.
    pub fn route_scopes(&self) -> BTreeMap<String, Vec<String>> {
        let authorizer = self.function(Kind::Authorizer);
        let text = authorizer.and_then(|(_, spec)| spec.environment.get("ROUTE_SCOPES"));
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// Every scope that a route requires, sorted.
    pub fn scopes(&self) -> Vec<String> {
        let scopes: BTreeSet<String> = self.route_scopes().into_values().flatten().collect();
        scopes.into_iter().collect()
    }
}

/// The resources that exist under the conditions.
fn existing<'root>(
    root: &'root yaml::Node,
    evaluator: &Evaluator<'_>,
) -> Result<Vec<(&'root str, &'root yaml::Node)>, Fault> {
    let resources = root
        .get("Resources")
        .ok_or_else(|| root.fault("there are no Resources"))?;
    let mut existing = Vec::new();
    for yaml::Entry { key, value, .. } in resources.entries() {
        if evaluator.exists(value)? {
            existing.push((key.as_str(), value));
        }
    }
    Ok(existing)
}

/// Collects faults, so that all are reported at once.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    fn keep<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.0.push(fault)).ok()
    }

    fn none_or_error(mut self) -> Result<(), TemplateError> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort();
        self.0.dedup();
        Err(TemplateError(self.0))
    }
}
