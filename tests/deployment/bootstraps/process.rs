//! Runs a built function as a process, with only the environment that it has in Lambda.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use local::functions::{Endpoints, environment_of};
use local::serve::Running;
use serde_json::{Value, json};
use template::{FunctionSpec, Kind, Template};

use super::runtime_api::{Invocation, Message, RuntimeApi};

/// The directory in which `sam build` writes the functions of each template, under their logical ids.
const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.aws-sam");

/// The time that Lambda gives a function to start.
const INIT_MAX: Duration = Duration::from_secs(10);

/// A running built function. It is killed when it goes out of scope.
pub(super) struct Bootstrap {
    pub(super) kind: Kind,
    /// The time from the start of the process to its first request for an invocation.
    pub(super) first_next: Duration,
    spec: FunctionSpec,
    api: RuntimeApi,
    process: Process,
    invocations: u32,
}

/// How a function ended that did not start.
#[derive(Debug)]
pub(super) struct FailedStart {
    pub(super) error_type: String,
    pub(super) error: Value,
    pub(super) status: ExitStatus,
}

/// What a function wrote until it ended.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) log: String,
    pub(super) stderr: String,
}

/// A process whose output is read while it runs.
struct Process {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Bootstrap {
    /// Starts a function against the services of a running shop.
    pub(super) async fn start(running: &Running, kind: Kind) -> Self {
        match Self::start_with(running, kind, |_| ()).await {
            Ok(bootstrap) => bootstrap,
            Err(failed) => panic!("{} does not start: {failed:?}", kind.binary()),
        }
    }

    /// Starts a function after `change` changed its environment.
    pub(super) async fn start_with(
        running: &Running,
        kind: Kind,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<Self, FailedStart> {
        let endpoints = Endpoints {
            dynamodb: running.dynamodb_url.clone(),
            aws: running.secrets_url.clone(),
            redis: None,
        };
        Self::start_of(&running.template, &endpoints, kind, change).await
    }

    /// Starts a function of a template after `change` changed its environment.
    pub(super) async fn start_of(
        template: &Template,
        endpoints: &Endpoints,
        kind: Kind,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<Self, FailedStart> {
        let (logical, spec) = template.function(kind).unwrap();
        let mut api = RuntimeApi::start().await;
        let program = built(kind, logical);
        let mut environment = environment_of(spec, &template.place, endpoints);
        environment.extend(set_by_lambda(&program, &api.address));
        change(&mut environment);
        let began = now();
        let mut process = Process::start(&program, &environment);
        let message = tokio::time::timeout(INIT_MAX, api.messages.recv()).await;
        let first_next = now() - began;
        match message {
            Ok(Some(Message::Next)) => Ok(Self {
                kind,
                first_next,
                spec: spec.clone(),
                api,
                process,
                invocations: 0,
            }),
            Ok(Some(Message::InitError(error_type, error))) => Err(FailedStart {
                error_type,
                error,
                status: process.child.wait().unwrap(),
            }),
            other => panic!("{logical}: {other:?} {:?}", process.end()),
        }
    }

    /// Invokes the function as Lambda does. If it reports an error, that is the answer.
    pub(super) async fn invoke(&mut self, event: &Value) -> Value {
        self.invoke_raw(event.to_string().into_bytes()).await
    }

    pub(super) async fn invoke_raw(&mut self, event: Vec<u8>) -> Value {
        self.invocations += 1;
        let request_id = format!("8476a536-e9f4-11e8-9739-{:012}", self.invocations);
        let invocation = Invocation {
            request_id: request_id.clone(),
            event,
            function_arn: format!("{}:live", self.spec.arn),
            timeout: self.spec.timeout,
        };
        self.api.invocations.send(invocation).await.unwrap();
        let answer = match self.receive().await {
            Message::Response(id, answer) | Message::Error(id, answer) if id == request_id => {
                answer
            }
            other => panic!("{}: {other:?}", self.kind.binary()),
        };
        // The function still runs and is ready for the next invocation.
        let message = self.receive().await;
        assert!(
            matches!(message, Message::Next),
            "{}: {message:?}",
            self.kind.binary()
        );
        answer
    }

    async fn receive(&mut self) -> Message {
        match tokio::time::timeout(self.spec.timeout, self.api.messages.recv()).await {
            Ok(Some(message)) => message,
            _ => panic!(
                "{} did not answer within its time-out: {:?}",
                self.kind.binary(),
                self.process.end()
            ),
        }
    }

    /// Ends the function and returns what it wrote.
    pub(super) fn end(mut self) -> Written {
        self.process.end()
    }
}

impl Process {
    fn start(program: &Path, environment: &BTreeMap<String, String>) -> Self {
        let mut child = Command::new(program)
            .current_dir(program.parent().unwrap())
            // In Lambda, a function does not have this machine's environment.
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdout = child.stdout.take().map(read);
        let stderr = child.stderr.take().map(read);
        Self {
            child,
            stdout,
            stderr,
        }
    }

    fn end(&mut self) -> Written {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let text = |read: &mut Option<JoinHandle<String>>| {
            read.take()
                .map(|read| read.join().unwrap())
                .unwrap_or_default()
        };
        Written {
            log: text(&mut self.stdout),
            stderr: text(&mut self.stderr),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads to the end in a thread of its own, because a full pipe would block the function.
fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The file of a built function.
fn built(kind: Kind, logical: &str) -> PathBuf {
    let of_template = match kind {
        Kind::CostReport => "cost",
        _ => "build",
    };
    let program = Path::new(BUILT)
        .join(of_template)
        .join(logical)
        .join("bootstrap");
    assert!(
        program.is_file(),
        ".aws-sam/{of_template}/{logical}/bootstrap is missing; build it with: ./check build bootstraps"
    );
    program
}

/// The variables that Lambda sets.
///
/// Source: "Defined runtime environment variables", AWS Lambda Developer Guide.
fn set_by_lambda(program: &Path, api: &str) -> BTreeMap<String, String> {
    let root = program.parent().unwrap().display().to_string();
    let set = [
        ("AWS_LAMBDA_RUNTIME_API", api),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/surefire"),
        (
            "AWS_LAMBDA_LOG_STREAM_NAME",
            "2026/11/22/[1]0123456789abcdef",
        ),
        ("AWS_SESSION_TOKEN", "local"),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LAMBDA_TASK_ROOT", &root),
        ("LANG", "en_US.UTF-8"),
        (
            "LD_LIBRARY_PATH",
            "/lib64:/usr/lib64:/var/runtime:/var/task",
        ),
        ("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin"),
        ("TZ", ":UTC"),
        ("_HANDLER", "bootstrap"),
    ];
    set.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The `errorType` of an answer that is an error; otherwise null.
pub(super) fn error_type(answer: &Value) -> Value {
    answer.get("errorType").cloned().unwrap_or(json!(null))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time is only measured and decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}
