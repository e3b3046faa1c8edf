//! A sale: many customers want one product at the same time.
//!
//! The functions are the shipped ones. A transaction holds its items for a few milliseconds and
//! others meet it, each partition takes only so much in a second, and every invocation has an
//! environment of its own, as on Lambda: an idle one if there is any, else a new one, which knows
//! nothing. Time is virtual.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::caller::Caller;

use super::fault::Fate;
use super::functions::{Answer, Machine};
use super::history::Wish;
use super::random::Random;
use super::shop::{FULL, Shop, caller};
use super::time::lock;

const MILLISECOND: Duration = Duration::from_millis(1);

/// The price of the product.
const PRICE: i64 = 100;

const SKU: &str = "TEA";

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sale {
    /// Over how many shards the stock is spread.
    pub shards: u32,
    /// How long a transaction holds its items.
    pub hold: Duration,
    /// How many orders come in a second, at random moments.
    pub offered: u32,
    /// How many orders come in all.
    pub orders: u32,
    /// How many pieces there are.
    pub stock: i64,
    /// How often a customer repeats an order that was `busy`.
    pub repeats: u32,
}

/// How a sale went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sold {
    /// How many orders were placed.
    pub placed: u32,
    /// How many orders were refused, because nothing was left.
    pub refused: u32,
    /// How many orders were not decided.
    pub undecided: u32,
    /// How many of all answers were `busy`.
    pub busy: u32,
    /// How many of all answers were another failure, after which the outcome is not known.
    pub unknown: u32,
    /// How many answers there were.
    pub answers: u32,
    /// From the first order to the last that was placed.
    pub lasted: Duration,
    /// How long the answers took, in the order of their length.
    pub waits: Vec<Duration>,
    /// How many transactions were sent.
    pub transactions: u64,
    /// How many units were consumed.
    pub units: u64,
    /// How many environments worked at the same time, on average.
    pub environments: f64,
    /// How many environments worked at the same time, at most.
    pub environments_peak: u32,
    /// What was found wrong, such as a refusal while there was stock.
    pub violations: Vec<String>,
}

impl Sold {
    /// How many orders were placed in a second.
    pub fn placed_a_second(&self) -> f64 {
        f64::from(self.placed) / self.lasted.as_secs_f64().max(0.001)
    }

    /// How many of a hundred answers were `busy`.
    pub fn busy_percent(&self) -> f64 {
        100.0 * f64::from(self.busy) / f64::from(self.answers.max(1))
    }

    /// How many of a hundred answers were 503: `busy`, or another failure.
    pub fn failed_percent(&self) -> f64 {
        100.0 * f64::from(self.busy + self.unknown) / f64::from(self.answers.max(1))
    }

    /// How many transactions were sent for each order that was decided.
    pub fn tries_an_order(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few million at most")]
        let transactions = self.transactions as f64;
        transactions / f64::from((self.placed + self.refused).max(1))
    }

    /// How many units were consumed for each order that was decided.
    pub fn units_an_order(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a few million at most")]
        let units = self.units as f64;
        units / f64::from((self.placed + self.refused).max(1))
    }

    /// The time that so many of a hundred answers were faster than.
    pub fn percentile(&self, percent: usize) -> Duration {
        let place = self.waits.len() * percent / 100;
        let place = place.min(self.waits.len().saturating_sub(1));
        self.waits.get(place).copied().unwrap_or_default()
    }
}

/// The environments, and what they had to do.
#[derive(Clone)]
struct Town {
    shop: Shop,
    idle: Arc<Mutex<Vec<Arc<Machine>>>>,
    load: Arc<Mutex<Load>>,
}

#[derive(Debug, Default)]
struct Load {
    running: u32,
    used: f64,
    since: Duration,
    last_placed: Duration,
    left: u32,
    sold: Sold,
}

