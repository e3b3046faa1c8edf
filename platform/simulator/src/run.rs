//! Runs one seed: opens a shop, lets clients use it, ends all faults, and checks the result.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::clients::Town;
use super::fault::{Fate, Fault, Faults};
use super::history::Call;
use super::network::{Sabotage, Tally};
use super::random::Random;
use super::redis::Redis;
use super::shop::{FULL, Shop};

/// What to simulate.
#[derive(Clone)]
pub struct Plan {
    /// Which kinds of faults happen.
    pub faults: Faults,
    /// How many wishes all clients have together.
    pub operations: usize,
    /// Whether auditors run among the clients. They must find nothing.
    pub audited: bool,
    /// Whether to keep a trace.
    pub traced: bool,
    /// Tampers with requests and responses, to see whether the checks notice.
    pub sabotage: Option<Arc<dyn Sabotage>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            faults: Faults::all(),
            operations: 80,
            audited: false,
            traced: false,
            sabotage: None,
        }
    }
}

/// The result of one seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was found wrong.
    pub violations: Vec<String>,
    /// The trace; empty if none was kept.
    pub trace: String,
    /// How many audits ended in each way.
    pub audits: BTreeMap<String, u64>,
    /// Every call of a client, with its answer.
    pub(crate) history: Vec<Call>,
    /// What passed over the network.
    pub(crate) tally: Tally,
    /// How many checks were made.
    pub(crate) checks: u64,
    /// How long it took, after all faults ended, until every write had a definitive answer.
    pub(crate) recovery: Duration,
}

impl Outcome {
    /// Every call of a client, with its answer.
    pub fn calls(&self) -> &[Call] {
        &self.history
    }
}

/// Runs one seed. The same seed and plan give the same outcome on every machine.
///
/// # Errors
/// The template of this repository cannot be read.
pub fn run(seed: u64, plan: &Plan) -> Result<Outcome, String> {
    let mut shop = Shop::open(seed, plan.traced, plan.sabotage.clone())?;
    let mut random = shop.fork();
    // Half of the worlds have a Redis. The checks are the same with one and without.
    if plan.faults.has(Fault::Redis) && random.chance(500) {
        shop.use_redis(Redis::faulty);
    }
    let town = Town::found(&shop, &plan.faults, plan.operations)?;
    let faults = plan.faults.clone();
    let plan = (plan.operations, plan.audited);
    let life = live(town, plan, faults, random.fork());
    let recovery = match shop.run(life) {
        Ok(recovery) => recovery,
        Err(stuck) => {
            shop.journal(|journal| journal.wrong(stuck.to_string()));
            Duration::ZERO
        }
    };
    // Requests that are still under way arrive now. Then every keyed request is sent once more.
    let settled = shop
        .time
        .settle()
        .and_then(|()| shop.run(ask_again(shop.clone())));
    if let Err(stuck) = settled {
        shop.journal(|journal| journal.wrong(stuck.to_string()));
    }
    shop.judge();
    // The tasks hold the shop, and the shop holds the tasks: this breaks the cycle.
    shop.time.end();
    Ok(Outcome {
        seed,
        violations: shop.journal(|journal| std::mem::take(&mut journal.violations)),
        trace: shop.trace.text(),
        history: shop.history(),
        audits: shop.network.tally().audits,
        tally: shop.network.tally(),
        checks: shop.journal(|journal| journal.checks),
        recovery,
    })
}

/// Plays a world: stock arrives without faults, then come two chapters with faults and perhaps
/// weeks between them, then the recovery without faults. Returns how long the recovery took.
async fn live(
    town: Town,
    (operations, audited): (usize, bool),
    faults: Faults,
    mut random: Random,
) -> Duration {
    let shop = town.shop.clone();
    town.stock_up(&mut random).await;
    let (mut chance, drawn_from) = (random.fork(), faults.clone());
    shop.direct(move |request| Fate::drawn(&mut chance, &drawn_from, request));
    for chapter in 0..2 {
        if chapter != 0 {
            between_chapters(&shop, &faults, &mut random).await;
        }
        let people = town.live(operations / 2, &mut random);
        let sweepers = [
            town.clone().sweeper(random.fork()),
            town.clone().sweeper(random.fork()),
        ];
        let auditors = audited.then(|| town.clone().auditor(random.fork()));
        futures::future::join3(
            futures::future::join_all(people),
            futures::future::join_all(sweepers),
            futures::future::join_all(auditors),
        )
        .await;
    }
    town.calm();
    shop.trace.tell(|| "all faults end".to_owned());
    let began = shop.time.elapsed();
    town.recover(&mut random).await;
    let recovery = shop.time.elapsed().saturating_sub(began);
    // A sweep without faults releases the holds that ran out.
    shop.sleep(Duration::from_secs(1_000)).await;
    town.clone().sweeper(random.fork()).await;
    if audited {
        town.final_audit().await;
    }
    recovery
}

/// Lets no time pass, or an hour, or more than a fortnight.
async fn between_chapters(shop: &Shop, faults: &Faults, random: &mut Random) {
    let hours = match random.below(3) {
        0 => 0,
        1 => 1,
        _ => random.between(330, 400),
    };
    let hours = u64::try_from(hours).unwrap_or_default();
    shop.sleep(Duration::from_secs(hours * 3_600)).await;
    if faults.has(Fault::Expiry) && random.chance(700) {
        shop.expire();
    }
}

/// Sends every request that carried an idempotency key once more.
async fn ask_again(shop: Shop) {
    let Ok(machine) = shop.machine(0) else { return };
    let mut asked = Vec::new();
    for call in shop.history() {
        let again = (call.caller.clone(), call.wish.clone());
        if !call.wish.keyed() || asked.contains(&again) {
            continue;
        }
        shop.ask(&machine, &call.caller, &call.wish, FULL).await;
        asked.push(again);
    }
}
