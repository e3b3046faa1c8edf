//! The stage of a test: the forwarder with a table, a secret, a queue, a stand-in for Discord, and a
//! simulated clock.
//!
//! Every log line of any level and crate is searched for the webhook's token, and so are all answers and
//! errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use alert_forwarder::{App, Config, Error, Timeouts, handle};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use axum::Router;
use discord::{Call, Discord};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use shared::aws::AwsConfig;
use shared::world::World;
use tokio::net::TcpListener;
use tracing::Level;

use super::aws::{self, Aws};
use super::watch::{TOKEN, Watch};

const TABLE: &str = "alerts";
/// The stack whose alarms are named `orders-…`.
const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/orders/8f14e45f";
/// When the clock of every stage begins.
const START: &str = "2026-07-19T10:00:05Z";

pub(super) struct Stage {
    pub(super) app: App,
    pub(super) discord: Arc<Discord>,
    pub(super) aws: Arc<Aws>,
    pub(super) clock: Clock,
    pub(super) world: World,
    pub(super) table: Client,
    config: Config,
    watch: Watch,
}

/// What differs from the usual stage.
#[derive(Default)]
pub(super) struct Setting {
    pub(super) routes: Option<&'static str>,
    /// The names of AWS accounts.
    pub(super) accounts: Option<&'static str>,
    /// The text of the secret. `HOST` becomes the stand-in's base URL, and `TOKEN` the token.
    pub(super) secret: Option<&'static str>,
    pub(super) timeouts: Option<Timeouts>,
    pub(super) no_dead_letter_queue: bool,
    pub(super) no_queue: bool,
    /// Replaces the table's URL.
    pub(super) table_url: Option<String>,
    /// Replaces the queue's URL.
    pub(super) queue_url: Option<String>,
    /// Uses the machine's clock, for a test in which a service hangs.
    pub(super) real_time: bool,
    /// Replaces the stand-in's URL.
    pub(super) discord_url: Option<String>,
    pub(super) seed: u64,
    /// The log level, so also what is searched. By default everything, for long tests less.
    pub(super) level: Option<Level>,
}

impl Stage {
    pub(super) async fn usual() -> Self {
        Self::set(Setting::default()).await
    }

    pub(super) async fn set(setting: Setting) -> Self {
        let watch = Watch::begin(setting.level.unwrap_or(Level::TRACE));
        let clock = Clock::default();
        let world = if setting.real_time {
            World::real()
        } else {
            clock.world(setting.seed)
        };
        let seen_by_discord = world.clone();
        let discord = Discord::with_clock(move || seen_by_discord.now());
        let host = match setting.discord_url {
            Some(url) => url,
            None => serve(discord::router(Arc::clone(&discord))).await,
        };
        let aws = Arc::new(Aws::default());
        let secret = setting
            .secret
            .map_or_else(|| format!("HOST/api/webhooks/7/{TOKEN}"), str::to_owned);
        *aws.secret.lock().unwrap() = secret.replace("HOST", &host).replace("TOKEN", TOKEN);
        let aws_url = serve(aws::router(Arc::clone(&aws))).await;
        let table_url = match setting.table_url {
            Some(url) => url,
            None => database().await,
        };
        let var = |name: &str| {
            let value = match name {
                "TABLE_NAME" => TABLE,
                "WEBHOOK_SECRET_ID" => "webhook",
                "ROUTES" => setting.routes?,
                "ACCOUNT_NAMES" => setting.accounts?,
                "QUEUE_URL" if !setting.no_queue => "https://sqs.eu-west-1.amazonaws.com/1/alerts",
                "DEAD_LETTER_QUEUE_URL" if !setting.no_dead_letter_queue => {
                    "https://sqs.eu-west-1.amazonaws.com/1/alerts-dead"
                }
                "DELIVERY_TEST_ALARM" => "surefire-delivery-test",
                "AWS_REGION" => "eu-west-1",
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
                "AWS_ENDPOINT_URL_DYNAMODB" => &table_url,
                "AWS_ENDPOINT_URL_SECRETS_MANAGER" => &aws_url,
                "STACK_ID" => STACK,
                "AWS_ENDPOINT_URL_CLOUDWATCH"
                | "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"
                | "AWS_ENDPOINT_URL_CLOUDFORMATION" => &aws_url,
                "AWS_ENDPOINT_URL_SQS" => setting.queue_url.as_ref().unwrap_or(&aws_url),
                _ => return None,
            };
            Some(value.to_owned())
        };
        let mut config = Config::from_env(var).unwrap();
        if let Some(timeouts) = setting.timeouts {
            config.timeouts = timeouts;
        }
        let sdk = AwsConfig::from_env(var).unwrap().sdk_config();
        let table = aws_sdk_dynamodb::config::Builder::from(&sdk).endpoint_url(&table_url);
        Self {
            app: App::new(config.clone(), world.clone()).unwrap(),
            table: Client::from_conf(table.build()),
            discord,
            aws,
            clock,
            world,
            config,
            watch,
        }
    }

    /// Another instance of the function. It shares only the table with the first one.
    pub(super) fn another_instance(&self) -> App {
        App::new(self.config.clone(), self.world.clone()).unwrap()
    }

    /// Invokes the function with the deployed time-out.
    pub(super) async fn invoke(&self, event: Value) -> Result<Value, Error> {
        self.invoke_within(event, Duration::from_secs(20)).await
    }

