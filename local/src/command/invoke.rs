//! `surefire invoke`: runs one function on one event, or on a stream of events.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use shared::secret::Secret;
use shared::world::World;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use super::arguments::{DataArguments, FunctionArgument, TemplateArguments, Webhook, webhook};
use super::error::CommandError;
use super::log;
use super::output::print;
use crate::data::Access;
use crate::functions::{Endpoints, Functions, GivenKeys};
use crate::serve::{self, Options, Services};
use gateway::FunctionError;
use template::{Kind, Template};

/// The arguments of `surefire invoke`.
#[derive(Args, Debug)]
#[command(
    after_help = "Uses the services of a running server with the same --data. Without such a server it opens the directory itself.

--secret sets the key of HMAC issuers. --jwks sets the keys of all others, and of HMAC issuers too when --secret is
absent. With either, the authorizer fetches no keys and uses no services. A token whose key id is not in the JWK set is
checked with every key of the set. --parameter AdditionalIssuers=... adds issuers. An event that these keys cannot
decide is answered with an error, and the stream goes on.

The cost report is made of a scenario, and goes to Discord through the alert forwarder. It needs no FILE. Its clock
stands at the scenario's time.

The alert forwarder posts to the stand-in for Discord. The page of a running server shows the message, and so does the
log. With --discord it posts to a real webhook, and remembers what it sent in memory only: a second run sends the
message again. The URL is a credential. It is never printed, but your shell may keep it in its history; in bash and zsh
write \"$(cat FILE)\" instead.

Examples:
  surefire invoke cors events/cors/allowed-preflight.json
  surefire invoke authorizer --now 2026-11-22T04:05:06Z event.json
  surefire invoke authorizer --jwks keys.json --secret secret.txt - < tokens.jsonl
  surefire invoke authorizer --explain event.json
  surefire invoke alert-forwarder events/alerts/metric-alarm.json
  surefire invoke alert-forwarder --text events/alerts/metric-alarm.json
  surefire invoke alert-forwarder --discord \"$(cat webhook.txt)\" events/alerts/metric-alarm.json
  surefire invoke cost-report
  surefire invoke cost-report --dry-run --costs scenario.json
  cat events.jsonl | surefire invoke orders --memory -"
)]
pub(super) struct InvokeArguments {
    #[command(flatten)]
    function: FunctionArgument,
    /// A file with one event, or `-`: each line of standard input is an event, and each line of
    /// standard output its answer [default: one event on standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Stop the function's clock at this time
    #[arg(long, value_name = "RFC3339")]
    now: Option<jiff::Timestamp>,
    /// For the authorizer: check tokens with this JWK set instead of the issuers' own
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// For the authorizer: check HMAC tokens with this secret, a text or {"keys": [{"kid",
    /// "secret"}]}; one line end at the end of the file is not part of it
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// For the authorizer: print which step denies each event and why, in place of the answer;
    /// nothing of the token is printed
    #[arg(long)]
    explain: bool,
    /// For the alert forwarder and the cost report: post to this Discord webhook instead of the stand-in
    #[arg(long, value_name = "URL", value_parser = webhook)]
    discord: Option<Webhook>,
    /// For the alert forwarder: print what a phone would show, and send nothing
    #[arg(long, conflicts_with_all = ["discord", "memory", "now"])]
    text: bool,
    #[command(flatten)]
    report: cost::CostArguments,
    /// Use an empty database in memory
    #[arg(long)]
    memory: bool,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    template: TemplateArguments,
}

