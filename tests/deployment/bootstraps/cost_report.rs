//! Tests the built function of `cost.yaml` against the stand-ins for the services that know the costs.

use std::collections::BTreeMap;
use std::sync::Arc;

use billing::{Billing, generate};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lambda::Failure;
use local::functions::Endpoints;
use local::serve::Running;
use serde_json::{Value, json};
use shared::world::World;
use template::{Kind, Place, SHIPPED_COST, Template};
use tokio::net::TcpListener;

use super::assert_clean;
use super::bootstrap::{Bootstrap, error_type, failed_init};
use crate::deployment::events;

/// A running shop and the services that know what its account costs.
struct Stage {
    running: Running,
    billing: Arc<Billing>,
    template: Template,
    endpoints: Endpoints,
}

impl Stage {
    async fn set() -> Self {
        let running = events::demo_shop().await;
        // The built function uses the machine's clock, so the costs end today.
        let now: Timestamp = World::real().now();
        let today = now.to_zoned(TimeZone::UTC).date();
        let billing = Billing::new(generate(7, today));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = billing::router(Arc::clone(&billing));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (_, forwarder) = running.template.function(Kind::AlertForwarder).unwrap();
        let place = Place {
            region: "us-east-1".to_owned(),
            stack: "surefire-costs".to_owned(),
            ..running.template.place.clone()
        };
        let parameters = [
            ("StackName", running.template.place.stack.as_str()),
            ("StackRegion", &running.template.place.region),
            ("AlertsTableName", &forwarder.environment["TABLE_NAME"]),
            (
                "AlertsQueueArn",
                "arn:aws:sqs:ap-northeast-2:123456789012:surefire-AlertsQueue",
            ),
        ];
        let template = Template::read_in(place, SHIPPED_COST, parameters).unwrap();
        let endpoints = Endpoints {
            dynamodb: running.dynamodb_url.clone(),
            aws: url,
            redis: None,
        };
        Self {
            running,
            billing,
            template,
            endpoints,
        }
    }

    async fn start(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<Bootstrap, Failure> {
        Bootstrap::start_of(&self.template, &self.endpoints, Kind::CostReport, change).await
    }
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn the_built_cost_report_is_sent_once_with_its_picture() {
    let stage = Stage::set().await;
    let mut function = stage.start(|_| ()).await.unwrap();
    println!(
        "{:<16} was ready for its first invocation after {:.1} ms",
        function.kind.binary(),
        function.first_next.as_secs_f64() * 1e3
    );
    let event = json!({"scheduled": "2026-01-01T09:00:00Z"});
    let answer = function.invoke(&event).await;
    assert_eq!(
        (&answer["sent"], &answer["paid_calls"]),
        (&json!(true), &json!(4)),
        "{answer}"
    );
    let published = stage.billing.take_published();
    let [message] = published.as_slice() else {
        panic!("{} messages", published.len());
    };
    let report: Value = serde_json::from_str(message).unwrap();
    // The first bytes of a PNG, in base64.
    assert!(
        report["picture"]
            .as_str()
            .unwrap()
            .starts_with("iVBORw0KGgo")
    );

    // Another instance of the function neither asks nor sends again.
    let mut other = stage.start(|_| ()).await.unwrap();
    let answer = other.invoke(&event).await;
    assert_eq!(answer["sent"], false, "{answer}");
    assert_eq!(stage.billing.paid_calls(), 4);
    assert!(stage.billing.take_published().is_empty());
    for function in [function, other] {
        assert_clean(Kind::CostReport, &function.end());
    }
    stage.running.stop().await;
}

#[tokio::test]
#[ignore = "needs built functions: ./check build bootstraps"]
async fn the_built_cost_report_names_what_it_cannot_use_and_goes_on() {
    let stage = Stage::set().await;
    let mut function = stage.start(|_| ()).await.unwrap();
    for bytes in [b"{\"cut".as_slice(), b"", b"\xff\xfe"] {
        let answer = function.invoke_raw(bytes.to_vec()).await;
        assert!(error_type(&answer).is_string(), "{answer}");
    }
    let answer = function.invoke(&json!({"again": true})).await;
    assert_eq!(answer["sent"], true, "{answer}");

    for variable in ["STACK_NAME", "STACK_REGION", "TABLE_NAME", "TOPIC_ARN"] {
        let started = stage.start(|environment| {
            environment.remove(variable).unwrap();
        });
        let message = failed_init(started.await);
        assert!(message.contains(variable), "{message}");
    }
    stage.running.stop().await;
}
