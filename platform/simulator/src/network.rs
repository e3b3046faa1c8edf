//! The network between the functions' AWS SDK and the database, and all that goes wrong on it.
//!
//! As on a real network, a request arrives even when its sender is gone.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use database::{Response, code, connector};
use futures::channel::oneshot;
use serde_json::Value;

use super::exchanges::Exchanges;
use super::fault::{Accident, Fate, Fault};
use super::request::{Key, Operation, Request};
use super::table::Table;
use super::time::{Time, lock};
use super::trace::Trace;

/// Decides the fate of each request.
pub(crate) type Director = Box<dyn FnMut(&Request) -> Fate + Send>;

/// Tampers with requests and responses, to see whether the checks notice.
pub trait Sabotage: Send + Sync {
    /// Tampers with a request. If it returns a response, that is the answer, and the request is not
    /// applied. `items` is everything that the table holds.
    fn request(&self, _request: &mut Request, _items: &BTreeMap<Key, Value>) -> Option<Response> {
        None
    }

    /// Tampers with a response.
    fn response(&self, _request: &Request, _response: &mut Response) {}
}

/// The network to the database. Clones share it.
#[derive(Clone)]
pub(crate) struct Network {
    time: Time,
    table: Arc<Mutex<Table>>,
    director: Arc<Mutex<Director>>,
    sabotage: Option<Arc<dyn Sabotage>>,
    trace: Trace,
    sent: Arc<AtomicU64>,
    tally: Arc<Mutex<Tally>>,
}

/// What passed over the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    /// How often each kind of fault happened.
    pub(crate) faults: BTreeMap<Fault, u64>,
    /// By an order's partition key: how many writes were sent to place or refuse it.
    pub(crate) attempts: BTreeMap<String, u64>,
    /// How many requests were sent to the database.
    pub(crate) requests: u64,
    /// How many of them were transactions.
    pub(crate) requests_of_transactions: u64,
    /// What passed between the orders function and its Redis.
    pub(crate) redis: Exchanges,
    /// How many audits ended in each way.
    pub(crate) audits: BTreeMap<String, u64>,
    /// How many violations the trace has so far.
    violations: usize,
}

/// The connection broke.
#[derive(Debug, thiserror::Error)]
#[error("connection reset by peer")]
struct Reset;

/// Where a response goes, if the sender still waits for it.
type Reply = oneshot::Sender<Result<Response, Reset>>;

impl Network {
    /// A network to a table.
    pub(crate) fn new(
        time: Time,
        table: Arc<Mutex<Table>>,
        director: Director,
        sabotage: Option<Arc<dyn Sabotage>>,
        trace: Trace,
    ) -> Self {
        Self {
            time,
            table,
            director: Arc::new(Mutex::new(director)),
            sabotage,
            trace,
            sent: Arc::default(),
            tally: Arc::default(),
        }
    }

    /// Replaces the director.
    pub(crate) fn direct(&self, director: Director) {
        *lock(&self.director) = director;
    }

