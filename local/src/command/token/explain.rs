//! `surefire token --explain`: says which step of the authorizer denies a token, and why.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde_json::{Value, json};
use shared::secret::Secret;
use template::{Kind, Template};

use crate::command::arguments::{DataArguments, TemplateArguments};
use crate::command::error::CommandError;
use crate::command::invoke::{explaining, services};
use crate::command::log;
use crate::command::output::print;
use crate::functions::Functions;

/// Explains a token on every route that the authorizer lists. `-` reads it from standard input.
///
/// # Errors
/// The authorizer does not start, or the token cannot be read.
pub(super) async fn run(
    token: &str,
    data: &DataArguments,
    template: &TemplateArguments,
) -> Result<(), CommandError> {
    let token = Secret::new(read(token)?);
    let (options, template) = template.options()?;
    log::start();
    let (endpoints, services) = services(&options, &template, data, false).await?;
    let functions = explaining(&options, &endpoints, &options.world).await;
    let report = match functions {
        Ok(functions) => report(&functions, &template, token.expose()).await,
        Err(error) => Err(error.into()),
    };
    if let Some(services) = services {
        services.stop().await;
    }
    print(&report?)
}

/// The token, without the scheme and the white space that are easily copied with it.
fn read(argument: &str) -> Result<String, CommandError> {
    let mut text = argument.to_owned();
    if argument == "-" {
        text.clear();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| {
            CommandError::Event(format!("standard input cannot be read: {error}"))
        })?;
    }
    let text = text.trim();
    Ok(text.strip_prefix("Bearer ").unwrap_or(text).to_owned())
}

async fn report(
    functions: &Functions,
    template: &Template,
    token: &str,
) -> Result<String, CommandError> {
    let missing = || CommandError::Event("the template has no authorizer".to_owned());
    let (logical, _) = template.function(Kind::Authorizer).ok_or_else(missing)?;
    let mut routes_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for route in template.route_scopes().into_keys() {
        let explained = functions.invoke(logical, event(&route, token), None).await;
        let explained = explained.map_err(CommandError::Failed)?;
        routes_of.entry(line(&explained)).or_default().push(route);
    }
    // One line is enough if the route makes no difference.
    let alone = routes_of.len() == 1;
    let mut text = String::new();
    for (line, routes) in routes_of {
        text.push_str(&line);
        text.push('\n');
        for route in routes.iter().filter(|_| !alone) {
            text.extend(["  ", route, "\n"]);
        }
    }
    Ok(text)
}

/// The event of a request with this token.
fn event(route: &str, token: &str) -> Value {
    let (method, _) = route.split_once(' ').unwrap_or(("GET", ""));
    let authorization = format!("Bearer {token}");
    json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeKey": route,
        "identitySource": [authorization],
        "headers": {"authorization": authorization},
        "requestContext": {"http": {"method": method}},
    })
}

/// An explanation as a line.
fn line(explained: &Value) -> String {
    let member = |name: &str| explained.get(name).and_then(Value::as_str);
    let text = |name: &str| member(name).unwrap_or("?");
    let issuer = member("issuer").map_or(String::new(), |issuer| format!(", issuer `{issuer}`"));
    match text("decision") {
        "allow" => format!("allowed{issuer}"),
        "deny" => {
            let expects = explained.get("expects").map_or(String::new(), |expects| {
                format!("; the configuration says {expects}")
            });
            let (step, reason, why) = (text("step"), text("reason"), text("why"));
            format!("denied at the step `{step}`{issuer}: {why} (reason `{reason}`){expects}")
        }
        _ => format!(
            "not decided{issuer}: {} (reason `{}`)",
            text("why"),
            text("reason")
        ),
    }
}
