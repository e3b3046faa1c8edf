//! The stage of a test: the function with a scenario's services, the API's table and forwarder, and the
//! stand-in for Discord. The clock stands at the scenario's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use billing::{Billing, Fault, Scenario, Seen, generate};
use cost_report::{App, Config, Error, Timeouts, handle};
use discord::message::Message;
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use local::serve::{Options, Running, start};
use serde_json::{Value, json};
use shared::world::World;
use template::Kind;
use tokio::net::TcpListener;

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:surefire-costs";
/// The usual time-out of an invocation.
const TIMEOUT: Duration = Duration::from_mins(1);

pub(super) struct Stage {
    pub(super) running: Running,
    pub(super) billing: Arc<Billing>,
    config: Config,
    app: App,
    now: Arc<AtomicI64>,
    slept: Arc<AtomicU64>,
}

/// The scenario of a small shop on a day.
pub(super) fn shop(today: &str) -> Scenario {
    generate(7, today.parse().unwrap())
}

/// A fault of every call.
pub(super) fn refused(action: &str, code: &str, message: &str) -> Fault {
    Fault {
        action: action.to_owned(),
        code: Some(code.to_owned()),
        message: message.to_owned(),
        times: None,
    }
}

impl Stage {
    pub(super) async fn set(scenario: Scenario) -> Self {
        Self::set_with(scenario, None, Timeouts::default()).await
    }

    /// With another table's URL, or with other time-outs.
    pub(super) async fn set_with(
        scenario: Scenario,
        table_url: Option<&str>,
        timeouts: Timeouts,
    ) -> Self {
        let options = Options {
            seed: false,
            ..Options::in_memory()
        };
        let running = start(options).await.unwrap();
        let now = Arc::new(AtomicI64::new(scenario.now.as_millisecond()));
        let billing = Billing::new(scenario);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = billing::router(Arc::clone(&billing));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let table_url = table_url.unwrap_or(&running.dynamodb_url).to_owned();
        let mut config = Config::from_env(|name| {
            let value = match name {
                "STACK_NAME" => "surefire",
                "STACK_REGION" => "ap-northeast-2",
                "TABLE_NAME" => "surefire-AlertsTable",
                "TOPIC_ARN" => TOPIC,
                "AWS_REGION" => "us-east-1",
                "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "test",
                "AWS_ENDPOINT_URL" => &url,
                "AWS_ENDPOINT_URL_DYNAMODB" => &table_url,
                _ => return None,
            };
            Some(value.to_owned())
        })
        .unwrap();
        config.timeouts = timeouts;
        let slept = Arc::new(AtomicU64::new(0));
        let world = world(&now, &slept);
        Self {
            app: App::new(&config, world),
            running,
            billing,
            config,
            now,
            slept,
        }
    }

    /// Another instance of the function. It shares only the table with the first one.
    pub(super) fn replace_instance(&mut self) {
        self.app = App::new(&self.config, world(&self.now, &self.slept));
    }

    pub(super) fn set_clock(&self, at: &str) {
        let at: Timestamp = at.parse().unwrap();
        self.now.store(at.as_millisecond(), Ordering::Relaxed);
    }

    /// How long the function waited between calls.
    pub(super) fn slept(&self) -> Duration {
        Duration::from_millis(self.slept.load(Ordering::Relaxed))
    }

    pub(super) async fn invoke(&self, event: Value) -> Result<Value, Error> {
        let mut context = Context::default();
        let deadline =
            self.now.load(Ordering::Relaxed) + i64::try_from(TIMEOUT.as_millis()).unwrap();
        context.deadline = u64::try_from(deadline).unwrap();
        context.request_id = "request-1".to_owned();
        context.invoked_function_arn =
            "arn:aws:lambda:us-east-1:123456789012:function:surefire-costs-CostReport:live"
                .to_owned();
        handle(&self.app, LambdaEvent::new(event, context)).await
    }

    /// Invokes the function as the schedule does, and returns the message that it published.
    pub(super) async fn report(&self) -> Report {
        let answer = self
            .invoke(json!({"scheduled": "2026-01-01T09:00:00Z"}))
            .await;
        assert_eq!(answer.unwrap()["sent"], true);
        let published = self.billing.take_published();
        let [message] = published.as_slice() else {
            panic!("{} messages", published.len());
        };
        Report(serde_json::from_str(message).unwrap())
    }

    /// Gives the forwarder a report, as the queue would. Returns what Discord has.
    pub(super) async fn deliver(&self, report: &Report) -> Vec<Message> {
        let (forwarder, _) = self
            .running
            .template
            .function(Kind::AlertForwarder)
            .unwrap();
        let event = queued(&report.0.to_string());
        let answer = self.running.functions.invoke(forwarder, event, None).await;
        assert_eq!(answer.unwrap()["batchItemFailures"], json!([]));
        self.running.discord.messages()
    }

    /// The calls of an action.
    pub(super) fn calls(&self, action: &str) -> Vec<Seen> {
        let mut calls = self.billing.seen();
        calls.retain(|call| call.action == action);
        calls
    }

    pub(super) async fn end(self) {
        drop(self.app);
        self.running.stop().await;
    }
}

/// A clock that stands, and waits that end at once.
fn world(now: &Arc<AtomicI64>, slept: &Arc<AtomicU64>) -> World {
    let (now, slept) = (Arc::clone(now), Arc::clone(slept));
    World::new(
        move || Timestamp::from_millisecond(now.load(Ordering::Relaxed)).unwrap(),
        |bytes| bytes.fill(0x80),
        move |duration| {
            let milliseconds = u64::try_from(duration.as_millis()).unwrap();
            slept.fetch_add(milliseconds, Ordering::Relaxed);
            Box::pin(async {})
        },
    )
}

/// A message of the topic, as Lambda gets it from the queue.
pub(super) fn queued(message: &str) -> Value {
    let body = json!({
        "Type": "Notification",
        "MessageId": "00000000-0000-4000-8000-000000000061",
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": "2026-11-26T00:30:02.345Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertURL": "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-example.pem",
        "UnsubscribeURL": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
    });
    json!({"Records": [{
        "messageId": "00000000-0000-4000-8000-000000000062",
        "receiptHandle": "AQEBexample",
        "body": body.to_string(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795653002400",
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1795653002450",
        },
        "messageAttributes": {},
        "md5OfBody": "EXAMPLE",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:ap-northeast-2:123456789012:surefire-AlertsQueue",
        "awsRegion": "ap-northeast-2",
    }]})
}

/// A published report.
#[derive(Clone, Debug)]
pub(super) struct Report(pub(super) Value);

impl Report {
    /// A member of the message that is a text.
    #[track_caller]
    pub(super) fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap()
    }

    /// The value of a fact; empty if there is none.
    pub(super) fn fact(&self, name: &str) -> &str {
        let facts = self.0["facts"].as_array().unwrap();
        let fact = facts.iter().find(|fact| fact["name"] == name);
        fact.map_or("", |fact| fact["value"].as_str().unwrap())
    }

    /// Checks that a fact has a line.
    #[track_caller]
    pub(super) fn says(&self, name: &str, line: &str) {
        let value = self.fact(name);
        let has = value.lines().any(|found| found == line);
        assert!(has, "{line:?} is not in {name:?}:\n{value}");
    }
}
