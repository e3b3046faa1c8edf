//! Owns the command line: what may be typed, and what it runs.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use alert_forwarder::{WebhookError, WebhookUrl};
use clap::{Args, Parser, Subcommand};
use shared::secret::Secret;

use crate::data::{DataDirectory, DataError};
use crate::serve::{self, Options};
use crate::token::TokenError;
use template::{Kind, Template, TemplateError};

mod banner;
mod env;
mod invoke;
mod log;
mod rotate;
mod routes;
mod serving;
mod simulate;
mod token;

/// The file that is served unless another is named, here or in a directory above.
const TEMPLATE_FILE: &str = "template.yaml";

/// The whole order API on this machine.
///
/// Serves template.yaml: real functions behind an API Gateway, with an embedded DynamoDB, Secrets
/// Manager and Discord. Without a command it is `surefire serve`.
#[derive(Debug, Parser)]
#[command(name = "surefire", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serving::ServeArguments,
}

const EXAMPLES: &str = "Examples:
  surefire                                   serve the API on http://127.0.0.1:3000
  surefire serve --memory --listen 127.0.0.1:0
  surefire token --sub alice --scope 'orders:read orders:write'
  surefire rotate
  surefire invoke cors events/cors/allowed-preflight.json
  surefire invoke alert-forwarder events/alerts/metric-alarm.json
  surefire routes";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until Ctrl-C.
    Serve(serving::ServeArguments),
    /// Print a token of a local issuer.
    Token(token::TokenArguments),
    /// Give the local issuer a new signing secret; the old one goes on for a day.
    Rotate(rotate::RotateArguments),
    /// Run one function on an event and print its response as JSON.
    Invoke(invoke::InvokeArguments),
    /// Print the environment of a function, to run it with `cargo lambda watch`.
    Env(env::EnvArguments),
    /// List the routes: method, path, function, authorizer, scopes.
    Routes(routes::RoutesArguments),
    /// Run the order functions in simulated worlds where everything goes wrong.
    ///
    /// The shipped handlers and the real AWS SDK run in virtual time, against an embedded DynamoDB.
    /// Requests and answers get lost, repeated and delayed, transactions conflict, invocations die
    /// at any point, and clocks differ. After every commit, and at the end of every world, stock and
    /// orders must add up and all answers must agree. A world follows from its seed: the same seed
    /// fails the same way, everywhere.
    Simulate(simulate::SimulateArguments),
}

/// What every command needs to know of the template.
#[derive(Args, Clone, Debug)]
struct TemplateArguments {
    /// The template to serve [default: template.yaml here or in a directory above]
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// A value for a parameter of the template; may be repeated
    #[arg(long = "parameter", value_name = "KEY=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
}

/// The function that a command is about.
#[derive(Args, Clone, Debug)]
struct FunctionArgument {
    #[arg(value_name = "FUNCTION", help = function_help())]
    name: String,
}

/// Where a command finds the data.
#[derive(Args, Clone, Debug)]
struct DataArguments {
    /// The directory that orders, secrets and the running server's endpoints are kept in
    #[arg(long, value_name = "DIRECTORY", default_value = ".surefire")]
    data: PathBuf,
}

