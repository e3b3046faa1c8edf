//! `surefire invoke cost-report`: makes the report of a scenario, and sends it as an alert.
//!
//! The way is the deployed one: the function publishes to the topic, the topic's message goes to the
//! forwarder, and the forwarder posts to Discord. Only the services that know the costs are stand-ins.

use std::path::PathBuf;
use std::sync::Arc;

use billing::{Billing, Scenario};
use clap::Args;
use serde_json::{Value, json};
use shared::world::World;
use template::{Kind, Place, SHIPPED_COST, Template};
use tokio::net::TcpListener;

use super::super::error::CommandError;
use super::super::log;
use super::super::output::print;
use super::{InvokeArguments, given_webhook, own_services, read_event, services, start};
use crate::functions::{Endpoints, Functions};
use crate::serve::{self, Options};
use runtime::uuid;

/// Where the services that know the costs are.
const REGION: &str = "us-east-1";

/// The arguments of the cost report.
#[derive(Args, Debug)]
pub(super) struct CostArguments {
    /// For the cost report: what the account costs, as JSON [default: the shipped scenario]
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
    /// For the cost report: print it as text with a bar for each day, and send nothing
    #[arg(long, conflicts_with_all = ["discord", "memory", "file"])]
    dry_run: bool,
}

impl CostArguments {
    /// Whether any of them is given.
    pub(super) const fn are_given(&self) -> bool {
        self.costs.is_some() || self.dry_run
    }
}

/// Makes the report of a scenario, and prints or sends it.
pub(super) async fn run(arguments: InvokeArguments) -> Result<(), CommandError> {
    let (mut options, template) = arguments.template.options()?;
    options.memory = arguments.memory;
    let scenario = scenario(arguments.report.costs.as_ref())?;
    let now = arguments.now.unwrap_or(scenario.now);
    let world = options.world.clone().with_clock(move || now);
    let billing = Billing::new(scenario);
    let billing_url = listen(&billing).await?;
    let own = own_template(&arguments, &template)?;
    let (logical, _) = own.function(Kind::CostReport).ok_or_else(|| {
        CommandError::Event("cost.yaml has no function that runs cost-report".to_owned())
    })?;
    if arguments.report.dry_run {
        let endpoints = Endpoints {
            aws: billing_url,
            ..Endpoints::nowhere()
        };
        let text = Functions::preview_of_costs(&own, logical, &endpoints, &world).await;
        return print(&text.map_err(serve::Error::from)?);
    }
    log::start();
    let webhook = given_webhook(&arguments, Some(Kind::AlertForwarder))?;
    let (endpoints, running) = match &webhook {
        // Services of its own: alerts that were sent elsewhere must be sent to this webhook too.
        Some(_) => own_services(&options, &template).await?,
        None => services(&options, &template, &arguments.data, arguments.memory).await?,
    };
    let of_costs = Endpoints {
        aws: billing_url,
        ..endpoints.clone()
    };
    let is_meant = |kind| kind == Kind::CostReport;
    let functions = Functions::start_only(&own, &of_costs, &world, is_meant).await;
    let functions = functions.map_err(serve::Error::from)?;
    let done = match event(&arguments).await {
        Ok(event) => match functions.invoke(logical, event, None).await {
            Ok(answer) => {
                print(&format!("{answer}\n"))?;
                let real = options.world.clone();
                let kind = Some(Kind::AlertForwarder);
                let forwarder = start(&options, &endpoints, &real, kind, webhook.as_ref()).await?;
                forward(&options, &template, &forwarder, &billing, &own).await
            }
            Err(error) => {
                print(&format!("{}\n", error.to_json()))?;
                Err(CommandError::Failed(error))
            }
        },
        Err(error) => Err(error),
    };
    if let Some(running) = running {
        running.stop().await;
    }
    done
}

/// The scenario of `--costs`, or the shipped one.
fn scenario(file: Option<&PathBuf>) -> Result<Scenario, CommandError> {
    let (name, text) = match file {
        None => (
            "the shipped scenario".to_owned(),
            billing::SHIPPED.to_owned(),
        ),
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|error| CommandError::Event(format!("{name} cannot be read: {error}")))?;
            (name, text)
        }
    };
    Scenario::read(&text).map_err(|error| CommandError::Event(format!("{name} is {error}")))
}

/// Serves the stand-ins on a free loopback port until the program ends.
async fn listen(billing: &Arc<Billing>) -> Result<String, CommandError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = billing::router(Arc::clone(billing));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "the stand-ins for costs stopped");
        }
    });
    Ok(url)
}

/// The template of the report, for the stack that the API's template makes on this machine.
fn own_template(arguments: &InvokeArguments, api: &Template) -> Result<Template, CommandError> {
    let (path, text) = match arguments.template.beside("cost.yaml") {
        Some((path, text)) => (path, text),
        None => (PathBuf::from("cost.yaml"), SHIPPED_COST.to_owned()),
    };
    let table = api
        .function(Kind::AlertForwarder)
        .and_then(|(_, spec)| spec.environment.get("TABLE_NAME"));
    let table = table.ok_or_else(|| {
        CommandError::Event(
            "the template has no alert forwarder that could send a report".to_owned(),
        )
    })?;
    let queue = api
        .place
        .arn("sqs", &format!("{}-AlertsQueue", api.place.stack));
    let place = Place {
        region: REGION.to_owned(),
        stack: format!("{}-costs", api.place.stack),
        ..api.place.clone()
    };
    let parameters = [
        ("StackName", api.place.stack.as_str()),
        ("StackRegion", api.place.region.as_str()),
        ("AlertsTableName", table.as_str()),
        ("AlertsQueueArn", queue.as_str()),
    ];
    Template::read_in(place, &text, parameters).map_err(|error| CommandError::Template(path, error))
}

/// The event of the file; without one, that of a person who wants the report now.
async fn event(arguments: &InvokeArguments) -> Result<Value, CommandError> {
    let Some(path) = &arguments.file else {
        return Ok(json!({"again": true}));
    };
    let file = (path.as_os_str() != "-").then_some(path.as_path());
    let (name, text) = read_event(file).await?;
    serde_json::from_str(&text)
        .map_err(|error| CommandError::Event(format!("{name} is not JSON: {error}")))
}

/// Gives the forwarder what was published, as the queue would.
async fn forward(
    options: &Options,
    api: &Template,
    forwarder: &Functions,
    billing: &Billing,
    own: &Template,
) -> Result<(), CommandError> {
    let Some((logical, _)) = api.function(Kind::AlertForwarder) else {
        return Ok(());
    };
    for message in billing.take_published() {
        let event = queued(&message, &options.world, own);
        let answer = forwarder.invoke(logical, event, None).await;
        let answer = answer.map_err(CommandError::Failed)?;
        let failed = answer.pointer("/batchItemFailures/0").is_some();
        if failed {
            return Err(CommandError::Event(
                "the forwarder could not send the report: the log says why".to_owned(),
            ));
        }
    }
    Ok(())
}

/// A message of the topic, as Lambda gets it from the queue.
fn queued(message: &str, world: &World, own: &Template) -> Value {
    let id = uuid(world);
    let body = json!({
        "Type": "Notification",
        "MessageId": id,
        "TopicArn": own.place.arn("sns", &own.place.stack),
        "Message": message,
        "Timestamp": format!("{:.3}", world.now()),
    });
    json!({"Records": [{
        "messageId": uuid(world),
        "receiptHandle": id,
        "eventSource": "aws:sqs",
        "attributes": {},
        "messageAttributes": {},
        "body": body.to_string(),
    }]})
}
