//! Counts what runs, under the names and dimensions that AWS uses.
//!
//! Source: the pages "Lambda metrics", "HTTP API metrics and dimensions", "DynamoDB metrics and
//! dimensions", "Amazon SQS metrics" and "Amazon SNS metrics".

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use database::Exchange;
use gateway::Observed;
use jiff::Timestamp;
use shared::world::World;
use template::FunctionSpec;
use watch::{Metric, Pace, Store};

use crate::fault::{Faults, Wrong};

/// The `ApiId` of the only API, and the name of its only stage.
const API: [(&str, &str); 2] = [("ApiId", "local"), ("Stage", "$default")];

/// How often somebody who waits for a slow service looks whether it is mended.
const LINGER_STEP: Duration = Duration::from_millis(500);

/// Counts for all services of a server. Clones share the counts.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    store: Arc<Mutex<Store>>,
    pub(crate) faults: Faults,
    pub(crate) pace: Pace,
    pub(crate) world: World,
}

impl Meter {
    pub(crate) fn new(faults: Faults, pace: Pace, world: World) -> Self {
        Self {
            store: Arc::default(),
            faults,
            pace,
            world,
        }
    }

    /// What is wrong with a service now.
    pub(crate) fn fault(&self, service: &str) -> Option<Wrong> {
        self.faults.of(service, self.world.now())
    }

    /// Waits as long as a slow service does. The wait ends when the service is mended.
    pub(crate) async fn linger(&self, service: &str, wait: Duration) {
        let end = self.world.now() + wait;
        while self.fault(service).is_some() {
            let left = Duration::try_from(end.duration_since(self.world.now()));
            let left = left.unwrap_or_default();
            if left.is_zero() {
                return;
            }
            self.world.sleep(left.min(LINGER_STEP)).await;
        }
    }

    /// Reads the counts.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&mut Store) -> T) -> T {
        read(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a value of a metric at a time.
    pub(crate) fn add(
        &self,
        (namespace, name): (&str, &str),
        dimensions: &[(&str, &str)],
        at: Timestamp,
        value: f64,
    ) {
        let metric = Metric::new(namespace, name, dimensions);
        let minute = self.pace.minute(at);
        self.read(|store| store.record(&metric, minute, value));
    }

    /// Counts a function's invocation. Lambda dates it by its start.
    pub(crate) fn invoked(
        &self,
        spec: &FunctionSpec,
        begun: Timestamp,
        took: Duration,
        failed: bool,
    ) {
        let errors = f64::from(u8::from(failed));
        for (name, value) in [
            ("Invocations", 1.0),
            ("Errors", errors),
            ("Duration", took.as_secs_f64() * 1000.0),
        ] {
            self.of_function(spec, name, begun, value);
        }
    }

    /// Counts an invocation that was refused. It is not among the invocations.
    pub(crate) fn throttled(&self, spec: &FunctionSpec, at: Timestamp) {
        self.of_function(spec, "Throttles", at, 1.0);
    }

    fn of_function(&self, spec: &FunctionSpec, name: &str, at: Timestamp, value: f64) {
        let own = ("FunctionName", spec.name.as_str());
        let alias = format!("{}:live", spec.name);
        for dimensions in [&[own][..], &[own, ("Resource", &alias)]] {
            self.add(("AWS/Lambda", name), dimensions, at, value);
        }
    }

    /// Counts an answer of the API.
    pub(crate) fn api_answered(&self, observed: &Observed) {
        let is = |class: u16| f64::from(u8::from(observed.status / 100 == class));
        let mut values = vec![
            ("Count", 1.0),
            ("4xx", is(4)),
            ("5xx", is(5)),
            ("Latency", observed.milliseconds),
        ];
        let integration = observed.integration_milliseconds;
        values.extend(integration.map(|it| ("IntegrationLatency", it)));
        let [api, stage] = API;
        for (name, value) in values {
            for dimensions in [&[api][..], &[api, stage]] {
                self.add(("AWS/ApiGateway", name), dimensions, observed.begun, value);
            }
        }
    }

    fn of_table(&self, name: &str, dimensions: &[(&str, &str)], value: f64) {
        let now = self.world.now();
        self.add(("AWS/DynamoDB", name), dimensions, now, value);
    }
}

impl database::Gate for Meter {
    fn fault(&self, _operation: &str) -> Option<database::Fault> {
        Some(match Meter::fault(self, "dynamodb")? {
            Wrong::Throttle => database::Fault::Throttle,
            Wrong::Slow(wait) => database::Fault::Slow(wait),
            Wrong::Conflict => database::Fault::Conflict,
            Wrong::Refuse => database::Fault::Refuse,
            Wrong::Error | Wrong::Gone => database::Fault::Error,
        })
    }

    async fn wait(&self, duration: Duration) {
        self.linger("dynamodb", duration).await;
    }

    /// As in AWS, there is a value only where something went wrong.
    fn answered(&self, exchange: &Exchange) {
        let operation = ("Operation", exchange.operation.as_str());
        let error = exchange.error.as_deref().unwrap_or_default();
        let is_read = [
            "GetItem",
            "BatchGetItem",
            "Query",
            "Scan",
            "TransactGetItems",
        ]
        .contains(&exchange.operation.as_str());
        let throttled = if is_read {
            "ReadThrottleEvents"
        } else {
            "WriteThrottleEvents"
        };
        for table in &exchange.tables {
            let name = ("TableName", table.as_str());
            if 500 <= exchange.status {
                self.of_table("SystemErrors", &[name, operation], 1.0);
            }
            match error {
                "ThrottlingException" | "ProvisionedThroughputExceededException" => {
                    self.of_table("ThrottledRequests", &[name, operation], 1.0);
                    match &exchange.index {
                        Some(index) => {
                            let index = ("GlobalSecondaryIndexName", index.as_str());
                            self.of_table(throttled, &[name, index], 1.0);
                        }
                        None => self.of_table(throttled, &[name], 1.0),
                    }
                }
                "TransactionConflictException" => {
                    self.of_table("TransactionConflict", &[name], 1.0);
                }
                _ => {}
            }
        }
        for (code, table) in &exchange.reasons {
            let name = ("TableName", table.as_str());
            match code.as_str() {
                "TransactionConflict" => self.of_table("TransactionConflict", &[name], 1.0),
                "ThrottlingError" | "ProvisionedThroughputExceeded" => {
                    self.of_table("WriteThrottleEvents", &[name], 1.0);
                }
                _ => {}
            }
        }
    }
}
