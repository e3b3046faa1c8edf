//! Reads the configuration: the trusted issuers, and the scopes that each route requires.

use std::collections::BTreeMap;

use shared::aws::AwsConfig;
use shared::json::Json;

use crate::config_error::ConfigError;
use crate::entry::issuers;
use crate::grants::is_scope;
use crate::issuer::Issuer;
use crate::json;
use crate::policy::{Required, RouteScopes};

/// The configuration. It is valid, since only [`Config::from_env`] makes one.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) routes: RouteScopes,
    /// Only an issuer whose keys are in Secrets Manager needs it.
    pub(crate) aws: Result<AwsConfig, String>,
}

impl Config {
    /// Reads `ISSUERS`, `ROUTE_SCOPES`, and the variables of [`AwsConfig`].
    ///
    /// # Errors
    /// The first mistake.
    pub fn from_env(var: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let aws = AwsConfig::from_env(&var).map_err(|missing| missing.to_string());
        Self::read(var, aws)
    }

    /// Reads `ISSUERS` and `ROUTE_SCOPES`.
    ///
    /// # Errors
    /// The first mistake.
    pub fn with_aws(
        var: impl Fn(&str) -> Option<String>,
        aws: AwsConfig,
    ) -> Result<Self, ConfigError> {
        Self::read(var, Ok(aws))
    }

    fn read(
        var: impl Fn(&str) -> Option<String>,
        aws: Result<AwsConfig, String>,
    ) -> Result<Self, ConfigError> {
        let required = |name: &str| var(name).ok_or_else(|| ConfigError::new(name, "is not set"));
        Ok(Self {
            issuers: issuers(&required("ISSUERS")?)?,
            routes: routes(&required("ROUTE_SCOPES")?)?,
            aws,
        })
    }

    /// The issuers, in the order of the configuration.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }
}

fn routes(text: &str) -> Result<RouteScopes, ConfigError> {
    let fail = |problem: &str| ConfigError::new("ROUTE_SCOPES", problem);
    let members = json::object(text.as_bytes())
        .ok_or_else(|| fail("is not a JSON object, or repeats a route"))?;
    let mut routes = BTreeMap::new();
    // Sorted by name, so the first mistake does not depend on the order of the text.
    for (route_key, scopes) in members.members().collect::<BTreeMap<_, _>>() {
        let place = format!("ROUTE_SCOPES[{route_key:?}]");
        let fail = |problem: &str| ConfigError::new(&place, problem);
        if !is_route_key(route_key) {
            return Err(fail(
                "is not a route key: write `METHOD /path` or `$default`",
            ));
        }
        let required = required(scopes).map_err(fail)?;
        routes.insert(route_key.to_owned(), required);
    }
    Ok(RouteScopes(routes))
}

/// Reads what a route requires: a list of scopes, all of them, or `{"any": […]}`.
fn required(value: &Json<'_>) -> Result<Required, &'static str> {
    const FORM: &str = "must be a list of scopes, or `{\"any\": [\u{2026}]}` with a list of scopes";
    let any = match value {
        Json::Object(members) if members.members().count() == 1 => {
            Some(members.get("any").ok_or(FORM)?)
        }
        _ => None,
    };
    let scopes = any.unwrap_or(value).as_strings().ok_or(FORM)?;
    if !scopes.iter().copied().all(is_scope) {
        return Err("has a scope that no token can carry (RFC 6749 section 3.3)");
    }
    let scopes: Vec<String> = scopes.into_iter().map(str::to_owned).collect();
    match any {
        None => Ok(Required::All(scopes)),
        Some(_) if scopes.is_empty() => Err("`any` is empty: no caller could call the route"),
        Some(_) => Ok(Required::Any(scopes)),
    }
}

fn is_route_key(text: &str) -> bool {
    let is_method =
        |method: &str| !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    text == "$default"
        || text.split_once(' ').is_some_and(|(method, path)| {
            is_method(method)
                && path.starts_with('/')
                && path.bytes().all(|byte| byte.is_ascii_graphic())
        })
}