    /// What passed so far.
    pub(crate) fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }

    /// Counts a fault.
    pub(crate) fn note(&self, fault: Fault) {
        *lock(&self.tally).faults.entry(fault).or_default() += 1;
    }

    /// Counts what passed between the orders function and its Redis.
    pub(crate) fn note_redis(&self, note: impl FnOnce(&mut Exchanges)) {
        note(&mut lock(&self.tally).redis);
    }

    /// Counts an audit.
    pub(crate) fn note_audit(&self, outcome: &str) {
        *lock(&self.tally)
            .audits
            .entry(outcome.to_owned())
            .or_default() += 1;
    }

    /// Checks one condition.
    pub(crate) fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        lock(&self.table).journal.check(holds, what);
        self.tell_violations();
    }

    /// Sends a request. Its fate is decided now and stands, even if its sender ends.
    fn send(&self, mut request: Request, reply: Reply) {
        let instead = self.sabotage.as_ref().and_then(|sabotage| {
            let instead = sabotage.request(&mut request, lock(&self.table).items());
            request.reread();
            instead
        });
        let fate = lock(&self.director)(&request);
        self.note_fate(&request, &fate);
        self.time
            .spawn(self.clone().carry(request, instead, fate, reply));
    }

    /// Carries a request to the database and its response back.
    async fn carry(self, request: Request, instead: Option<Response>, fate: Fate, reply: Reply) {
        if let Some(again) = fate.again {
            let (network, copy) = (self.clone(), request.clone());
            let there = fate.there + again;
            self.time
                .spawn(async move { network.arrive_again(copy, there).await });
        }
        self.time.sleep(fate.there).await;
        if let Some(Accident::LoseRequest { reset }) = fate.accident {
            self.trace.tell(|| format!("{request} is lost"));
            return lose(reply, reset);
        }
        let mut response = match instead {
            Some(response) => response,
            None => self.meet(&request, &fate).await,
        };
        if let Some(sabotage) = &self.sabotage {
            sabotage.response(&request, &mut response);
        }
        if let Some(Accident::LoseAnswer { reset }) = fate.accident {
            self.trace
                .tell(|| format!("{request} → {response}, and the answer is lost"));
            self.time.sleep(fate.back).await;
            return lose(reply, reset);
        }
        self.trace.tell(|| format!("{request} → {response}"));
        self.time.sleep(fate.back).await;
        // The sender may be gone.
        let _ = reply.send(Ok(response));
    }

    /// Delivers a request a second time. Nobody gets that response.
    async fn arrive_again(self, request: Request, there: Duration) {
        self.time.sleep(there).await;
        let response = self.apply(&request, &Fate::default()).await;
        self.trace
            .tell(|| format!("{request} arrives again → {response}"));
    }

    /// The database's response to a request with this fate.
    async fn meet(&self, request: &Request, fate: &Fate) -> Response {
        match &fate.accident {
            Some(Accident::Conflict(items)) => conflict(request, items),
            Some(Accident::Throttle(items)) => throttle(request, items),
            Some(Accident::TokenMismatch) => {
                Response::error(400, "IdempotentParameterMismatchException", "")
            }
            Some(Accident::ServerError { applied }) => {
                if *applied {
                    let _ = self.apply(request, fate).await;
                }
                Response::error(500, "InternalServerError", "")
            }
            Some(Accident::InProgress(longer)) => {
                let (network, first) = (self.clone(), request.clone());
                let fate = Fate {
                    holds: *longer,
                    ..fate.clone()
                };
                self.time.spawn(async move {
                    let response = network.apply(&first, &fate).await;
                    network
                        .trace
                        .tell(|| format!("{first}, the first copy → {response}"));
                });
                Response::error(400, "TransactionInProgressException", "")
            }
            Some(Accident::ConflictBeside) => {
                let mut response = self.apply(request, fate).await;
                for reason in response.reasons_mut().into_iter().flatten() {
                    if code(reason) == Some("None") {
                        *reason = serde_json::json!({"Code": "TransactionConflict"});
                    }
                }
                response
            }
            Some(Accident::LoseRequest { .. } | Accident::LoseAnswer { .. }) | None => {
                self.apply(request, fate).await
            }
        }
    }

    async fn apply(&self, request: &Request, fate: &Fate) -> Response {
        if request.operation != Operation::TransactWriteItems {
            let response = lock(&self.table).execute(request, self.time.elapsed(), fate);
            self.tell_violations();
            return response;
        }
        if let Err(response) = lock(&self.table).begin(request, self.time.elapsed()) {
            return response;
        }
        self.time.sleep(fate.holds).await;
        let response = lock(&self.table).finish(request, self.time.elapsed(), fate);
        self.tell_violations();
        // Until the response leaves, others may see one of its items and not another.
        self.time.sleep(fate.torn).await;
        response
    }

    /// Adds the new violations to the trace.
    fn tell_violations(&self) {
        let table = lock(&self.table);
        let traced = &mut lock(&self.tally).violations;
        for violation in table.journal.violations.iter().skip(*traced) {
            self.trace.tell(|| format!("VIOLATION: {violation}"));
        }
        *traced = table.journal.violations.len();
    }

    fn note_fate(&self, request: &Request, fate: &Fate) {
        let mut tally = lock(&self.tally);
        tally.requests += 1;
        tally.requests_of_transactions +=
            u64::from(request.operation == Operation::TransactWriteItems);
        if let Some(pk) = first_write_of(request) {
            *tally.attempts.entry(pk.to_owned()).or_default() += 1;
        }
        let happened = [
            fate.accident.as_ref().map(Accident::fault),
            fate.again.map(|_| Fault::Duplicate),
            (!fate.torn.is_zero()).then_some(Fault::TornRead),
            (!fate.lag.is_zero()).then_some(Fault::StaleIndex),
            (fate.unprocessed != 0).then_some(Fault::Unprocessed),
            (Duration::from_millis(5) < fate.there).then_some(Fault::Delay),
        ];
        for fault in happened.into_iter().flatten() {
            *tally.faults.entry(fault).or_default() += 1;
        }
    }
}

