//! The check of a release: it invokes the real handlers, and stand-ins for Lambda and CodeDeploy carry
//! its calls and its result.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use futures::future::{Either, select};
use lambda_runtime::{Context, LambdaEvent};
use local::functions::{Endpoints, environment_of};
use release_check::{App, Config, Error, handle};
use serde_json::{Value, json};
use shared::world::World;
use template::Kind;
use tokio::sync::{mpsc, oneshot};

use crate::support::harness::{Shop, shop};

const SKU: &str = "RELEASE-CHECK";

/// What a broken version does to the answer of the real one: gets the kind, the event and the answer.
type Spoil = fn(Kind, &Value, Value) -> Result<Value, &'static str>;

#[expect(clippy::unnecessary_wraps, reason = "it has the form of the others")]
fn sound(_: Kind, _: &Value, answer: Value) -> Result<Value, &'static str> {
    Ok(answer)
}

/// An invocation that waits for its answer.
struct Call {
    arn: String,
    event: Value,
    answer: oneshot::Sender<Result<Value, Value>>,
}

/// CodeDeploy, which takes a result after some refusals.
#[derive(Clone, Default)]
struct CodeDeploy {
    refusals: Arc<AtomicU32>,
    results: Arc<Mutex<Vec<Value>>>,
}

impl CodeDeploy {
    fn take(&self, body: &[u8]) -> Response {
        let left = self
            .refusals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if left.is_ok() {
            let refusal = json!({"__type": "ThrottlingException", "message": "Rate exceeded"});
            return (StatusCode::BAD_REQUEST, refusal.to_string()).into_response();
        }
        let result: Value = serde_json::from_slice(body).unwrap();
        let id = result["lifecycleEventHookExecutionId"].clone();
        self.results.lock().unwrap().push(result);
        json!({"lifecycleEventHookExecutionId": id})
            .to_string()
            .into_response()
    }
}

async fn lambda(calls: mpsc::Sender<Call>, uri: Uri, body: Bytes) -> Response {
    let arn = uri.path().trim_start_matches("/2015-03-31/functions/");
    let arn = arn.trim_end_matches("/invocations").replace("%3A", ":");
    let (answer, answered) = oneshot::channel();
    let event = serde_json::from_slice(&body).unwrap();
    let sent = calls.send(Call { arn, event, answer }).await;
    assert!(sent.is_ok(), "nobody invokes functions any more");
    match answered.await.unwrap() {
        Ok(answer) => answer.to_string().into_response(),
        Err(error) => {
            let failed = [("x-amz-function-error", "Unhandled")];
            (failed, error.to_string()).into_response()
        }
    }
}