    pub(super) async fn invoke_within(&self, event: Value, time: Duration) -> Result<Value, Error> {
        let answer = handle(&self.app, self.event(event, time)).await;
        match &answer {
            Ok(answer) => self.watch.show(&answer.to_string()),
            Err(error) => self.watch.show_error(error),
        }
        answer
    }

    pub(super) fn event(&self, payload: Value, time: Duration) -> LambdaEvent<Value> {
        let mut context = Context::default();
        context.request_id = "request-1".to_owned();
        let deadline = self.world.now() + time;
        context.deadline = u64::try_from(deadline.as_millisecond()).unwrap();
        LambdaEvent::new(payload, context)
    }

    /// Delivers records, and returns the ids of those that are handed back.
    pub(super) async fn handed_back(&self, records: &[Value]) -> Vec<String> {
        handed_back(&self.invoke(json!({"Records": records})).await.unwrap())
    }

    /// The calls that post a message, whatever their answer.
    pub(super) fn posts(&self) -> Vec<Call> {
        let calls = self.discord.calls();
        calls
            .into_iter()
            .filter(|call| call.method == "POST")
            .collect()
    }

    /// The sum of a metric over the test, rounded.
    pub(super) fn metric(&self, name: &str) -> u64 {
        self.watch.metric(name)
    }

    /// The lines that have a metric, in their order.
    pub(super) fn metric_lines(&self, name: &str) -> Vec<Value> {
        self.watch.metric_lines(name)
    }

    /// Whether a warning or an error in the log contains a text.
    pub(super) fn logged(&self, text: &str) -> bool {
        self.watch.warned(text)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // At the end, the app's memory contains webhooks, rejected ones too.
        self.watch
            .show(&format!("{:?} {:#?}", self.app, self.config));
    }
}

/// A sample event, to invoke the function with.
pub(super) fn sample_event(name: &str) -> Value {
    super::sample::sample(name)
}

pub(super) fn handed_back(answer: &Value) -> Vec<String> {
    answer["batchItemFailures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().unwrap().to_owned())
        .collect()
}

/// A record of a queue with an SNS message.
pub(super) fn record(id: &str, message: &Value) -> Value {
    let envelope = json!({
        "Type": "Notification",
        "MessageId": format!("sns-{id}"),
        "TopicArn": "arn:aws:sns:eu-west-1:123456789012:alerts",
        "Message": message.to_string(),
        "Timestamp": "2026-07-19T10:00:01.000Z",
    });
    json!({
        "eventSource": "aws:sqs",
        "messageId": id,
        "receiptHandle": format!("handle-{id}"),
        "body": envelope.to_string(),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1784455201000"},
    })
}

/// A record of a queue with an alarm of this name.
pub(super) fn alarm(name: &str) -> Value {
    record(name, &alarm_message(name))
}

pub(super) fn alarm_message(name: &str) -> Value {
    json!({
        "AlarmName": name,
        "AlarmDescription": null,
        "NewStateValue": "ALARM",
        "NewStateReason": "Threshold Crossed: 1 datapoint [6.0 (19/07/26 09:59:00)] was greater.",
        "StateChangeTime": "2026-07-19T10:00:00.000+0000",
        "AlarmArn": format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"),
        "Trigger": {"MetricName": "Errors", "Namespace": "AWS/Lambda", "Statistic": "SUM",
                    "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0, "Period": 60},
    })
}

/// Serves a router on a loopback port until the test ends. Returns its base URL.
pub(super) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Starts a database with the table of claims. Returns its URL.
pub(super) async fn database() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    let var = |name: &str| name.starts_with("AWS_").then(|| "test".to_owned());
    let sdk = AwsConfig::from_env(var).unwrap().sdk_config();
    let config = aws_sdk_dynamodb::config::Builder::from(&sdk).endpoint_url(&url);
    Client::from_conf(config.build())
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name("pk")
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap(),
        )
        .key_schema(
            KeySchemaElement::builder()
                .attribute_name("pk")
                .key_type(KeyType::Hash)
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
    url
}

/// A clock that moves only when something waits.
#[derive(Clone)]
pub(super) struct Clock(Arc<AtomicI64>);

impl Default for Clock {
    fn default() -> Self {
        let start: Timestamp = START.parse().unwrap();
        Self(Arc::new(AtomicI64::new(start.as_millisecond())))
    }
}

impl Clock {
    pub(super) fn advance(&self, by: Duration) {
        // Rounded up: a wait that ended early would have to be repeated.
        let milliseconds = i64::try_from(by.as_nanos().div_ceil(1_000_000)).unwrap();
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }

    fn world(&self, seed: u64) -> World {
        let (now, sleeping) = (self.clone(), self.clone());
        let random = Random::new(seed);
        World::new(
            move || Timestamp::from_millisecond(now.0.load(Ordering::Relaxed)).unwrap(),
            move |bytes| bytes.fill_with(|| random.next().to_le_bytes()[0]),
            move |duration| {
                let clock = sleeping.clone();
                Box::pin(async move {
                    clock.advance(duration);
                    tokio::task::yield_now().await;
                })
            },
        )
    }
}

/// Random numbers that a seed repeats: xorshift64*.
#[derive(Debug)]
pub(super) struct Random(AtomicU64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    pub(super) fn next(&self) -> u64 {
        let mut state = self.0.load(Ordering::Relaxed);
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.0.store(state, Ordering::Relaxed);
        state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// True in `share` of a hundred cases.
    pub(super) fn percent(&self, share: u64) -> bool {
        self.next() % 100 < share
    }
}
