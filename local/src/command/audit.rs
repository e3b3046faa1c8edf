//! `surefire audit`: runs the auditor on a table, and prints what it found for people.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use lambda_runtime::{Context, LambdaEvent};
use orders::auditor::{self, Auditor};
use serde_json::{Value, json};
use shared::world::World;
use template::Kind;

use super::arguments::{DataArguments, TemplateArguments, duration};
use super::error::CommandError;
use super::invoke::services;
use super::log;
use super::output::print;
use crate::functions::environment_of;

/// How long an audit may take: as long as in Lambda.
const LIMIT: Duration = Duration::from_mins(15);

/// The arguments of `surefire audit`.
#[derive(Args, Debug)]
#[command(
    after_help = "Audits the table of a running server with the same --data. Without such a server it opens the directory itself.
With --table it audits a table in AWS, with the credentials of the environment: AWS_REGION, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if they are temporary. They need dynamodb:Scan and
dynamodb:BatchGetItem.

Ends with 0 if the books are right. Anything else that it finds, or that it cannot say so, is a failure.

Examples:
  surefire audit
  surefire audit --wait 15s
  surefire audit --repair
  surefire audit --table shop-OrdersTable-1A2B3C4D5E6F --repair"
)]
pub(super) struct AuditArguments {
    /// Audit this table in AWS
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Also print the adjustment of the stock that would make it agree with its records; it is not
    /// made
    #[arg(long)]
    repair: bool,
    /// How long to wait before a difference is looked at again
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s")]
    wait: Duration,
    /// The read units that the audit may consume
    #[arg(long, value_name = "UNITS", default_value = "1000000")]
    read_units_max: u32,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    template: TemplateArguments,
}

pub(super) async fn run(arguments: AuditArguments) -> Result<(), CommandError> {
    log::start();
    let report = match &arguments.table {
        Some(table) => in_aws(&arguments, table).await?,
        None => here(&arguments).await?,
    };
    print(&written(&report, arguments.repair))?;
    verdict(&report).map_err(CommandError::Audit)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line reads the environment"
)]
async fn in_aws(arguments: &AuditArguments, table: &str) -> Result<Value, CommandError> {
    audit(arguments, |name| match name {
        "TABLE_NAME" => Some(table.to_owned()),
        name => std::env::var(name).ok(),
    })
    .await
}

/// Audits the table of the template, in a running server or in the directory.
async fn here(arguments: &AuditArguments) -> Result<Value, CommandError> {
    let (options, template) = arguments.template.options()?;
    let none = || CommandError::Audit("the template has no orders-auditor".to_owned());
    let (_, spec) = template.function(Kind::OrdersAuditor).ok_or_else(none)?;
    let (endpoints, own) = services(&options, &template, &arguments.data, false).await?;
    let environment = environment_of(spec, &template.place, &endpoints);
    let report = audit(arguments, |name| environment.get(name).cloned()).await;
    if let Some(services) = own {
        services.stop().await;
    }
    report
}

async fn audit(
    arguments: &AuditArguments,
    var: impl Fn(&str) -> Option<String>,
) -> Result<Value, CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Audit(error.to_string());
    let config = auditor::config(|name| match name {
        "AUDIT_READ_UNITS_MAX" => Some(arguments.read_units_max.to_string()),
        "AUDIT_WAIT_SECONDS" => Some(arguments.wait.as_secs().to_string()),
        name => var(name),
    });
    let config = config.map_err(|error| failed(&error))?;
    let world = World::real();
    let end = world.machine_now().saturating_add(LIMIT);
    let end = end.map_err(|error| failed(&error))?;
    let auditor = Auditor::new(&config, world).map_err(|error| failed(&error))?;
    let mut context = Context::default();
    context.deadline = u64::try_from(end.as_millisecond()).unwrap_or_default();
    let audited = auditor::handle(&auditor, LambdaEvent::new(json!({}), context));
    audited.await.map_err(|error| failed(&error))
}

fn text<'report>(value: &'report Value, name: &str) -> &'report str {
    value[name].as_str().unwrap_or_default()
}

fn list<'report>(value: &'report Value, name: &str) -> &'report [Value] {
    value[name]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Whether the books are right, as the end of the command.
fn verdict(report: &Value) -> Result<(), String> {
    match text(report, "outcome") {
        "sound" => Ok(()),
        "violated" => {
            Err("the books are wrong: docs/runbook.md, Integrity, says what to do".to_owned())
        }
        _ => Err(format!(
            "the audit cannot say whether the books are right: {}",
            text(report, "inconclusive")
        )),
    }
}

