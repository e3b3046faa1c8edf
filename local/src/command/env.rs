//! `surefire env`: prints a function's environment, to run the function in another program.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use serde_json::json;
use shared::world::World;

use super::arguments::{DataArguments, FunctionArgument, TemplateArguments};
use super::error::CommandError;
use super::output::print;
use crate::data::Access;
use crate::functions;
use crate::serve;

/// The arguments of `surefire env`.
#[derive(Args, Debug)]
#[command(after_help = "A server must be running with the same --data.

Examples:
  surefire env orders --format dotenv > .surefire/orders.env
  cargo lambda watch --manifest-path functions/orders/Cargo.toml --env-file .surefire/orders.env
  eval \"$(surefire env orders)\"
  surefire env orders --format sam > .surefire/orders.json")]
pub(super) struct EnvArguments {
    #[command(flatten)]
    function: FunctionArgument,
    /// The program that reads it
    #[arg(long, value_enum, default_value_t = Format::Shell)]
    format: Format,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    template: TemplateArguments,
}

/// A format of an environment.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    /// `export` lines for a POSIX shell
    Shell,
    /// A file for `cargo lambda watch --env-file`, and for editors
    Dotenv,
    /// JSON for `sam local invoke --env-vars`
    Sam,
}

pub(super) async fn run(arguments: EnvArguments) -> Result<(), CommandError> {
    let (options, template) = arguments.template.options()?;
    let logical = arguments.function.logical_id(&template)?;
    let Access::Live(live) = arguments.data.directory().access(&World::real()).await? else {
        return Err(CommandError::Event(
            "no server is running with this data directory: start `surefire serve` first"
                .to_owned(),
        ));
    };
    let template = options
        .read_template_with(&live.endpoints)
        .map_err(serve::Error::from)?;
    let Some(spec) = template.functions.get(&logical) else {
        return Ok(());
    };
    let mut variables = functions::environment_of(spec, &template.place, &live.endpoints);
    // The emulated runtime sets these.
    variables.retain(|name, _| !name.starts_with("AWS_LAMBDA_"));
    let text = written(arguments.format, &logical, &variables).map_err(CommandError::Event)?;
    print(&text)
}

/// Writes an environment in a format. The error names a variable that the format cannot hold.
fn written(
    format: Format,
    logical: &str,
    variables: &BTreeMap<String, String>,
) -> Result<String, String> {
    if format == Format::Sam {
        return Ok(format!("{:#}\n", json!({logical: variables})));
    }
    let mut lines = String::new();
    for (name, value) in variables {
        // Writing to a String cannot fail.
        let _ = match format {
            Format::Dotenv => {
                let value = in_dotenv(value).ok_or_else(|| {
                    format!("{name} cannot be written as dotenv: use --format shell")
                })?;
                writeln!(lines, "{name}={value}")
            }
            Format::Shell | Format::Sam => writeln!(lines, "export {name}={}", in_shell(value)),
        };
    }
    Ok(lines)
}

/// Quotes a value as one word of a POSIX shell.
fn in_shell(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Quotes a value so that `cargo lambda` reads the same value back, if that is possible.
///
/// Its reader takes text between single quotes or backticks literally, except for a backslash
/// before a quote or an `n`.
fn in_dotenv(value: &str) -> Option<String> {
    let quote = ['\'', '`']
        .into_iter()
        .find(|quote| !value.contains(*quote))?;
    (!value.contains("\\n")).then(|| format!("{quote}{value}{quote}"))
}

#[cfg(test)]
mod tests;
