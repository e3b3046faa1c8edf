//! Starts a built function with the environment that the template and Lambda give it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lambda::{Failure, Function, Program, Start, Written};
use local::functions::{Endpoints, environment_of};
use local::serve::Running;
use serde_json::{Value, json};
use template::{Kind, Template};

/// The directory in which `sam build` writes the functions of each template, under their logical ids.
const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../.aws-sam");

/// A running built function. It is killed when it goes out of scope.
pub(super) struct Bootstrap {
    pub(super) kind: Kind,
    /// The time from the start of the process to its first request for an invocation.
    pub(super) first_next: Duration,
    function: Function,
}

impl Bootstrap {
    /// Starts a function against the services of a running shop.
    pub(super) async fn start(running: &Running, kind: Kind) -> Self {
        match Self::start_with(running, kind, |_| ()).await {
            Ok(bootstrap) => bootstrap,
            Err(failed) => panic!("{}: {failed}", kind.binary()),
        }
    }

    /// Starts a function after `change` changed its environment.
    pub(super) async fn start_with(
        running: &Running,
        kind: Kind,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<Self, Failure> {
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
    ) -> Result<Self, Failure> {
        let (logical, spec) = template.function(kind).unwrap();
        let file = built(kind, logical);
        let mut program = Program {
            arguments: Vec::new(),
            directory: file.parent().unwrap().to_owned(),
            environment: environment_of(spec, &template.place, endpoints),
            file,
        };
        change(&mut program.environment);
        let function = Function::start(Start {
            program: &program,
            arn: spec.arn.clone(),
            timeout: spec.timeout,
        })
        .await?;
        Ok(Self {
            kind,
            first_next: function.first_next,
            function,
        })
    }

    /// Invokes the function as Lambda does. If it reports an error, that is the answer.
    pub(super) async fn invoke(&mut self, event: &Value) -> Value {
        self.invoke_raw(event.to_string().into_bytes()).await
    }

    pub(super) async fn invoke_raw(&mut self, event: Vec<u8>) -> Value {
        let answer = self.function.invoke(event).await;
        answer.unwrap_or_else(|failure| panic!("{}: {failure}", self.kind.binary()))
    }

    /// Ends the function and returns what it wrote.
    pub(super) fn end(self) -> Written {
        self.function.end()
    }
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

/// The message of a function that says why it does not start, and ends.
#[track_caller]
pub(super) fn failed_init(started: Result<Bootstrap, Failure>) -> String {
    let Err(Failure::Init {
        error_type,
        error,
        status,
    }) = started.map(|started| started.kind)
    else {
        panic!("the function starts");
    };
    assert_eq!(error_type, "Runtime.InitError", "{error}");
    assert!(!status.success(), "{error}");
    error["errorMessage"].as_str().unwrap().to_owned()
}

/// The `errorType` of an answer that is an error; otherwise null.
pub(super) fn error_type(answer: &Value) -> Value {
    answer.get("errorType").cloned().unwrap_or(json!(null))
}
