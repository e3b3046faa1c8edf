//! Makes one invocation: its context, its time-out, and the error of a handler that panics.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use gateway::FunctionError;
use lambda_runtime::Context;
use serde_json::Value;
use shared::world::World;
use template::FunctionSpec;

use crate::uuid;

/// The most bytes that Lambda lets a function return.
pub const RETURNED_BYTES_MAX: usize = 6 * 1024 * 1024;

/// The context that a function gets.
pub fn context(spec: &FunctionSpec, world: &World, trace: Option<String>) -> Context {
    // Like Lambda's, by the machine's clock, even where the function's is stopped.
    let now = world.machine_now().as_millisecond();
    let left = i64::try_from(spec.timeout.as_millis()).unwrap_or(i64::MAX);
    let deadline = u64::try_from(now.saturating_add(left)).unwrap_or_default();
    let mut context = Context::default();
    context.request_id = uuid(world);
    context.deadline = deadline;
    context.invoked_function_arn = format!("{}:live", spec.arn);
    context.xray_trace_id = trace;
    let mut config = lambda_runtime::Config::default();
    config.function_name.clone_from(&spec.name);
    config.memory = i32::try_from(spec.memory_megabytes).unwrap_or(i32::MAX);
    "1".clone_into(&mut config.version);
    context.env_config = Arc::new(config);
    context
}

/// Waits for an invocation, and ends it at the function's time-out.
pub async fn run(
    request_id: &str,
    timeout: Duration,
    invocation: BoxFuture<'static, Result<Value, FunctionError>>,
) -> Result<Value, FunctionError> {
    // A task of its own, so that a panic ends nothing else.
    let task = tokio::spawn(AssertUnwindSafe(invocation).catch_unwind());
    let abort = task.abort_handle();
    let Ok(ended) = tokio::time::timeout(timeout, task).await else {
        abort.abort();
        return Err(timed_out(request_id, timeout));
    };
    let returned = match ended {
        Ok(Ok(returned)) => returned?,
        Ok(Err(panic)) => return Err(FunctionError::new("Panic", panic_message(&*panic))),
        Err(_) => return Err(FunctionError::new("Panic", "the invocation was cancelled")),
    };
    if RETURNED_BYTES_MAX < returned.to_string().len() {
        let message =
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).";
        return Err(FunctionError::new("Function.ResponseSizeTooLarge", message));
    }
    Ok(returned)
}

/// The error of an invocation that took too long.
pub fn timed_out(request_id: &str, timeout: Duration) -> FunctionError {
    let seconds = timeout.as_secs_f64();
    let message =
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds");
    FunctionError::new("Sandbox.Timedout", message)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
