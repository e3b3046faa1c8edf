//! Runs an invocation: tests the new versions, and tells CodeDeploy whether they may get traffic.

use std::time::Duration;

use aws_sdk_codedeploy::Client as CodeDeploy;
use aws_sdk_codedeploy::types::LifecycleEventStatus;
use aws_sdk_lambda::Client as Lambda;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use futures::future::{Either, select};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::world::World;
use tracing::Instrument as _;

use crate::config::Config;
use crate::steps::{Broken, Check};
use crate::versions::{INVOCATION_MAX, told};

/// The name of this function in logs.
pub const SERVICE: &str = "release-check";

/// The end of the invocation that is kept free to tell CodeDeploy the result.
const RESERVE: Duration = Duration::from_secs(15);

/// How often the result is sent. CodeDeploy would wait an hour for a result that does not come.
const REPORTS_MAX: u32 = 4;

/// The wait before the first repeat; twice as long before each further one.
const REPORT_WAIT: Duration = Duration::from_millis(500);

/// The longest call of CodeDeploy.
const REPORT_CALL_MAX: Duration = Duration::from_secs(2);

/// The function: its clients.
#[derive(Debug)]
pub struct App {
    config: Config,
    lambda: Lambda,
    codedeploy: CodeDeploy,
    world: World,
}

/// Why an invocation failed. Lambda does not repeat it, and CodeDeploy ends the deployment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The event is not one of CodeDeploy.
    #[error(
        "the event names no DeploymentId and LifecycleEventHookExecutionId: only CodeDeploy invokes this function"
    )]
    WrongEvent,
    /// CodeDeploy did not take the result.
    #[error(
        "CodeDeploy did not take the result: {0}. Check the function's role; the deployment fails after an hour, or stop it by hand"
    )]
    NotReported(String),
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match &error {
            Error::WrongEvent => "WrongEvent",
            Error::NotReported(_) => "NotReported",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// The event that CodeDeploy sends to a hook.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Hook {
    deployment_id: String,
    lifecycle_event_hook_execution_id: String,
}

impl App {
    /// Builds the clients. Calls nothing yet.
    pub fn new(config: Config, world: World) -> Self {
        let sdk = config.aws.sdk_config();
        let limited = |limit| TimeoutConfig::builder().operation_timeout(limit).build();
        let mut lambda = aws_sdk_lambda::config::Builder::from(&sdk);
        lambda.set_endpoint_url(config.aws.endpoint("LAMBDA"));
        lambda.set_timeout_config(Some(limited(INVOCATION_MAX)));
        let mut codedeploy = aws_sdk_codedeploy::config::Builder::from(&sdk);
        codedeploy.set_endpoint_url(config.aws.endpoint("CODEDEPLOY"));
        codedeploy.set_timeout_config(Some(limited(REPORT_CALL_MAX)));
        Self {
            lambda: Lambda::from_conf(lambda.build()),
            codedeploy: CodeDeploy::from_conf(codedeploy.build()),
            config,
            world,
        }
    }

    /// Tests the versions in the time that is left.
    async fn test(&self, deadline_milliseconds: u64) -> Result<(), Broken> {
        let now = u64::try_from(self.world.machine_now().as_millisecond()).unwrap_or_default();
        let left = Duration::from_millis(deadline_milliseconds.saturating_sub(now));
        let check = Check::new(&self.lambda, &self.config, &self.world);
        let tested = Box::pin(check.run());
        let late = Box::pin(self.world.sleep(left.saturating_sub(RESERVE)));
        match select(tested, late).await {
            Either::Left((tested, _)) => tested,
            Either::Right(_) => Err(Broken::new(
                "the versions were too slow to be tested in time",
            )),
        }
    }

    async fn report(&self, hook: &Hook, status: &LifecycleEventStatus) -> Result<(), Error> {
        let mut wait = REPORT_WAIT;
        let mut last = String::new();
        for attempt in 0..REPORTS_MAX {
            if attempt != 0 {
                self.world.sleep(wait).await;
                wait = wait.saturating_mul(2);
            }
            let sent = self
                .codedeploy
                .put_lifecycle_event_hook_execution_status()
                .deployment_id(&hook.deployment_id)
                .lifecycle_event_hook_execution_id(&hook.lifecycle_event_hook_execution_id)
                .status(status.clone())
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(()),
                Err(error) => last = told(&error),
            }
            tracing::warn!(attempt, cause = last, "CodeDeploy did not take the result");
        }
        Err(Error::NotReported(last))
    }
}

/// Handles an invocation.
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    let (id, trace) = (&context.request_id, context.xray_trace_id.as_deref());
    // One deployment, one invocation: each is the first of its environment.
    let span = shared::telemetry::invocation_span(SERVICE, id, trace, true);
    async {
        let hook: Hook = serde_json::from_value(payload).map_err(|_| Error::WrongEvent)?;
        let tested = app.test(context.deadline).await;
        let status = match &tested {
            Ok(()) => LifecycleEventStatus::Succeeded,
            Err(_) => LifecycleEventStatus::Failed,
        };
        let why = tested.err().map(|broken| broken.to_string());
        match &why {
            None => tracing::info!(deployment = hook.deployment_id, "the new versions work"),
            Some(why) => tracing::error!(
                deployment = hook.deployment_id,
                why,
                "the new versions do not work, so they get no traffic"
            ),
        }
        app.report(&hook, &status).await?;
        Ok(json!({"status": status.as_str(), "why": why}))
    }
    .instrument(span)
    .await
}
