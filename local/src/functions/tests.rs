//! Invocations that fail, and the context that a function gets.

use std::time::Duration;

use lambda_runtime::Context;
use serde_json::json;
use shared::world::World;
use template::Kind;

use super::*;
use runtime::{RETURNED_BYTES_MAX, event_handler};

/// Functions with one that runs `handle`.
fn functions_of<F, Answer>(timeout: Duration, handle: F) -> Functions
where
    F: Fn(LambdaEvent<Value>) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = Result<Value, std::io::Error>> + Send + 'static,
{
    let spec = FunctionSpec {
        name: "surefire-Function".to_owned(),
        arn: "arn:aws:lambda:ap-northeast-2:123456789012:function:surefire-Function".to_owned(),
        kind: Kind::Authorizer,
        environment: BTreeMap::new(),
        timeout,
        memory_megabytes: 256,
        log_group: None,
        schedules: Vec::new(),
        line: 1,
    };
    let function = Function {
        spec,
        handler: event_handler(handle),
        listener: None,
    };
    Functions {
        by_id: BTreeMap::from([("Function".to_owned(), function)]),
        world: World::real(),
        meter: None,
        logs: None,
    }
}

async fn error_of(functions: &Functions) -> FunctionError {
    functions
        .invoke("Function", json!({}), None)
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_panic_is_an_error_with_its_message_and_the_next_invocation_runs() {
    let functions = functions_of(Duration::from_secs(9), |event| async move {
        assert!(event.payload.get("panic").is_none(), "on purpose");
        Ok(json!("fine"))
    });
    let error = functions
        .invoke("Function", json!({"panic": true}), None)
        .await
        .unwrap_err();
    assert_eq!(
        (error.error_type.as_str(), error.message.as_str()),
        ("Panic", "on purpose")
    );
    assert_eq!(
        functions.invoke("Function", json!({}), None).await.unwrap(),
        "fine"
    );
}

#[tokio::test(start_paused = true)]
async fn an_invocation_ends_at_its_timeout() {
    let functions = functions_of(Duration::from_secs(3), |_| std::future::pending());
    let error = error_of(&functions).await;
    assert_eq!(error.error_type, "Sandbox.Timedout");
    assert!(
        error.message.ends_with("Task timed out after 3.00 seconds"),
        "{error}"
    );
}

#[tokio::test]
async fn an_error_is_reported_as_lambda_reports_it() {
    let functions = functions_of(Duration::from_secs(9), |_| async {
        Err(std::io::Error::other("no luck"))
    });
    // The runtime's name for an error that does not name itself.
    let expected = json!({"errorType": "&std::io::error::Error", "errorMessage": "no luck"});
    assert_eq!(error_of(&functions).await.to_json(), expected);
}

#[tokio::test]
async fn a_result_that_is_too_large_for_lambda_is_an_error() {
    let functions = functions_of(Duration::from_secs(9), |_| async {
        Ok(Value::from("x".repeat(RETURNED_BYTES_MAX)))
    });
    assert_eq!(
        error_of(&functions).await.error_type,
        "Function.ResponseSizeTooLarge"
    );
}

#[tokio::test]
async fn the_context_has_the_deadline_and_the_arn_of_the_alias() {
    let now: jiff::Timestamp = "2026-11-22T04:05:06Z".parse().unwrap();
    let mut functions = functions_of(Duration::from_secs(10), |event| async move {
        let Context {
            deadline,
            invoked_function_arn,
            xray_trace_id,
            request_id,
            ..
        } = event.context;
        Ok(json!([
            deadline,
            invoked_function_arn,
            xray_trace_id,
            request_id.len()
        ]))
    });
    functions.world = World::new(
        move || now,
        |bytes| bytes.fill(1),
        |_| Box::pin(std::future::ready(())),
    )
    // A clock that is stopped for the function does not move its deadline.
    .with_clock(|| jiff::Timestamp::UNIX_EPOCH);
    let seen = functions
        .invoke("Function", json!({}), Some("Root=1".to_owned()))
        .await
        .unwrap();
    let arn = "arn:aws:lambda:ap-northeast-2:123456789012:function:surefire-Function:live";
    assert_eq!(
        seen,
        json!([now.as_millisecond() + 10_000, arn, "Root=1", 36])
    );
}
