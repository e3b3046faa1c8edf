//! A running function: invoked one event at a time, as Lambda does.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{Process, Program, Usage, Written};
use crate::runtime_api::{Invocation, Message, RuntimeApi};

/// The time that Lambda gives a function to start.
const INIT_MAX: Duration = Duration::from_secs(10);

/// A running function. It is killed when it goes out of scope.
#[derive(Debug)]
pub struct Function {
    /// The time from the start of the process to its first request for an invocation.
    pub first_next: Duration,
    arn: String,
    timeout: Duration,
    api: RuntimeApi,
    process: Process,
    invocations: u32,
}

/// What Lambda knows of a function that it starts.
#[derive(Clone, Debug)]
pub struct Start<'program> {
    /// How it is started.
    pub program: &'program Program,
    /// Its ARN.
    pub arn: String,
    /// The time after which Lambda ends an invocation.
    pub timeout: Duration,
}

/// Why there is no running function, or no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It said why it does not start.
    #[error("the function does not start: {error_type}: {error} ({status})")]
    Init {
        /// The error's type.
        error_type: String,
        /// The error.
        error: Value,
        /// How the process ended.
        status: ExitStatus,
    },
    /// It ended, hung, or sent what was not expected.
    #[error("{0}")]
    Protocol(String),
    /// The process cannot be started, or no loopback port is free.
    #[error("the function cannot be started: {0}")]
    Process(#[from] std::io::Error),
}

impl Function {
    /// Starts a function and waits until it asks for its first invocation.
    ///
    /// # Errors
    /// It does not start, or not in time.
    pub async fn start(start: Start<'_>) -> Result<Self, Failure> {
        let mut api = RuntimeApi::start().await?;
        let began = now();
        let mut process = Process::start(start.program, &api.address)?;
        let message = tokio::time::timeout(INIT_MAX, api.messages.recv()).await;
        let first_next = began.elapsed();
        match message {
            Ok(Some(Message::Next)) => Ok(Self {
                first_next,
                arn: start.arn,
                timeout: start.timeout,
                api,
                process,
                invocations: 0,
            }),
            Ok(Some(Message::InitError(error_type, error))) => Err(Failure::Init {
                error_type,
                error,
                status: process.wait()?,
            }),
            other => Err(Failure::Protocol(format!("{other:?} {:?}", process.end()))),
        }
    }

    /// Invokes the function. If it reports an error, that is the answer.
    ///
    /// # Errors
    /// It ended, or did not answer within its time-out.
    pub async fn invoke(&mut self, event: Vec<u8>) -> Result<Value, Failure> {
        self.invoke_timed(event).await.map(|(answer, _)| answer)
    }

    /// Invokes the function, and says how long it took until the answer was there.
    ///
    /// # Errors
    /// It ended, or did not answer within its time-out.
    pub async fn invoke_timed(&mut self, event: Vec<u8>) -> Result<(Value, Duration), Failure> {
        self.invocations += 1;
        let request_id = format!("8476a536-e9f4-11e8-9739-{:012}", self.invocations);
        let invocation = Invocation {
            request_id: request_id.clone(),
            event,
            function_arn: format!("{}:live", self.arn),
            timeout: self.timeout,
        };
        let sent = now();
        if self.api.invocations.send(invocation).await.is_err() {
            return Err(Failure::Protocol("the runtime API ended".to_owned()));
        }
        let message = self.receive().await?;
        let took = sent.elapsed();
        let answer = match message {
            Message::Response(id, answer) | Message::Error(id, answer) if id == request_id => {
                answer
            }
            other => return Err(Failure::Protocol(format!("{other:?}"))),
        };
        // The function still runs and is ready for the next invocation.
        match self.receive().await? {
            Message::Next => Ok((answer, took)),
            other => Err(Failure::Protocol(format!("{other:?}"))),
        }
    }

    async fn receive(&mut self) -> Result<Message, Failure> {
        match tokio::time::timeout(self.timeout, self.api.messages.recv()).await {
            Ok(Some(message)) => Ok(message),
            _ => Err(Failure::Protocol(format!(
                "the function did not answer within its time-out: {:?}",
                self.process.end()
            ))),
        }
    }

    /// What the process used until now.
    pub fn usage(&self) -> Usage {
        self.process.usage()
    }

    /// Ends the function and returns what it wrote.
    pub fn end(mut self) -> Written {
        self.process.end()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the time is only measured and decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}