pub(super) async fn run(arguments: InvokeArguments) -> Result<(), CommandError> {
    if Kind::of_binary(&arguments.function.name) == Some(Kind::CostReport) {
        only_own_options(&arguments)?;
        return cost::run(arguments).await;
    }
    if arguments.report.are_given() {
        return Err(CommandError::Event(format!(
            "--costs and --dry-run are for cost-report: {} makes no report",
            arguments.function.name
        )));
    }
    let (mut options, template) = arguments.template.options()?;
    let logical = arguments.function.logical_id(&template)?;
    let kind = template.functions.get(&logical).map(|spec| spec.kind);
    let given = given_keys(&arguments, kind)?;
    let webhook = given_webhook(&arguments, kind)?;
    if arguments.text {
        only_for_alerts("--text", &arguments, kind)?;
        return show_text(&options, &logical, &arguments).await;
    }
    if arguments.explain && kind != Some(Kind::Authorizer) {
        return Err(CommandError::Event(format!(
            "--explain is for the authorizer: {} checks no tokens",
            arguments.function.name
        )));
    }
    log::start();
    options.memory = arguments.memory;
    let world = match arguments.now {
        Some(now) => options.world.clone().with_clock(move || now),
        None => options.world.clone(),
    };
    if let Some(keys) = given {
        let template = options.read_template_with(&Endpoints::nowhere());
        let template = template.map_err(serve::Error::from)?;
        let functions = if arguments.explain {
            let nowhere = Endpoints::nowhere();
            Functions::explaining_authorizers(&template, &nowhere, Some(&keys), &world).await
        } else {
            Functions::authorizers_with_keys(&template, &keys, &world).await
        };
        let functions = functions.map_err(serve::Error::from)?;
        return answer(&functions, &logical, arguments.file.as_deref()).await;
    }
    let (endpoints, services) = match &webhook {
        // Services of its own: alerts that were sent elsewhere must be sent to this webhook too.
        Some(_) => own_services(&options, &template).await?,
        None => services(&options, &template, &arguments.data, arguments.memory).await?,
    };
    let functions = if arguments.explain {
        explaining(&options, &endpoints, &world).await
    } else {
        start(&options, &endpoints, &world, kind, webhook.as_ref()).await
    };
    let done = match functions {
        Ok(functions) => answer(&functions, &logical, arguments.file.as_deref()).await,
        Err(error) => Err(error.into()),
    };
    if let Some(services) = services {
        services.stop().await;
    }
    done
}

/// Starts the functions of a kind with these endpoints.
async fn start(
    options: &Options,
    endpoints: &Endpoints,
    world: &World,
    kind: Option<Kind>,
    webhook: Option<&Secret<String>>,
) -> Result<Functions, serve::Error> {
    let template = options.read_template_with(endpoints)?;
    if let Some(webhook) = webhook {
        let started = Functions::alert_forwarders_with_webhook;
        return Ok(started(&template, endpoints, webhook, world).await?);
    }
    Ok(Functions::start_only(&template, endpoints, world, |own| Some(own) == kind).await?)
}

/// Starts the authorizers with these endpoints, to explain events.
pub(super) async fn explaining(
    options: &Options,
    endpoints: &Endpoints,
    world: &World,
) -> Result<Functions, serve::Error> {
    let template = options.read_template_with(endpoints)?;
    Ok(Functions::explaining_authorizers(&template, endpoints, None, world).await?)
}

/// The keys of `--jwks` and `--secret`, which only an authorizer uses.
fn given_keys(
    arguments: &InvokeArguments,
    kind: Option<Kind>,
) -> Result<Option<GivenKeys>, CommandError> {
    let (jwks, secret) = (&arguments.jwks, &arguments.secret);
    if jwks.is_none() && secret.is_none() {
        return Ok(None);
    }
    if kind != Some(Kind::Authorizer) {
        return Err(CommandError::Event(format!(
            "--jwks and --secret are for the authorizer: {} checks no tokens",
            arguments.function.name
        )));
    }
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|error| {
            CommandError::Event(format!("{} cannot be read: {error}", path.display()))
        })
    };
    let secret = secret.as_ref().map(read).transpose()?;
    Ok(Some(GivenKeys {
        jwks: jwks.as_ref().map(read).transpose()?,
        secret: secret.map(|text| Secret::new(without_line_end(&text).to_owned())),
    }))
}

/// Refuses options of other functions for the cost report.
fn only_own_options(arguments: &InvokeArguments) -> Result<(), CommandError> {
    let foreign = [
        ("--jwks", arguments.jwks.is_some()),
        ("--secret", arguments.secret.is_some()),
        ("--explain", arguments.explain),
        ("--text", arguments.text),
    ];
    match foreign.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(CommandError::Event(format!(
            "{option} is not for cost-report: it has --costs and --dry-run"
        ))),
        None => Ok(()),
    }
}