/// Serves both APIs on one port. The calls of functions arrive at the receiver.
async fn apis(codedeploy: CodeDeploy) -> (String, mpsc::Receiver<Call>) {
    let (sender, receiver) = mpsc::channel(1);
    let serve = move |uri: Uri, headers: HeaderMap, body: Bytes| {
        let (codedeploy, sender) = (codedeploy.clone(), sender.clone());
        async move {
            match headers.get("x-amz-target") {
                Some(target) => {
                    let expected = "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus";
                    assert_eq!(target, expected);
                    codedeploy.take(&body)
                }
                None => lambda(sender, uri, body).await,
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(serve);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, receiver)
}

/// Waits of a repeat end at once, and waits for the end of the invocation never.
fn patient() -> World {
    let real = World::real();
    let time = World::real();
    World::new(
        move || time.now(),
        move |bytes| real.fill(bytes),
        |duration| {
            Box::pin(async move {
                if Duration::from_secs(10) < duration {
                    std::future::pending::<()>().await;
                }
            })
        },
    )
}

/// Runs the check against a shop whose new versions are spoilt. Its answer, and what CodeDeploy got.
async fn check(
    shop: &Shop,
    spoil: Spoil,
    refusals: u32,
    world: World,
) -> (Result<Value, Error>, Vec<Value>) {
    let codedeploy = CodeDeploy::default();
    codedeploy.refusals.store(refusals, Ordering::Relaxed);
    let (url, mut calls) = apis(codedeploy.clone()).await;
    let template = &shop.running.template;
    let (_, spec) = template.function(Kind::ReleaseCheck).unwrap();
    let endpoints = Endpoints {
        dynamodb: shop.running.dynamodb_url.clone(),
        aws: url,
        redis: None,
    };
    let environment = environment_of(spec, &template.place, &endpoints);
    let config = Config::from_env(|name| environment.get(name).cloned()).unwrap();
    let app = App::new(config, world);
    let payload = json!({"DeploymentId": "d-1", "LifecycleEventHookExecutionId": "hook-1"});
    let mut context = Context::default();
    let end = World::real().now() + spec.timeout;
    context.deadline = end.as_millisecond().try_into().unwrap();
    let handled = Box::pin(handle(&app, LambdaEvent::new(payload, context)));
    let serving = Box::pin(async {
        while let Some(call) = calls.recv().await {
            let answer = invoked(shop, &call, spoil).await;
            // The check may have given up.
            let _ = call.answer.send(answer);
        }
    });
    let result = match select(handled, serving).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => panic!("the server stands as long as its port"),
    };
    let results = codedeploy.results.lock().unwrap().clone();
    (result, results)
}

async fn invoked(shop: &Shop, call: &Call, spoil: Spoil) -> Result<Value, Value> {
    let mut functions = shop.running.template.functions.iter();
    let version = |arn: &str| format!("{arn}:1");
    let found = functions.find(|(_, spec)| version(&spec.arn) == call.arn);
    let (logical, spec) = found.unwrap_or_else(|| panic!("{} is no new version", call.arn));
    let invoked = shop
        .running
        .functions
        .invoke(logical, call.event.clone(), None);
    let answer = invoked.await.map_err(|error| error.to_json())?;
    spoil(spec.kind, &call.event, answer).map_err(|why| json!({"errorMessage": why}))
}

/// The reserved product is out of sale and without stock, and no order has a unit of it.
async fn assert_nothing_is_left(shop: &Shop) {
    let product = shop
        .get(&format!("/products/{SKU}"))
        .send()
        .await
        .assert(200)
        .json();
    assert_eq!(product["available"], 0, "{product}");
    assert_eq!(product["sellable"], false, "{product}");
    shop.assert_conserved().await;
}

#[tokio::test]
async fn versions_that_work_get_traffic_and_nothing_is_left_behind() {
    shop(async |shop| {
        for round in 0..2 {
            let (answer, results) = check(shop, sound, 0, patient()).await;
            let answer = answer.unwrap();
            assert_eq!(answer["status"], "Succeeded", "round {round}: {answer}");
            let expected = json!({
                "deploymentId": "d-1",
                "lifecycleEventHookExecutionId": "hook-1",
                "status": "Succeeded",
            });
            assert_eq!(results, [expected]);
            assert_nothing_is_left(shop).await;
        }
        // One order and one refusal of each round.
        assert_eq!(shop.count_orders().await, 2);
    })
    .await;
}

fn is(event: &Value, route: &str) -> bool {
    event["routeKey"] == json!(route)
}

/// What is said of a version, and what is wrong with it.
const BROKEN: [(&str, Spoil); 8] = [
    ("an order was answered with 500", |_, event, mut answer| {
        if is(event, "POST /orders") {
            answer["statusCode"] = json!(500);
        }
        Ok(answer)
    }),
    (
        "a repeat is not answered as the first",
        |_, event, mut answer| {
            if is(event, "POST /orders") {
                answer["headers"]["idempotent-replayed"] = Value::Null;
            }
            Ok(answer)
        },
    ),
    (
        "the cancellation was answered with 404",
        |_, event, mut answer| {
            if is(event, "POST /orders/{id}/cancel") {
                answer["statusCode"] = json!(404);
            }
            Ok(answer)
        },
    ),
    (
        "more than the stock was answered with 201",
        |_, event, mut answer| {
            if answer["statusCode"] == json!(409) && is(event, "POST /orders") {
                answer["statusCode"] = json!(201);
            }
            Ok(answer)
        },
    ),
    (
        "a preflight was answered with 403",
        |kind, _, mut answer| {
            if kind == Kind::Cors {
                answer["statusCode"] = json!(403);
            }
            Ok(answer)
        },
    ),
    (
        "a preflight does not allow http://localhost:5173",
        |kind, _, mut answer| {
            if kind == Kind::Cors {
                answer["headers"]["access-control-allow-origin"] = json!("*");
            }
            Ok(answer)
        },
    ),
    (
        "a request without a token is not denied",
        |kind, _, answer| {
            Ok(if kind == Kind::Authorizer {
                json!({"isAuthorized": true})
            } else {
                answer
            })
        },
    ),
    (
        "failed (Unhandled): {\"errorMessage\":\"crashed\"}",
        |kind, _, answer| {
            if kind == Kind::Authorizer {
                Err("crashed")
            } else {
                Ok(answer)
            }
        },
    ),
];

#[tokio::test]
async fn versions_that_do_not_work_get_no_traffic_and_leave_nothing_behind() {
    for (expected, spoil) in BROKEN {
        shop(async |shop| {
            // The product exists, as after the check of an earlier release.
            check(shop, sound, 0, patient()).await.0.unwrap();
            let (answer, results) = check(shop, spoil, 0, patient()).await;
            let answer = answer.unwrap();
            assert_eq!(answer["status"], "Failed", "{expected}");
            let why = answer["why"].as_str().unwrap();
            assert!(why.contains(expected), "{why} says not {expected}");
            assert_eq!(results.len(), 1);
            assert_eq!(results[0]["status"], "Failed");
            if !expected.starts_with("an order was") {
                assert_nothing_is_left(shop).await;
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_result_that_codedeploy_does_not_take_is_sent_again() {
    shop(async |shop| {
        let (answer, results) = check(shop, sound, 3, patient()).await;
        assert_eq!(answer.unwrap()["status"], "Succeeded");
        assert_eq!(results.len(), 1);
        let (answer, results) = check(shop, sound, u32::MAX, patient()).await;
        let error = answer.unwrap_err().to_string();
        assert!(error.contains("Rate exceeded"), "{error}");
        assert_eq!(results, [Value::Null; 0]);
    })
    .await;
}

#[tokio::test]
async fn versions_that_are_too_slow_get_no_traffic() {
    // Every wait ends at once, that for the end of the invocation too.
    let hasty = || {
        let (time, real) = (World::real(), World::real());
        World::new(
            move || time.now(),
            move |bytes| real.fill(bytes),
            |_| Box::pin(async {}),
        )
    };
    shop(async |shop| {
        let (answer, results) = check(shop, sound, 0, hasty()).await;
        let answer = answer.unwrap();
        assert_eq!(
            answer["why"],
            "the versions were too slow to be tested in time"
        );
        assert_eq!(results[0]["status"], "Failed");
    })
    .await;
}