/// Why a command did not do what it should; each is one line.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The template file cannot be read.
    #[error("the template {0} cannot be read: {1}")]
    ReadTemplate(PathBuf, std::io::Error),
    /// There is no template file.
    #[error(
        "there is no {TEMPLATE_FILE} here or in a directory above: name one with --template FILE"
    )]
    NoTemplate,
    /// The template cannot be served.
    #[error("{0}: {1}")]
    Template(PathBuf, TemplateError),
    /// The services do not start.
    #[error(transparent)]
    Serve(#[from] serve::Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A token without a scope was requested.
    #[error("--scope is empty: name one scope or more; the routes require {0}")]
    NoScope(String),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The secret in AWS cannot be read.
    #[error("the secret {0} cannot be read: {1}")]
    Secret(String, String),
    /// The secret cannot be rotated.
    #[error("the secret {0} cannot be rotated: {1}")]
    Rotate(String, String),
    /// An event cannot be read.
    #[error("{0}")]
    Event(String),
    /// A webhook's URL that was given is none. Never says what was given.
    #[error("--discord: the URL {0}")]
    Webhook(#[from] WebhookError),
    /// The function failed; its error was printed.
    #[error("the function failed: {0}")]
    Failed(gateway::function::FunctionError),
    /// A simulated world broke what must hold, or could not be made.
    #[error("{0}")]
    Simulation(String),
    /// Standard output is gone.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

impl Arguments {
    /// Runs the command.
    pub async fn run(self) -> Result<(), CommandError> {
        match self.command {
            None => serving::run(self.serve).await,
            Some(Command::Serve(arguments)) => serving::run(arguments).await,
            Some(Command::Token(arguments)) => token::run(arguments).await,
            Some(Command::Rotate(arguments)) => rotate::run(arguments).await,
            Some(Command::Invoke(arguments)) => invoke::run(arguments).await,
            Some(Command::Env(arguments)) => env::run(arguments).await,
            Some(Command::Routes(arguments)) => routes::run(&arguments),
            Some(Command::Simulate(arguments)) => simulate::run(&arguments),
        }
    }
}

impl TemplateArguments {
    /// The template's file and text.
    fn text(&self) -> Result<(PathBuf, String), CommandError> {
        let path = match &self.template {
            Some(path) => path.clone(),
            None => find_template().ok_or(CommandError::NoTemplate)?,
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok((path, text)),
            Err(error) => Err(CommandError::ReadTemplate(path, error)),
        }
    }

    /// Options with the template, checked, and its evaluation.
    fn options(&self) -> Result<(Options, Template), CommandError> {
        let (path, template) = self.text()?;
        let options = Options {
            template,
            parameters: self.parameters.clone(),
            ..Options::in_memory()
        };
        let template = options
            .read_template()
            .map_err(|error| CommandError::Template(path, error))?;
        Ok((options, template))
    }
}

fn function_help() -> String {
    let binaries = Kind::ALL.map(Kind::binary).join(", ");
    format!("The function: {binaries}, or its name in the template")
}

impl FunctionArgument {
    /// The function's logical id in a template.
    fn logical_id(&self, template: &Template) -> Result<String, CommandError> {
        if template.functions.contains_key(&self.name) {
            return Ok(self.name.clone());
        }
        let found = Kind::of_binary(&self.name).and_then(|kind| template.function(kind));
        found.map(|(logical, _)| logical.to_owned()).ok_or_else(|| {
            let functions = template.functions.values();
            let known: Vec<&str> = functions.map(|spec| spec.kind.binary()).collect();
            CommandError::Event(format!(
                "there is no function `{}`: the template has {}",
                self.name,
                known.join(", ")
            ))
        })
    }
}

impl DataArguments {
    fn directory(&self) -> DataDirectory {
        DataDirectory::new(&self.data)
    }
}

fn find_template() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let found = here
        .ancestors()
        .map(|directory| directory.join(TEMPLATE_FILE))
        .find(|path| path.is_file())?;
    // Shown in errors: the short name where it is enough.
    Some(
        found
            .strip_prefix(&here)
            .map(Path::to_owned)
            .unwrap_or(found),
    )
}

/// The template that a command without `--template` reads, for its help; the shipped one if there
/// is no such file.
fn usual_template() -> Option<Template> {
    let text = find_template().and_then(|path| std::fs::read_to_string(path).ok());
    Template::read(text.as_deref().unwrap_or(template::SHIPPED), []).ok()
}

/// A webhook's URL as it was typed: a credential, so that not even an error of the command line may
/// repeat it. It is checked by [`Webhook::checked`], because clap shows what it refuses.
#[derive(Clone, Debug)]
struct Webhook(Secret<String>);

#[expect(clippy::unnecessary_wraps, reason = "the form of a parser of clap's")]
fn webhook(text: &str) -> Result<Webhook, std::convert::Infallible> {
    Ok(Webhook(Secret::new(text.trim().to_owned())))
}

impl Webhook {
    /// The URL, if it is a webhook's.
    fn checked(self) -> Result<Secret<String>, WebhookError> {
        WebhookUrl::parse(self.0.expose())?;
        Ok(self.0)
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a parameter is KEY=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Writes to standard output; a reader that has seen enough (`| head`) is no error.
fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// A duration as people write it: `90s`, `15m`, `1h`, `7d`, or seconds.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("" | "s") => 1,
        Some("m") => 60,
        Some("h") => 60 * 60,
        Some("d") => 24 * 60 * 60,
        _ => return Err("a duration is a number with s, m, h or d".to_owned()),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| "a duration is a number with s, m, h or d".to_owned())?;
    count
        .checked_mul(unit)
        .map(std::time::Duration::from_secs)
        .ok_or_else(|| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_flags_are_those_of_serve() {
        let parsed = Arguments::try_parse_from(["surefire", "--memory", "--listen", "127.0.0.1:0"]);
        assert!(parsed.unwrap().command.is_none());
        assert!(Arguments::try_parse_from(["surefire", "--memory", "routes"]).is_err());
        assert!(Arguments::try_parse_from(["surefire", "--parameter", "x"]).is_err());
    }

    #[test]
    fn durations_are_written_as_people_do() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs());
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(duration("1h"), Ok(Duration::from_hours(1)));
        assert_eq!(seconds("7d"), Ok(604_800));
        assert!(
            seconds("h").is_err()
                && seconds("1w").is_err()
                && seconds("99999999999999999d").is_err()
        );
    }
}
