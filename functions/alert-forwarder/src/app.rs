//! Owns an invocation from its event to its answer.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};
use shared::world::World;
use tracing::Instrument as _;

use crate::SERVICE;
use crate::circuit::Circuits;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::deliver::deliver;
use crate::discord::Discord;
use crate::envelope::{Answer, Notification, unwrap};
use crate::error::Error;
use crate::event::Event;
use crate::outcome::{Outcome, Why, tell};
use crate::pace::Pace;
use crate::parse::parse;
use crate::queue::{Queue, back_off};
use crate::seen::Seen;
use crate::webhook::Webhooks;

/// A call of AWS that takes longer would eat the time of the alert.
const AWS_CALL_MAX: Duration = Duration::from_secs(2);

/// The function: its clients, and what it remembers between invocations.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) world: World,
    pub(crate) discord: Discord,
    pub(crate) webhooks: Webhooks,
    pub(crate) seen: Seen,
    pub(crate) circuits: Circuits,
    pub(crate) pace: Pace,
    queue: Queue,
    warm: AtomicBool,
}

impl App {
    /// Builds the clients. Nothing is called yet.
    pub fn new(config: Config, world: World) -> Result<Self, Error> {
        let sdk = config.aws.sdk_config();
        let endpoint = |service| config.aws.endpoint(service);
        let limited = |call: Duration| {
            TimeoutConfig::builder()
                .connect_timeout(call / 2)
                .operation_timeout(call)
                .build()
        };
        let timeouts = limited(AWS_CALL_MAX);
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&sdk);
        dynamodb
            .set_timeout_config(Some(limited(config.timeouts.table)))
            .set_endpoint_url(endpoint("DYNAMODB"));
        let mut secrets = aws_sdk_secretsmanager::config::Builder::from(&sdk);
        secrets
            .set_timeout_config(Some(timeouts.clone()))
            .set_endpoint_url(endpoint("SECRETS_MANAGER"));
        let mut sqs = aws_sdk_sqs::config::Builder::from(&sdk);
        sqs.set_timeout_config(Some(timeouts))
            .set_endpoint_url(endpoint("SQS"));
        Ok(Self {
            discord: Discord::new(config.timeouts)?,
            webhooks: Webhooks::new(
                config.webhooks.clone(),
                aws_sdk_secretsmanager::Client::from_conf(secrets.build()),
            ),
            seen: Seen::new(
                aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
                config.table_name.clone(),
                world.clone(),
            ),
            queue: Queue::new(
                aws_sdk_sqs::Client::from_conf(sqs.build()),
                config.queue_url.clone(),
                config.dead_letter_queue_url.clone(),
            ),
            circuits: Circuits::default(),
            pace: Pace::default(),
            warm: AtomicBool::new(false),
            config,
            world,
        })
    }
}

/// Forwards what an invocation brought.
///
/// An SQS batch is answered with the records to hand back; anything else with
/// what became of it, or with an error if it has to come again.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    let span = shared::telemetry::invocation_span(
        SERVICE,
        &context.request_id,
        context.xray_trace_id.as_deref(),
        !app.warm.swap(true, Ordering::Relaxed),
    );
    let deadline = Deadline::new(context.deadline, app.world.now());
    // Its type is forgotten: the SDK's futures nest deeper than the compiler follows.
    let forwarding: Pin<Box<dyn Future<Output = Result<Value, Error>> + Send + '_>> =
        Box::pin(forward(app, &payload, &context.request_id, deadline));
    forwarding.instrument(span).await
}

async fn forward(
    app: &App,
    payload: &Value,
    request_id: &str,
    deadline: Deadline,
) -> Result<Value, Error> {
    let invocation = unwrap(payload, request_id);
    let mut alerts: Vec<(&Notification, Event)> = invocation
        .notifications
        .iter()
        .map(|notification| (notification, parse(notification)))
        .collect();
    // The worst first, in case the time does not suffice for all; otherwise as they came.
    alerts.sort_by_key(|(_, event)| std::cmp::Reverse(event.severity));

    let mut failures = Vec::new();
    let mut delivered = 0_usize;
    for (notification, event) in &alerts {
        match one(app, notification, event, deadline).await {
            Outcome::Delivered { .. } => delivered += 1,
            Outcome::Suppressed => {}
            Outcome::HandedBack { .. } | Outcome::Refused => failures.push(*notification),
        }
    }
    match invocation.answer {
        Answer::Batch => Ok(batch_answer(&failures)),
        Answer::Whole if failures.is_empty() => Ok(json!({
            "delivered": delivered,
            "suppressed": alerts.len() - delivered,
        })),
        Answer::Whole => Err(Error::NotDelivered(failures.len())),
    }
}

/// One message, from its route to what the queue is told of it.
async fn one(app: &App, notification: &Notification, event: &Event, deadline: Deadline) -> Outcome {
    let Some(route) = app.config.routes.pick(event) else {
        // `Routes` ends with one that takes everything.
        return Outcome::HandedBack {
            why: Why::NoWebhook,
            wait: None,
        };
    };
    let mut outcome = deliver(app, notification, event, route, deadline).await;
    let now = app.world.now();
    if let Some(record) = &notification.record {
        let left = || deadline.left_for_notes(app.world.now());
        if outcome == Outcome::Refused && app.queue.bury(record, left()).await {
            tell(&outcome, &route.name, event.kind.name(), now);
            return Outcome::Suppressed;
        }
        if outcome == Outcome::Refused {
            outcome = Outcome::HandedBack {
                why: Why::Refused,
                wait: None,
            };
        }
        if let Outcome::HandedBack { wait, .. } = &mut outcome {
            let until_again = back_off(record, *wait, now);
            *wait = Some(until_again);
            app.queue.hide(record, until_again, left()).await;
        }
    }
    tell(&outcome, &route.name, event.kind.name(), now);
    outcome
}

/// `batchItemFailures`. A record that cannot be named hands back the whole
/// batch: an empty identifier is what SQS takes for that.
fn batch_answer(failures: &[&Notification]) -> Value {
    let identifiers: Vec<Value> = failures
        .iter()
        .map(|notification| {
            let record = notification.record.as_ref();
            let id = record.and_then(|record| record.message_id.as_deref());
            json!({ "itemIdentifier": id.unwrap_or_default() })
        })
        .collect();
    json!({ "batchItemFailures": identifiers })
}
