//! One simulated world: its time, its table, its machines, and the calls of its clients.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::caller::Caller;
use template::Template;

use super::check::check;
use super::fault::{Fate, Fault};
use super::functions::{
    AUDITOR_LIMIT, Answer, Machine, ORDERS_LIMIT, Run, SWEEPER_LIMIT, orders_table, template,
};
use super::history::{Call, Wish};
use super::journal::Journal;
use super::network::{Director, Network, Sabotage};
use super::random::Random;
use super::redis::Redis;
use super::table::Table;
use super::throughput::Throughput;
use super::time::{Stuck, Time, lock};
use super::trace::Trace;

/// A simulated world. Clones share it.
#[derive(Clone)]
pub struct Shop {
    /// Its time.
    pub time: Time,
    /// The network between its functions and its table.
    pub(crate) network: Network,
    /// Its trace.
    pub trace: Trace,
    table: Arc<Mutex<Table>>,
    history: Arc<Mutex<Vec<Call>>>,
    random: Arc<Mutex<Random>>,
    redis: Option<Redis>,
    sold_out_milliseconds: u32,
}

/// An invocation with the full time limit of the orders function.
pub const FULL: Run = Run {
    limit: ORDERS_LIMIT,
    killed_at_wait: None,
};

/// A sweep with the full time limit of the sweeper.
pub const FULL_SWEEP: Run = Run {
    limit: SWEEPER_LIMIT,
    killed_at_wait: None,
};

/// An audit with the full time limit of the auditor.
pub const FULL_AUDIT: Run = Run {
    limit: AUDITOR_LIMIT,
    killed_at_wait: None,
};

/// A caller with every scope, because the authorizer is not simulated.
pub fn caller(issuer: &str, sub: &str) -> Caller {
    let scopes = template().map(Template::scopes).unwrap_or_default();
    Caller {
        issuer: issuer.to_owned(),
        sub: sub.to_owned(),
        scopes: scopes.into_iter().collect(),
        client_id: None,
    }
}

/// A caller with these scopes only.
pub(crate) fn caller_with(issuer: &str, sub: &str, scopes: &[&str]) -> Caller {
    Caller {
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        ..caller(issuer, sub)
    }
}

impl Shop {
    /// An empty shop. Nothing goes wrong in it until [`Shop::direct`] is called.
    ///
    /// # Errors
    /// The template cannot be read.
    pub fn open(
        seed: u64,
        traced: bool,
        sabotage: Option<Arc<dyn Sabotage>>,
    ) -> Result<Self, String> {
        let mut random = Random::new(seed);
        let time = Time::new(random.fork());
        let trace = Trace::new(time.clone(), traced);
        let table = Arc::new(Mutex::new(Table::new(orders_table()?, &time)?));
        let mut calm = random.fork();
        let director: Director = Box::new(move |_| Fate::calm(&mut calm));
        let network = Network::new(
            time.clone(),
            Arc::clone(&table),
            director,
            sabotage,
            trace.clone(),
        );
        Ok(Self {
            time,
            network,
            trace,
            table,
            history: Arc::default(),
            random: Arc::new(Mutex::new(random)),
            redis: None,
            // A refusal from memory may follow a restock. The checks know no such thing.
            sold_out_milliseconds: 0,
        })
    }

    /// Lets `director` decide the fate of every request from now on.
    pub fn direct(
        &self,
        mut director: impl FnMut(&super::request::Request) -> Fate + Send + 'static,
    ) {
        self.network
            .direct(Box::new(move |request| director(request)));
    }

    /// Gives a Redis to the machines that start from now on.
    pub fn use_redis(&mut self, redis: impl FnOnce(Redis) -> Redis) {
        self.redis = Some(redis(Redis::new(&self.time, &self.network, self.fork())));
    }

    /// Lets the machines that start from now on remember for this long that a product is sold out.
    pub fn remember_sold_out(&mut self, milliseconds: u32) {
        self.sold_out_milliseconds = milliseconds;
    }

    /// Lets each partition take only so much in a second from now on.
    pub(crate) fn limit_partitions(&self) {
        lock(&self.table).throughput = Some(Throughput::default());
    }

    /// How many units the partitions took since they are limited.
    pub(crate) fn units(&self) -> u64 {
        let table = lock(&self.table);
        table.throughput.as_ref().map_or(0, |it| it.units)
    }

