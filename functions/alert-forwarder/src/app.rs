//! Wires the function: builds its clients, and opens a span around each invocation.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use lambda_runtime::LambdaEvent;
use serde_json::Value;
use shared::world::World;
use tracing::Instrument as _;

use crate::alarms::Alarms;
use crate::channels::Channels;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::deliver::Deliverer;
use crate::deployed::Deployed;
use crate::digests::Digests;
use crate::discord::Discord;
use crate::enrich::Enricher;
use crate::envelope::unwrap;
use crate::error::Error;
use crate::forward::Forwarder;
use crate::incident_store::Store;
use crate::incidents::Incidents;
use crate::log_reader::LogReader;
use crate::outcome::SERVICE;
use crate::queue::Queue;
use crate::seen::Seen;
use crate::send::Sender;
use crate::showing::Showing;
use crate::watcher::Watcher;
use crate::webhooks::Webhooks;

/// The longest call of Secrets Manager or SQS. A longer one would leave too little time for the alert.
const AWS_CALL_MAX: Duration = Duration::from_secs(2);

/// The function: its clients, and what it remembers between invocations.
#[derive(Debug)]
pub struct App {
    forwarder: Forwarder,
    world: World,
    warm: AtomicBool,
}

/// The clients of AWS's services.
struct Clients {
    table: aws_sdk_dynamodb::Client,
    secrets: aws_sdk_secretsmanager::Client,
    queue: aws_sdk_sqs::Client,
    alarms: aws_sdk_cloudwatch::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    stacks: aws_sdk_cloudformation::Client,
}

impl Clients {
    fn new(config: &Config) -> Self {
        let sdk = config.aws.sdk_config();
        let endpoint = |service| config.aws.endpoint(service);
        let limited = |call: Duration| {
            TimeoutConfig::builder()
                .connect_timeout(call / 2)
                .operation_timeout(call)
                .build()
        };
        let timeouts = limited(AWS_CALL_MAX);
        let mut table = aws_sdk_dynamodb::config::Builder::from(&sdk);
        table
            .set_timeout_config(Some(limited(config.timeouts.table)))
            .set_endpoint_url(endpoint("DYNAMODB"));
        let mut secrets = aws_sdk_secretsmanager::config::Builder::from(&sdk);
        secrets
            .set_timeout_config(Some(timeouts.clone()))
            .set_endpoint_url(endpoint("SECRETS_MANAGER"));
        let mut queue = aws_sdk_sqs::config::Builder::from(&sdk);
        queue
            .set_timeout_config(Some(timeouts.clone()))
            .set_endpoint_url(endpoint("SQS"));
        let mut alarms = aws_sdk_cloudwatch::config::Builder::from(&sdk);
        alarms
            .set_timeout_config(Some(timeouts.clone()))
            .set_endpoint_url(endpoint("CLOUDWATCH"));
        let mut logs = aws_sdk_cloudwatchlogs::config::Builder::from(&sdk);
        logs.set_timeout_config(Some(timeouts.clone()))
            .set_endpoint_url(endpoint("CLOUDWATCH_LOGS"));
        let mut stacks = aws_sdk_cloudformation::config::Builder::from(&sdk);
        stacks
            .set_timeout_config(Some(timeouts))
            .set_endpoint_url(endpoint("CLOUDFORMATION"));
        Self {
            table: aws_sdk_dynamodb::Client::from_conf(table.build()),
            secrets: aws_sdk_secretsmanager::Client::from_conf(secrets.build()),
            queue: aws_sdk_sqs::Client::from_conf(queue.build()),
            alarms: aws_sdk_cloudwatch::Client::from_conf(alarms.build()),
            logs: aws_sdk_cloudwatchlogs::Client::from_conf(logs.build()),
            stacks: aws_sdk_cloudformation::Client::from_conf(stacks.build()),
        }
    }
}

impl App {
    /// Builds the clients. Calls nothing yet.
    pub fn new(config: Config, world: World) -> Result<Self, Error> {
        let clients = Clients::new(&config);
        let discord = Discord::new(config.timeouts)?;
        let webhooks = Webhooks::new(config.webhooks, clients.secrets);
        let table = clients.table;
        let store = Store::new(table.clone(), config.table_name.clone());
        let seen = Arc::new(Seen::new(table, config.table_name, world.clone()));
        let queue = Arc::new(Queue::new(
            clients.queue,
            config.queue_url,
            config.dead_letter_queue_url,
        ));
        let sender = Sender::new(discord, config.timeouts.total, world.clone());
        let channels = Channels::new(sender, webhooks, config.routes, world.clone());
        let channels = Arc::new(channels);
        let digests = Arc::new(Digests {
            store: store.clone(),
            channels: Arc::clone(&channels),
            queue: Arc::clone(&queue),
            world: world.clone(),
        });
        let alarms = Alarms::new(clients.alarms);
        let enricher = Enricher {
            alarms: alarms.clone(),
            logs: LogReader::new(clients.logs),
            deployed: config
                .stack_id
                .map(|stack| Deployed::new(clients.stacks, stack)),
        };
        let showing = Showing {
            channels: Arc::clone(&channels),
            digests: Arc::clone(&digests),
            enricher: enricher.clone(),
            world: world.clone(),
            accounts: config.accounts.clone(),
        };
        let incidents = Incidents::new(store, showing, Arc::clone(&queue), world.clone());
        let incidents = Arc::new(incidents);
        let watcher = Watcher {
            incidents: Arc::clone(&incidents),
            channels: Arc::clone(&channels),
            digests,
            alarms,
            queue: Arc::clone(&queue),
            seen: Arc::clone(&seen),
            world: world.clone(),
        };
        let deliverer = Deliverer::new(channels, seen, incidents, enricher, world.clone());
        Ok(Self {
            forwarder: Forwarder::new(
                deliverer,
                watcher,
                queue,
                config.accounts,
                config.delivery_test_alarm,
                world.clone(),
            ),
            world,
            warm: AtomicBool::new(false),
        })
    }
}

/// Forwards the messages of an invocation.
///
/// The answer to an SQS batch lists the records to hand back. The answer to anything else counts what
/// was delivered; an error makes Lambda retry the invocation.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    let span = shared::telemetry::invocation_span(
        SERVICE,
        &context.request_id,
        context.xray_trace_id.as_deref(),
        !app.warm.swap(true, Ordering::Relaxed),
    );
    let deadline = Deadline::new(context.deadline, app.world.machine_now());
    // Boxed, because the SDK's futures nest deeper than the compiler's type limit.
    let forwarding: Pin<Box<dyn Future<Output = Result<Value, Error>> + Send + '_>> =
        Box::pin(async {
            let invocation = unwrap(&payload, &context.request_id);
            app.forwarder.forward(&invocation, deadline).await
        });
    forwarding.instrument(span).await
}
