//! Reads the parts of a template that can be served on one machine.

use std::collections::{BTreeMap, BTreeSet};

use crate::edge::{self, EdgePolicy};
use crate::evaluate::Evaluator;
use crate::fault::{Faults, TemplateError};
use crate::function::{self, FunctionSpec, Kind};
use crate::resource::{self, Place};
use crate::route::{self, Route};
use crate::secret::{self, SecretSpec};
use crate::table::{self, TableSpec};
use crate::throttle::{self, Throttle};
use crate::{parameters, yaml};

/// The template of this repository, as it was when the program was built.
pub const SHIPPED: &str = include_str!("../../../template.yaml");

/// The template of the cost report, as it was when the program was built.
pub const SHIPPED_COST: &str = include_str!("../../../cost.yaml");

/// The parts of a template that can be served on one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The account, region and stack that names and ARNs are made with.
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
    /// The limit of requests, if the HTTP API has one.
    pub throttle: Option<Throttle>,
}

impl Template {
    /// Reads a template, with values for some of its parameters.
    ///
    /// # Errors
    /// All faults that were found, in the order of their lines.
    pub fn read<'a>(
        text: &str,
        overrides: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TemplateError> {
        Self::read_in(Place::default(), text, overrides)
    }

    /// Reads a template as [`Template::read`] does, for a stack of another name or place.
    ///
    /// # Errors
    /// All faults, as for [`Template::read`].
    pub fn read_in<'a>(
        place: Place,
        text: &str,
        overrides: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, TemplateError> {
        let root = yaml::read(text).map_err(|fault| TemplateError(vec![fault]))?;
        let parameters = parameters::read(&root, overrides)?;
        let evaluator = Evaluator::new(&root, &place, parameters);
        let mut faults = Faults::default();
        let resources = faults.keep(evaluator.resources()).unwrap_or_default();

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
        let throttle = faults
            .keep(throttle::read(&evaluator, &resources))
            .flatten();
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
            throttle,
        })
    }

    /// The first function of a kind, with its logical id.
    pub fn function(&self, kind: Kind) -> Option<(&str, &FunctionSpec)> {
        let mut functions = self.functions.iter();
        functions
            .find(|(_, function)| function.kind == kind)
            .map(|(logical, function)| (logical.as_str(), function))
    }

    /// The scopes that each route requires, by the route's key: the authorizer's `ROUTE_SCOPES`.
    ///
    /// Empty without an authorizer, and if the variable is malformed. The authorizer refuses to
    /// start with a malformed one and says why.
    pub fn route_scopes(&self) -> BTreeMap<String, Vec<String>> {
        let authorizer = self.function(Kind::Authorizer);
        let text = authorizer.and_then(|(_, spec)| spec.environment.get("ROUTE_SCOPES"));
        let routes: BTreeMap<String, serde_json::Value> = text
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        // A route can require any of its scopes: `{"any": [...]}`.
        let scopes = |required: &serde_json::Value| {
            let list = required.get("any").unwrap_or(required);
            serde_json::from_value(list.clone()).unwrap_or_default()
        };
        routes
            .iter()
            .map(|(route, required)| (route.clone(), scopes(required)))
            .collect()
    }

    /// Every scope that a route requires, sorted.
    pub fn scopes(&self) -> Vec<String> {
        let scopes: BTreeSet<String> = self.route_scopes().into_values().flatten().collect();
        scopes.into_iter().collect()
    }
}