    /// Ends all faults of the network.
    pub fn calm(&self) {
        let mut random = self.fork();
        self.direct(move |_| Fate::calm(&mut random));
    }

    /// A separate stream of random numbers.
    pub fn fork(&self) -> Random {
        lock(&self.random).fork()
    }

    /// A machine whose clock is ahead by this many milliseconds.
    ///
    /// # Errors
    /// The template cannot be read.
    pub fn machine(&self, ahead: i64) -> Result<Machine, String> {
        if ahead != 0 {
            self.network.note(Fault::ClockSkew);
        }
        let (random, sold_out) = (self.fork(), self.sold_out_milliseconds);
        let machine = Machine::start(&self.time, &self.network, random, ahead, sold_out)?;
        match &self.redis {
            Some(redis) => machine.with_redis(redis),
            None => Ok(machine),
        }
    }

    /// Sends a request to a machine, and records the call. Returns `None` if there is no answer.
    pub async fn ask(
        &self,
        machine: &Machine,
        caller: &Caller,
        wish: &Wish,
        run: Run,
    ) -> Option<Answer> {
        let number = {
            let mut history = lock(&self.history);
            let number = history.len();
            history.push(Call {
                number,
                caller: caller.clone(),
                wish: wish.clone(),
                began: self.time.elapsed(),
                ended: None,
                answer: None,
            });
            number
        };
        let who = format!("{}#{}", caller.issuer, caller.sub);
        self.trace.tell(|| format!("call#{number} {who}: {wish}"));
        let answer = machine
            .ask(&wish.ask(caller), &format!("call-{number}"), run)
            .await
            .ok();
        self.trace.tell(|| match &answer {
            Some(answer) => format!("call#{number} → {answer}"),
            None => format!("call#{number} ended without an answer"),
        });
        if let Some(call) = lock(&self.history).get_mut(number) {
            call.ended = answer.is_some().then(|| self.time.elapsed());
            call.answer.clone_from(&answer);
        }
        answer
    }

    /// Sweeps once. Returns the sweeper's report or why it failed, and `None` if it was killed or
    /// ran out of time.
    pub async fn sweep(
        &self,
        machine: &Machine,
        run: Run,
    ) -> Option<Result<serde_json::Value, String>> {
        self.trace
            .tell(|| format!("a sweep begins, its clock {} ms ahead", machine.ahead));
        let swept = machine.sweep("sweep", run).await.ok();
        self.trace.tell(|| format!("a sweep ends: {swept:?}"));
        swept
    }

    /// Audits once. Returns the auditor's report or why it failed, and `None` if it was killed or
    /// ran out of time.
    pub async fn audit(
        &self,
        machine: &Machine,
        run: Run,
    ) -> Option<Result<serde_json::Value, String>> {
        self.trace.tell(|| "an audit begins".to_owned());
        let audited = machine.audit("audit", run).await.ok();
        self.trace.tell(|| format!("an audit ends: {audited:?}"));
        audited
    }

    /// Deletes the refusals whose time to live is over, as DynamoDB does sooner or later. Returns
    /// how many.
    pub fn expire(&self) -> usize {
        let gone = lock(&self.table).expire(self.time.elapsed());
        for (pk, _) in &gone {
            self.trace
                .tell(|| format!("{pk} is deleted: its time to live is over"));
            self.network.note(Fault::Expiry);
        }
        gone.len()
    }

    /// Lets time pass until a future ends.
    ///
    /// # Errors
    /// The future never ends.
    pub fn run<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Stuck> {
        self.time.run(future)
    }

    /// The calls so far.
    pub fn history(&self) -> Vec<Call> {
        lock(&self.history).clone()
    }

    /// Reads or changes the journal.
    pub fn journal<T>(&self, look: impl FnOnce(&mut Journal) -> T) -> T {
        look(&mut lock(&self.table).journal)
    }

    /// How many orders were placed so far.
    pub fn orders(&self) -> usize {
        self.journal(|journal| journal.orders.len())
    }

    /// Checks the table and every answer so far. Violations go to the journal.
    pub fn judge(&self) {
        lock(&self.table).compare();
        let history = self.history();
        self.journal(|journal| check(&history, journal));
    }

    /// Waits.
    pub async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
    }
}
