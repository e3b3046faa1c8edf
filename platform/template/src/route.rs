//! Routes: the HTTP events of functions, and the authorizers of their API.

use std::collections::BTreeMap;

use crate::evaluate::Evaluator;
use crate::fault::{Fault, Faults};
use crate::resource;
use crate::yaml::{Entry, Node};

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
    /// The route's key, as in events: `GET /orders`.
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
    /// The headers that a request needs; without them the function is not invoked.
    pub identity_headers: Vec<String>,
}

/// The authorizers of the HTTP API, which its routes name.
pub(crate) struct Apis<'template> {
    evaluator: &'template Evaluator<'template>,
    authorizers: BTreeMap<String, Authorizer>,
    default: Option<String>,
}

impl<'template> Apis<'template> {
    pub(crate) fn read(
        evaluator: &'template Evaluator<'template>,
        resources: &[(&str, &Node)],
        faults: &mut Faults,
    ) -> Self {
        let mut apis = Self {
            evaluator,
            authorizers: BTreeMap::new(),
            default: None,
        };
        let mut found = resources
            .iter()
            .filter(|(_, node)| resource::kind(node) == "AWS::Serverless::HttpApi");
        let Some((_, api)) = found.next() else {
            return apis;
        };
        if let Some((_, second)) = found.next() {
            faults.push(second.fault("this program serves only one HttpApi"));
        }
        if let Some(cors) = api.at(&["Properties", "CorsConfiguration"]) {
            faults.push(cors.fault(
                "remove CorsConfiguration: with it the gateway answers preflights itself and drops the functions' CORS headers",
            ));
        }
        if let Some(auth) = api.at(&["Properties", "Auth"]) {
            faults.keep(apis.read_auth(auth, resources));
        }
        apis
    }

    fn read_auth(&mut self, auth: &Node, resources: &[(&str, &Node)]) -> Result<(), Fault> {
        for Entry { key, value, .. } in auth
            .get("Authorizers")
            .map(Node::entries)
            .unwrap_or_default()
        {
            let authorizer = self.read_authorizer(key, value, resources)?;
            self.authorizers.insert(key.clone(), authorizer);
        }
        if let Some(default) = auth.get("DefaultAuthorizer") {
            let name = self.evaluator.text(default)?;
            if !self.authorizers.contains_key(&name) {
                return Err(default.fault(format!("there is no authorizer `{name}`")));
            }
            self.default = Some(name);
        }
        Ok(())
    }

    fn read_authorizer(
        &self,
        name: &str,
        node: &Node,
        resources: &[(&str, &Node)],
    ) -> Result<Authorizer, Fault> {
        let needs = [
            ("AuthorizerPayloadFormatVersion", "2.0"),
            ("EnableSimpleResponses", "true"),
        ];
        for (key, value) in needs {
            let given = node
                .get(key)
                .map(|node| self.evaluator.text(node))
                .transpose()?;
            if given.as_deref() != Some(value) {
                return Err(node.fault(format!("the authorizer `{name}` needs {key}: {value}")));
            }
        }
        let arn_node = node
            .get("FunctionArn")
            .ok_or_else(|| node.fault(format!("the authorizer `{name}` has no FunctionArn")))?;
        let arn = self.evaluator.text(arn_node)?;
        let function = resources.iter().find(|(logical, node)| {
            resource::kind(node) == "AWS::Serverless::Function"
                && self.evaluator.is_function(logical, node, &arn)
        });
        let (function, _) =
            function.ok_or_else(|| arn_node.fault("no function of the template has this ARN"))?;
        let identity = node.get("Identity");
        let headers = identity.and_then(|identity| identity.get("Headers"));
        let cache = identity.and_then(|identity| identity.get("ReauthorizeEvery"));
        if let Some(cache) = cache
            && self.evaluator.number(cache)? != 0
        {
            return Err(cache.fault(
                "ReauthorizeEvery must be 0: this program invokes the authorizer for every request",
            ));
        }
        Ok(Authorizer {
            name: name.to_owned(),
            function: (*function).to_owned(),
            identity_headers: headers
                .map(|node| self.evaluator.texts(node))
                .transpose()?
                .unwrap_or_default(),
        })
    }

    /// Adds the routes that a function's events declare.
    pub(crate) fn routes_of(
        &self,
        function: &str,
        node: &Node,
        routes: &mut Vec<Route>,
        faults: &mut Faults,
    ) {
        let events = node.at(&["Properties", "Events"]);
        for Entry { line, value, .. } in events.map(Node::entries).unwrap_or_default() {
            if resource::kind(value) == "HttpApi" {
                routes.extend(faults.keep(self.route(function, *line, value)));
            }
        }
    }

    fn route(&self, function: &str, line: usize, event: &Node) -> Result<Route, Fault> {
        let property = |key| match event.at(&["Properties", key]) {
            Some(node) => self.evaluator.text(node).map(Some),
            None => Ok(None),
        };
        let (method, path) = match (property("Method")?, property("Path")?) {
            (None, None) => ("ANY".to_owned(), "$default".to_owned()),
            (Some(method), Some(path)) => (method.to_ascii_uppercase(), path),
            _ => return Err(event.fault("a route has both a Method and a Path, or neither")),
        };
        let chosen = event.at(&["Properties", "Auth", "Authorizer"]);
        let chosen = chosen.map(|node| self.evaluator.text(node)).transpose()?;
        let authorizer = match chosen
            .as_ref()
            .or(self.default.as_ref())
            .map(String::as_str)
        {
            None | Some("NONE") => None,
            Some(name) => {
                let authorizer = self.authorizers.get(name);
                Some(
                    authorizer
                        .cloned()
                        .ok_or_else(|| event.fault(format!("there is no authorizer `{name}`")))?,
                )
            }
        };
        Ok(Route {
            method: if method == "X-AMAZON-APIGATEWAY-ANY-METHOD" {
                "ANY".to_owned()
            } else {
                method
            },
            path,
            function: function.to_owned(),
            authorizer,
            line,
        })
    }
}

/// Reports repeated routes, malformed paths, and paths with an authorizer but no preflight.
pub(crate) fn check(routes: &[Route], faults: &mut Faults) {
    for (index, route) in routes.iter().enumerate() {
        let mut fault = |message: String| {
            faults.push(Fault {
                line: route.line,
                message,
            });
        };
        let key = route.key();
        if let Some(first) = routes.iter().take(index).find(|other| other.key() == key) {
            fault(format!(
                "the route `{key}` is declared twice, first on line {}",
                first.line
            ));
        }
        if route.path != "$default" && !is_path(&route.path) {
            fault(format!("`{}` is not a valid path of a route", route.path));
        }
        let preflight = |other: &Route| {
            other.path == route.path && other.method == "OPTIONS" && other.authorizer.is_none()
        };
        if route.authorizer.is_some() && !routes.iter().any(preflight) {
            fault(format!(
                "`{}` has no OPTIONS route without an authorizer: browsers could not call `{key}`",
                route.path
            ));
        }
    }
}

/// Whether each segment is plain text or one `{parameter}`; only the last may be greedy
/// (`{name+}`).
fn is_path(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else {
        return false;
    };
    let segments: Vec<&str> = segments.split('/').collect();
    let last = segments.len().saturating_sub(1);
    segments.iter().enumerate().all(|(index, segment)| {
        match segment.strip_prefix('{').map(|rest| rest.strip_suffix('}')) {
            None => !segment.contains(['{', '}']),
            Some(None) => false,
            Some(Some(name)) => match name.strip_suffix('+') {
                Some(name) => index == last && is_name(name),
                None => is_name(name),
            },
        }
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}