/// The partition key of the order that a request would place or refuse.
fn first_write_of(request: &Request) -> Option<&str> {
    let action = request.actions().first();
    let item = match request.operation {
        Operation::TransactWriteItems => action?.get("Put")?.get("Item")?,
        Operation::PutItem => request.body.get("Item")?,
        _ => return None,
    };
    let text = |name: &str| item.get(name)?.get("S")?.as_str();
    text("pk").filter(|pk| pk.starts_with("ORD#") && text("sk") == Some("ORDER"))
}

fn lose(reply: Reply, reset: bool) {
    if reset {
        let _ = reply.send(Err(Reset));
    }
}

fn conflict(request: &Request, items: &[usize]) -> Response {
    if request.operation != Operation::TransactWriteItems {
        return Response::error(400, "TransactionConflictException", "");
    }
    Response::cancelled(&codes(request, items, "TransactionConflict"))
}

fn throttle(request: &Request, items: &[usize]) -> Response {
    // DynamoDB reports throttling in three ways. Each request gets one of them.
    match (request.operation, request.number % 3) {
        (Operation::TransactWriteItems, 0) => {
            Response::cancelled(&codes(request, items, "ThrottlingError"))
        }
        (Operation::TransactWriteItems, 1) => {
            Response::cancelled(&codes(request, items, "ProvisionedThroughputExceeded"))
        }
        (_, 2) => Response::error(400, "ThrottlingException", ""),
        _ => Response::error(400, "ProvisionedThroughputExceededException", ""),
    }
}

fn codes<'code>(request: &Request, items: &[usize], code: &'code str) -> Vec<&'code str> {
    let count = request.keys.len();
    (0..count)
        .map(|place| if items.contains(&place) { code } else { "None" })
        .collect()
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let number = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        let read = connector::read(&request)
            .and_then(|(operation, body)| Request::read(number, &operation, body));
        let request = match read {
            Ok(request) => request,
            Err(defect) => {
                lock(&self.table)
                    .journal
                    .wrong(format!("an unexpected request: {defect}"));
                return HttpConnectorFuture::ready(Err(ConnectorError::user(defect.into())));
            }
        };
        let (reply, answer) = oneshot::channel();
        self.send(request, reply);
        HttpConnectorFuture::new(async move {
            match answer.await {
                Ok(Ok(response)) => Ok(connector::write(&response)?),
                Ok(Err(reset)) => Err(ConnectorError::io(reset.into())),
                // No answer will ever come. The sender must give up by itself.
                Err(oneshot::Canceled) => std::future::pending().await,
            }
        })
    }
}

impl HttpClient for Network {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
