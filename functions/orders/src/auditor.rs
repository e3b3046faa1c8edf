//! The auditor: checks once a day that stock, orders, returns, payments and adjustments add up,
//! as its own entry point.
//!
//! It only reads, and keeps nothing between two runs. Read [`suspects`] first: it says when a
//! difference is proven. Then [`evidence`] (what is compared) and [`passes`] (what is read).

mod evidence;
mod finding;
mod limits;
mod passes;
mod repair;
mod report;
mod seen;
mod suspects;

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::Client;
use lambda_http::lambda_runtime::{Diagnostic, LambdaEvent};
use once::{RetriesAreOn, Store};
use serde_json::Value;
use shared::world::World;
use tracing::Instrument as _;

pub use self::report::SERVICE;

use self::limits::Limits;
use self::passes::Auditing;
use crate::config::{ConfigError, StoreConfig};
use crate::deadline::deadline;
use crate::error::Error;

/// The configuration of the auditor.
#[derive(Clone, Debug)]
pub struct AuditorConfig {
    store: StoreConfig,
    limits: Limits,
}

/// The auditor, started.
#[derive(Debug)]
pub struct Auditor {
    store: Store,
    limits: Limits,
    warm: AtomicBool,
}

/// The database refused to be read.
#[derive(Debug, thiserror::Error)]
#[error("the audit was not finished: {0}")]
pub struct AuditError(#[from] Error);

impl From<AuditError> for Diagnostic {
    fn from(error: AuditError) -> Self {
        Self {
            error_type: "AuditError".to_owned(),
            error_message: error.to_string(),
        }
    }
}

impl AuditorConfig {
    /// The database client of this configuration.
    pub fn client(&self) -> Client {
        self.store.client()
    }
}

impl Auditor {
    /// Starts the auditor. It opens no connection: the first run does.
    ///
    /// # Errors
    /// The database client repeats requests by itself: a defect.
    pub fn new(config: &AuditorConfig, world: World) -> Result<Self, RetriesAreOn> {
        Self::with_client(config, config.client(), world)
    }

    /// Starts the auditor with another client.
    ///
    /// # Errors
    /// The client repeats requests by itself.
    pub fn with_client(
        config: &AuditorConfig,
        client: Client,
        world: World,
    ) -> Result<Self, RetriesAreOn> {
        Ok(Self {
            store: Store::new(client, config.store.table.clone(), world)?,
            limits: config.limits,
            warm: AtomicBool::new(false),
        })
    }
}

/// Reads the variables of the store, `AUDIT_READ_UNITS_MAX` and `AUDIT_WAIT_SECONDS`.
///
/// # Errors
/// A variable is missing or not valid. The error names it.
pub fn config(var: impl Fn(&str) -> Option<String>) -> Result<AuditorConfig, ConfigError> {
    Ok(AuditorConfig {
        limits: Limits::from_env(&var)?,
        store: StoreConfig::from_env(var)?,
    })
}

/// Audits once. The event is not read.
pub async fn handle(auditor: &Auditor, event: LambdaEvent<Value>) -> Result<Value, AuditError> {
    let context = event.context;
    let span = shared::telemetry::invocation_span(
        SERVICE,
        &context.request_id,
        context.xray_trace_id.as_deref(),
        !auditor.warm.swap(true, Ordering::Relaxed),
    );
    let deadline = deadline(context.deadline, auditor.store.machine_now());
    let session = auditor.store.session(deadline);
    let audit = async {
        let mut auditing = Auditing::new(&session, auditor.limits);
        let result = auditing.run().await;
        report::report(&session, &auditing.audited, result.is_err());
        if let Err(error) = result {
            // Lambda counts the error, and logs nothing about it.
            tracing::error!(cause = ?error, "an audit was not finished");
            return Err(error.into());
        }
        Ok(report::answer(&session, &auditing.audited))
    };
    // Boxed: the types of nested futures are otherwise too deep for the compiler.
    Box::pin(audit.instrument(span)).await
}
