//! `surefire routes`: lists the routes.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use super::arguments::TemplateArguments;
use super::error::CommandError;
use super::output::print;
use template::Route;

/// The arguments of `surefire routes`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  surefire routes
  surefire routes --json | jq -r '.[] | select(.authorizer == null) | .path'")]
pub(super) struct RoutesArguments {
    /// Print a list of JSON objects
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    template: TemplateArguments,
}

pub(super) fn run(arguments: &RoutesArguments) -> Result<(), CommandError> {
    let (_, template) = arguments.template.options()?;
    let scopes = template.route_scopes();
    if arguments.json {
        let routes: Vec<Value> = template
            .routes
            .iter()
            .map(|route| object(route, &scopes))
            .collect();
        return print(&format!("{:#}\n", Value::Array(routes)));
    }
    let heading = ["METHOD", "PATH", "FUNCTION", "AUTHORIZER", "SCOPES"].map(str::to_owned);
    let rows = template.routes.iter().map(|route| row(route, &scopes));
    print(&table(std::iter::once(heading).chain(rows).collect()))
}

fn object(route: &Route, scopes: &BTreeMap<String, Vec<String>>) -> Value {
    json!({
        "method": route.method,
        "path": route.path,
        "function": route.function,
        "authorizer": route.authorizer.as_ref().map(|authorizer| &authorizer.name),
        "scopes": scopes.get(&route.key()),
        "line": route.line,
    })
}

fn row(route: &Route, scopes: &BTreeMap<String, Vec<String>>) -> [String; 5] {
    let authorizer = route.authorizer.as_ref();
    let required = match (authorizer, scopes.get(&route.key())) {
        (None, _) => "-".to_owned(),
        (Some(_), Some(scopes)) => scopes.join(" "),
        (Some(_), None) => "(not listed: denied)".to_owned(),
    };
    [
        route.method.clone(),
        route.path.clone(),
        route.function.clone(),
        authorizer.map_or_else(|| "-".to_owned(), |authorizer| authorizer.name.clone()),
        required,
    ]
}

/// Formats rows with aligned columns.
fn table<const COLUMNS: usize>(rows: Vec<[String; COLUMNS]>) -> String {
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}