/// Runs a sale. The same seed gives the same result.
///
/// # Errors
/// The template of this repository cannot be read, or the run never ends.
pub fn sell(seed: u64, sale: Sale) -> Result<Sold, String> {
    let mut shop = Shop::open(seed, false, None)?;
    // Nothing is added during a sale, so a refusal from memory is as true as any other.
    shop.remember_sold_out(1_000);
    let town = Town {
        shop: shop.clone(),
        idle: Arc::default(),
        load: Arc::default(),
    };
    town.open(sale)?;
    // Each polls a few hundred times.
    shop.time.allow(u64::from(sale.orders) * 2_000 + 1_000_000);
    shop.limit_partitions();
    let mut random = shop.fork();
    shop.direct(move |_| Fate {
        there: random.duration(MILLISECOND, MILLISECOND * 2),
        back: random.duration(MILLISECOND, MILLISECOND * 2),
        holds: sale.hold,
        ..Fate::default()
    });
    let before = shop.network.tally().requests_of_transactions;
    let began = shop.time.elapsed();
    {
        let mut load = lock(&town.load);
        load.since = began;
        load.left = sale.orders;
    }
    let whole = Duration::from_secs_f64(f64::from(sale.orders) / f64::from(sale.offered.max(1)));
    let mut random = shop.fork();
    for number in 0..sale.orders {
        let (town, own) = (town.clone(), random.fork());
        let at = random.duration(Duration::ZERO, whole);
        shop.time.spawn(async move {
            town.shop.sleep(at).await;
            town.order(number, sale.repeats, own).await;
        });
    }
    shop.time.settle().map_err(|stuck| stuck.to_string())?;
    shop.judge();
    let mut load = lock(&town.load);
    let mut sold = std::mem::take(&mut load.sold);
    sold.waits.sort_unstable();
    sold.lasted = load.last_placed.saturating_sub(began);
    sold.environments = load.used / load.since.saturating_sub(began).as_secs_f64().max(0.001);
    sold.undecided = load.left;
    sold.transactions = shop.network.tally().requests_of_transactions - before;
    sold.units = shop.units();
    sold.violations = shop.journal(|journal| std::mem::take(&mut journal.violations));
    drop(load);
    shop.time.end();
    Ok(sold)
}

impl Town {
    /// Describes the product and adds its stock.
    fn open(&self, sale: Sale) -> Result<(), String> {
        let describe = Wish::Describe {
            sku: SKU.to_owned(),
            unit_price: PRICE,
            sellable: true,
            if_match: None,
            shards: Some(sale.shards),
        };
        for wish in [describe, Wish::stock("opening", SKU, sale.stock)] {
            let (town, admin) = (self.clone(), caller("local", "admin"));
            let asked = async move {
                let machine = town.shop.machine(0).ok()?;
                town.shop.ask(&machine, &admin, &wish, FULL).await
            };
            let answer = self.shop.run(asked).map_err(|stuck| stuck.to_string())?;
            let made = answer.is_some_and(|answer| answer.status == 201);
            if !made {
                return Err("the sale could not be opened".to_owned());
            }
        }
        Ok(())
    }

    async fn order(&self, number: u32, repeats: u32, mut random: Random) {
        // Each customer has an index partition of their own.
        let who = caller("local", &format!("customer-{number}"));
        let wish = Wish::order("order", SKU, 1, PRICE);
        for asked in 0..=repeats {
            let Some(answer) = self.invoke(&who, &wish).await else {
                return;
            };
            if answer.status < 500 {
                let now = self.shop.time.elapsed();
                let mut load = lock(&self.load);
                load.left -= 1;
                if answer.status == 201 {
                    load.sold.placed += 1;
                    load.last_placed = load.last_placed.max(now);
                } else {
                    load.sold.refused += 1;
                }
                return;
            }
            {
                let sold = &mut lock(&self.load).sold;
                let is_busy = answer.kind().as_deref() == Some("busy");
                *(if is_busy {
                    &mut sold.busy
                } else {
                    &mut sold.unknown
                }) += 1;
            }
            let after = answer
                .headers
                .get("retry-after")
                .and_then(|it| it.parse().ok());
            let longest = MILLISECOND * 250 * 2_u32.pow(asked.min(5));
            let pause =
                Duration::from_secs(after.unwrap_or(1)) + random.duration(Duration::ZERO, longest);
            self.shop.sleep(pause).await;
        }
    }

    /// Invokes the function once, in an environment of its own.
    async fn invoke(&self, who: &Caller, wish: &Wish) -> Option<Answer> {
        let idle = lock(&self.idle).pop();
        let machine = match idle {
            Some(machine) => machine,
            None => Arc::new(self.shop.machine(0).ok()?),
        };
        let began = self.shop.time.elapsed();
        self.note(began, |load| load.running += 1);
        let answer = self.shop.ask(&machine, who, wish, FULL).await;
        let ended = self.shop.time.elapsed();
        self.note(ended, |load| {
            load.running -= 1;
            load.sold.answers += 1;
            load.sold.waits.push(ended.saturating_sub(began));
        });
        lock(&self.idle).push(machine);
        answer
    }

    fn note(&self, now: Duration, change: impl FnOnce(&mut Load)) {
        let mut load = lock(&self.load);
        load.used += f64::from(load.running) * now.saturating_sub(load.since).as_secs_f64();
        load.since = now;
        change(&mut load);
        load.sold.environments_peak = load.sold.environments_peak.max(load.running);
    }
}