/// The webhook of `--discord`, checked; only an alert forwarder uses it.
fn given_webhook(
    arguments: &InvokeArguments,
    kind: Option<Kind>,
) -> Result<Option<Secret<String>>, CommandError> {
    let Some(webhook) = arguments.discord.clone() else {
        return Ok(None);
    };
    only_for_alerts("--discord", arguments, kind)?;
    Ok(Some(webhook.checked()?))
}

/// Refuses an option of the alert forwarder for another function.
fn only_for_alerts(
    option: &str,
    arguments: &InvokeArguments,
    kind: Option<Kind>,
) -> Result<(), CommandError> {
    if kind == Some(Kind::AlertForwarder) {
        return Ok(());
    }
    Err(CommandError::Event(format!(
        "{option} is for the alert forwarder: {} posts nothing",
        arguments.function.name
    )))
}

/// Prints what a phone would show, with the routes and the names of the template.
async fn show_text(
    options: &Options,
    logical: &str,
    arguments: &InvokeArguments,
) -> Result<(), CommandError> {
    let template = options.read_template_with(&Endpoints::nowhere());
    let template = template.map_err(serve::Error::from)?;
    let config = Functions::alert_forwarder_config(&template, logical);
    let config = config.map_err(serve::Error::from)?;
    text::show(&config, arguments.file.as_deref()).await
}

/// Removes one line end: editors add it, and it is not meant to be part of the secret.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The services of a running server, or services of this run.
pub(super) async fn services(
    options: &Options,
    template: &Template,
    data: &DataArguments,
    memory: bool,
) -> Result<(Endpoints, Option<Services>), CommandError> {
    let held = match data.directory().access(&World::real()).await? {
        Access::Live(live) if !memory => return Ok((live.endpoints, None)),
        // An empty database and new secrets, because the server uses the directory.
        Access::Live(_) => None,
        Access::Held(held) => Some(held),
    };
    let services = Services::start_with(options, template, held).await?;
    Ok((services.endpoints.clone(), Some(services)))
}

/// Services of this run, in memory.
async fn own_services(
    options: &Options,
    template: &Template,
) -> Result<(Endpoints, Option<Services>), CommandError> {
    let mut options = options.clone();
    options.memory = true;
    let services = Services::start_with(&options, template, None).await?;
    Ok((services.endpoints.clone(), Some(services)))
}

async fn answer(
    functions: &Functions,
    logical: &str,
    file: Option<&Path>,
) -> Result<(), CommandError> {
    match file {
        Some(path) if path.as_os_str() == "-" => {
            answer_lines(functions, logical, tokio::io::stdin(), print).await
        }
        file => {
            let (name, text) = read_event(file).await?;
            let event = serde_json::from_str(&text)
                .map_err(|error| CommandError::Event(format!("{name} is not JSON: {error}")))?;
            match functions.invoke(logical, event, None).await {
                Ok(answer) => print(&format!("{answer}\n")),
                Err(error) => {
                    print(&format!("{}\n", error.to_json()))?;
                    Err(CommandError::Failed(error))
                }
            }
        }
    }
}

async fn read_event(file: Option<&Path>) -> Result<(String, String), CommandError> {
    let mut text = String::new();
    let (name, read) = match file {
        None => {
            let read = tokio::io::stdin().read_to_string(&mut text).await;
            ("standard input".to_owned(), read.map(drop))
        }
        Some(path) => {
            let read = tokio::fs::read_to_string(path).await;
            (path.display().to_string(), read.map(|read| text = read))
        }
    };
    read.map_err(|error| CommandError::Event(format!("{name} cannot be read: {error}")))?;
    Ok((name, text))
}

/// Answers each line with a line. An error is an answer too, and the stream goes on.
async fn answer_lines(
    functions: &Functions,
    logical: &str,
    input: impl AsyncRead + Unpin,
    mut print: impl FnMut(&str) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut lines = BufReader::new(input).split(b'\n');
    while let Some(line) = lines.next_segment().await? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = match serde_json::from_slice::<Value>(&line) {
            Ok(event) => functions.invoke(logical, event, None).await,
            Err(error) => Err(FunctionError {
                error_type: "Runtime.InvalidEvent".to_owned(),
                message: format!("the line is not JSON: {error}"),
            }),
        };
        let answer = answer.unwrap_or_else(|error| error.to_json());
        print(&format!("{answer}\n"))?;
    }
    Ok(())
}

mod cost;
mod text;

#[cfg(test)]
mod tests;
