//! Runs one seed from the opening of the shop to the judgement, in chapters.

use std::sync::Arc;
use std::time::Duration;

use super::clients::Town;
use super::fault::{Fate, Fault, Faults};
use super::history::{Call, Wish};
use super::network::{Sabotage, Tally};
use super::random::Random;
use super::redis::Redis;
use super::shop::{FULL, Shop};

/// What to simulate.
#[derive(Clone)]
pub struct Plan {
    /// Which faults happen.
    pub faults: Faults,
    /// How many wishes clients have.
    pub operations: usize,
    /// Whether what happens is told.
    pub traced: bool,
    /// A database that is not what it says.
    pub sabotage: Option<Arc<dyn Sabotage>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            faults: Faults::all(),
            operations: 80,
            traced: false,
            sabotage: None,
        }
    }
}

/// What became of one seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was found wrong; nothing, if all is well.
    pub violations: Vec<String>,
    /// What happened, if it was told.
    pub trace: String,
    /// What clients asked and were told.
    pub(crate) history: Vec<Call>,
    /// What passed over the network.
    pub(crate) tally: Tally,
    /// How many invariants were looked at.
    pub(crate) checks: u64,
    /// How long it took, in a calm world, until everybody knew.
    pub(crate) recovery: Duration,
}

/// Runs one seed. The same seed and plan give the same outcome, whenever and wherever.
///
/// # Errors
/// There is no world to run in: the template cannot be served.
pub fn run(seed: u64, plan: &Plan) -> Result<Outcome, String> {
    let mut shop = Shop::open(seed, plan.traced, plan.sabotage.clone())?;
    let mut random = shop.fork();
    // Orders with and without a Redis are the same orders.
    if plan.faults.has(Fault::Redis) && random.chance(500) {
        shop.use_redis(Redis::faulty);
    }
    let town = Town::found(&shop, &plan.faults, plan.operations)?;
    let faults = plan.faults.clone();
    let life = live(town, plan.operations, faults, random.fork());
    let recovery = match shop.run(life) {
        Ok(recovery) => recovery,
        Err(stuck) => {
            shop.journal(|journal| journal.wrong(stuck.to_string()));
            Duration::ZERO
        }
    };
    // Whatever is still on its way arrives now; then every key is asked once more.
    let settled = shop
        .time
        .settle()
        .and_then(|()| shop.run(ask_again(shop.clone())));
    if let Err(stuck) = settled {
        shop.journal(|journal| journal.wrong(stuck.to_string()));
    }
    shop.judge();
    // The tasks hold the shop, and the shop holds the tasks.
    shop.time.end();
    Ok(Outcome {
        seed,
        violations: shop.journal(|journal| std::mem::take(&mut journal.violations)),
        trace: shop.trace.text(),
        history: shop.history(),
        tally: shop.network.tally(),
        checks: shop.journal(|journal| journal.checks),
        recovery,
    })
}

/// The life of a world: calm at first, then faults, perhaps weeks of nothing, then recovery.
async fn live(town: Town, operations: usize, faults: Faults, mut random: Random) -> Duration {
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
        futures::future::join(
            futures::future::join_all(people),
            futures::future::join_all(sweepers),
        )
        .await;
    }
    town.calm();
    shop.trace.tell(|| "all faults end".to_owned());
    let began = shop.time.elapsed();
    town.recover(&mut random).await;
    let recovery = shop.time.elapsed().saturating_sub(began);
    // Holds that ran out meanwhile are released by a sweep that nothing disturbs.
    shop.sleep(Duration::from_secs(1_000)).await;
    town.sweeper(random.fork()).await;
    recovery
}

/// Nothing, an hour, or more than a fortnight passes.
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

/// Asks once more for everything that was ever decided under a key.
async fn ask_again(shop: Shop) {
    let Ok(machine) = shop.machine(0) else { return };
    let mut asked = Vec::new();
    for call in shop.history() {
        let again = (call.caller.clone(), call.wish.clone());
        let keyed = matches!(call.wish, Wish::Place { .. } | Wish::Adjust { .. });
        if !keyed || asked.contains(&again) {
            continue;
        }
        shop.ask(&machine, &call.caller, &call.wish, FULL).await;
        asked.push(again);
    }
}