/// The report for people.
fn written(report: &Value, repair: bool) -> String {
    let mut page = String::new();
    for finding in list(report, "violations") {
        page.push_str(&of_finding(finding, repair));
    }
    let left_out = report["violation_count"].as_u64().unwrap_or_default();
    let named = u64::try_from(list(report, "violations").len()).unwrap_or(u64::MAX);
    if named < left_out {
        let _ = writeln!(page, "Findings that are not shown: {}.\n", left_out - named);
    }
    for suspect in list(report, "suspects") {
        let name = subject(suspect);
        let _ = writeln!(page, "Not proven, {name}: {}.", text(suspect, "says"));
    }
    for item in list(report, "unreadable") {
        let item = item.as_str().unwrap_or_default();
        let _ = writeln!(page, "This release cannot read the item {item}.");
    }
    let _ = writeln!(
        page,
        "{} Read {} in {}: {} and {}, for {} read units.",
        summary(report),
        count(report, "items", "item", "items"),
        count(report, "passes", "pass", "passes"),
        count(report, "products", "product", "products"),
        count(report, "orders", "order", "orders"),
        report["read_units"],
    );
    page
}

/// A number of the report with its noun: "1 pass", "2 passes".
fn count(report: &Value, member: &str, one: &str, more: &str) -> String {
    let number = &report[member];
    let noun = if *number == 1 { one } else { more };
    format!("{number} {noun}")
}

fn summary(report: &Value) -> String {
    match text(report, "outcome") {
        "sound" => "The books are right.".to_owned(),
        "violated" => format!("Findings: {}.", report["violation_count"]),
        _ => format!(
            "Inconclusive: {}. The last pass finished {} of {} parts of the table.",
            text(report, "inconclusive"),
            report["segments"],
            report["segments_of"],
        ),
    }
}

fn subject(finding: &Value) -> String {
    match finding["product"].as_str() {
        Some(sku) => format!("product {sku}"),
        None => format!("order {}", text(finding, "order_id")),
    }
}

fn of_finding(finding: &Value, repair: bool) -> String {
    let mut page = String::new();
    let _ = writeln!(page, "{}: {}", subject(finding), text(finding, "kind"));
    let _ = writeln!(page, "  {}", text(finding, "says"));
    let (expected, found) = (&finding["expected"], &finding["found"]);
    let _ = writeln!(page, "  expected {expected}, found {found}");
    if let Some(about) = finding["about"].as_str() {
        let of_shards = finding["product"].is_string();
        let what = if of_shards { "about shard" } else { "about" };
        let _ = writeln!(page, "  {what} {about}");
    }
    for name in list(finding, "alike") {
        let name = name.as_str().unwrap_or_default();
        let _ = writeln!(page, "  perhaps {name}");
    }
    if repair {
        page.push_str(&of_repair(finding));
    }
    page.push('\n');
    page
}

/// The adjustment that would make the stock agree with its records. Nobody makes it.
fn of_repair(finding: &Value) -> String {
    let (numbers, version) = (&finding["repair"], &finding["version"]);
    if finding["shards"].as_u64().is_some_and(|shards| 1 < shards) {
        return "  repair: the product has several shards, so find out which of them is wrong first: \
                docs/runbook.md, Integrity\n"
            .to_owned();
    }
    let Some(sku) = finding["product"].as_str().filter(|_| numbers.is_object()) else {
        return "  repair: no adjustment of the stock can be right. Take the lost record back from a \
                copy of the table, or remove the doubled one\n"
            .to_owned();
    };
    let mut page = String::from("  repair (not made): set the stock to");
    let mut values = serde_json::Map::new();
    for name in ["available", "taken", "shipped", "received"] {
        let _ = write!(page, " {name} {}", numbers[name]);
        let number = json!({"N": numbers[name].to_string()});
        values.insert(format!(":{name}"), number);
    }
    values.insert(":one".to_owned(), json!({"N": "1"}));
    values.insert(":version".to_owned(), json!({"N": version.to_string()}));
    let key = json!({"pk": {"S": format!("SKU#{sku}")}, "sk": {"S": "STOCK#0"}});
    let _ = write!(
        page,
        ", if every record is right and its version is still {version}:
    aws dynamodb update-item --table-name $TABLE --key '{key}' \\
      --update-expression 'SET available = :available, taken = :taken, shipped = :shipped, \
received = :received, version = version + :one' \\
      --condition-expression 'version = :version' \\
      --expression-attribute-values '{}'\n",
        Value::Object(values)
    );
    page
}

#[cfg(test)]
mod tests;
