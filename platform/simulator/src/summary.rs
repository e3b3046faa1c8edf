//! Sums up many runs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::exchanges::Exchanges;
use super::fault::Fault;
use super::history::Wish;
use super::run::Outcome;

/// The sum of many runs.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many seeds were run.
    pub seeds: u64,
    /// How many requests clients sent.
    pub(crate) calls: u64,
    /// How many requests went to the database.
    pub(crate) requests: u64,
    /// How many answers had each status. Calls without an answer count under 0.
    pub answers: BTreeMap<u16, u64>,
    /// How many problems of each kind clients got.
    pub problems: BTreeMap<String, u64>,
    /// How many writes of each kind clients were the first to make.
    pub deeds: BTreeMap<&'static str, u64>,
    /// How often each kind of fault happened.
    pub faults: BTreeMap<Fault, u64>,
    /// What passed between the orders function and its Redis.
    pub redis: Exchanges,
    /// How many checks were made.
    pub(crate) checks: u64,
    /// How many orders were placed or refused.
    pub(crate) orders: u64,
    /// How many writes were sent to decide them.
    pub(crate) attempts: u64,
    /// The most writes that one order took.
    pub(crate) attempts_max: u64,
    /// The slowest recovery, and its seed.
    pub(crate) slowest: (Duration, u64),
}

impl Summary {
    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.requests += outcome.tally.requests;
        self.checks += outcome.checks;
        for call in &outcome.history {
            self.calls += 1;
            let status = call.answer.as_ref().map_or(0, |answer| answer.status);
            *self.answers.entry(status).or_default() += 1;
            let Some(answer) = &call.answer else { continue };
            if let Some(kind) = answer.kind() {
                *self.problems.entry(kind).or_default() += 1;
            } else if let Some(deed) = deed(&call.wish).filter(|_| !answer.replayed()) {
                *self.deeds.entry(deed).or_default() += 1;
            }
        }
        for (fault, count) in &outcome.tally.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        self.redis.merge(&outcome.tally.redis);
        for attempts in outcome.tally.attempts.values() {
            self.orders += 1;
            self.attempts += attempts;
            self.attempts_max = self.attempts_max.max(*attempts);
        }
        self.slowest = self.slowest.max((outcome.recovery, outcome.seed));
    }

    /// Adds the sum of other runs.
    pub fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.calls += other.calls;
        self.requests += other.requests;
        self.checks += other.checks;
        self.orders += other.orders;
        self.attempts += other.attempts;
        self.attempts_max = self.attempts_max.max(other.attempts_max);
        self.slowest = self.slowest.max(other.slowest);
        self.redis.merge(&other.redis);
        for (status, count) in &other.answers {
            *self.answers.entry(*status).or_default() += count;
        }
        for (kind, count) in &other.problems {
            *self.problems.entry(kind.clone()).or_default() += count;
        }
        for (deed, count) in &other.deeds {
            *self.deeds.entry(deed).or_default() += count;
        }
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
    }
}

/// What a write does if it succeeds.
fn deed(wish: &Wish) -> Option<&'static str> {
    match wish {
        Wish::Place { .. } => Some("placed"),
        Wish::Adjust { .. } => Some("adjusted"),
        Wish::Confirm { .. } => Some("confirmed"),
        Wish::Fulfil { .. } => Some("fulfilled"),
        Wish::Return { .. } => Some("returned"),
        Wish::Cancel { .. } => Some("cancelled"),
        Wish::Describe { .. } => Some("described"),
        Wish::ReadOrder { .. } | Wish::ListOrders | Wish::ReadProduct { .. } => None,
    }
}

/// Names with their counts, in one line.
fn counted<Name: fmt::Display>(counts: &BTreeMap<Name, u64>) -> String {
    let each = counts.iter().map(|(name, count)| format!("{name} {count}"));
    each.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = self.answers.iter().map(|(status, count)| match status {
            0 => format!("none {count}"),
            status => format!("{status} {count}"),
        });
        let faults = Fault::ALL.iter().filter_map(|fault| {
            let count = self.faults.get(fault)?;
            Some(format!("{} {count}", fault.name()))
        });
        let tenths = (self.attempts * 10)
            .checked_div(self.orders)
            .unwrap_or_default();
        let (slowest, seed) = self.slowest;
        writeln!(formatter, "seeds       {}", self.seeds)?;
        writeln!(
            formatter,
            "operations  {} calls, {} requests to the database",
            self.calls, self.requests
        )?;
        writeln!(
            formatter,
            "answers     {}",
            answers.collect::<Vec<_>>().join(", ")
        )?;
        writeln!(formatter, "done        {}", counted(&self.deeds))?;
        writeln!(formatter, "problems    {}", counted(&self.problems))?;
        writeln!(
            formatter,
            "faults      {}",
            faults.collect::<Vec<_>>().join(", ")
        )?;
        writeln!(formatter, "redis       {}", self.redis)?;
        writeln!(formatter, "invariants  checked {} times", self.checks)?;
        writeln!(
            formatter,
            "writes      {}.{} sent per order decided, {} at most",
            tenths / 10,
            tenths % 10,
            self.attempts_max
        )?;
        writeln!(
            formatter,
            "recovery    {:.3} s of virtual time at most (seed {seed})",
            slowest.as_secs_f64()
        )
    }
}
