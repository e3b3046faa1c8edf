//! Many customers want one product at the same moment. The database holds its item for six
//! milliseconds a transaction, and refuses every other transaction meanwhile.
//!
//! Time is virtual. Each invocation has an environment of its own, as on Lambda: an idle one if
//! there is any, else a new one. Customers behave as `docs/front-end.md` says.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use simulator::fault::Fate;
use simulator::functions::{Answer, Machine};
use simulator::history::Wish;
use simulator::random::Random;
use simulator::shop::{FULL, Shop, caller};

const MILLISECOND: Duration = Duration::from_millis(1);

/// How long a transaction holds its items.
const HOLD: Duration = Duration::from_millis(6);

/// The longest invocation: a second of tries, and the last of them with its pause.
const BUDGET: Duration = Duration::from_millis(1_100);

/// How often a customer asks before the user decides.
const ASKED_MAX: u32 = 7;

/// What came of one order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fared {
    Placed,
    SoldOut,
    /// Every answer was `busy`. The user decides.
    Waits,
}

/// A shop that sells TEA, and the environments of its orders function.
#[derive(Clone)]
struct Rush {
    shop: Shop,
    idle: Arc<Mutex<Vec<Arc<Machine>>>>,
    load: Arc<Mutex<Load>>,
}

/// What the environments had to do.
#[derive(Clone, Debug, Default)]
struct Load {
    running: u32,
    peak: u32,
    /// Environments times seconds.
    used: f64,
    since: Duration,
    longest: Duration,
    busy: u32,
    invocations: u32,
}

/// The result of a rush.
struct Report {
    load: Load,
    placed: usize,
    sold_out: usize,
    waits: usize,
    lasted: Duration,
}

impl Rush {
    fn open(seed: u64, stock: i64) -> Self {
        println!("seed {seed}");
        let shop = Shop::open(seed, false, None).unwrap();
        let rush = Self {
            shop,
            idle: Arc::default(),
            load: Arc::default(),
        };
        let opening = [
            Wish::Describe {
                sku: "TEA".to_owned(),
                unit_price: 100,
                sellable: true,
                if_match: None,
                shards: None,
            },
            Wish::stock("opening", "TEA", stock),
        ];
        for wish in opening {
            let (at, admin) = (rush.clone(), caller("local", "admin"));
            let asked = async move { at.invoke(&admin, &wish).await };
            assert_eq!(rush.shop.run(asked).unwrap().status, 201);
        }
        let mut random = rush.shop.fork();
        rush.shop.direct(move |_| Fate {
            there: random.duration(MILLISECOND, MILLISECOND * 2),
            back: random.duration(MILLISECOND, MILLISECOND * 2),
            holds: HOLD,
            ..Fate::default()
        });
        *rush.load.lock().unwrap() = Load {
            since: rush.shop.time.elapsed(),
            ..Load::default()
        };
        rush
    }

    /// Invokes the function once.
    async fn invoke(&self, who: &shared::caller::Caller, wish: &Wish) -> Answer {
        let idle = self.idle.lock().unwrap().pop();
        let machine = idle.unwrap_or_else(|| Arc::new(self.shop.machine(0).unwrap()));
        let began = self.shop.time.elapsed();
        self.note(began, |load| load.running += 1);
        let answer = self.shop.ask(&machine, who, wish, FULL).await.unwrap();
        let ended = self.shop.time.elapsed();
        self.note(ended, |load| {
            load.running -= 1;
            load.invocations += 1;
            load.longest = load.longest.max(ended.saturating_sub(began));
        });
        self.idle.lock().unwrap().push(machine);
        answer
    }

    fn note(&self, now: Duration, change: impl FnOnce(&mut Load)) {
        let mut load = self.load.lock().unwrap();
        load.used += f64::from(load.running) * now.saturating_sub(load.since).as_secs_f64();
        load.since = now;
        change(&mut load);
        load.peak = load.peak.max(load.running);
    }

    /// Orders one TEA, and repeats a `busy` under the same key.
    async fn order(&self, number: usize, random: &mut Random, asked_max: u32) -> Fared {
        let who = caller("local", "customer");
        let wish = Wish::order(&format!("key-{number}"), "TEA", 1, 100);
        for asked in 1..=asked_max {
            let answer = self.invoke(&who, &wish).await;
            let kind = answer.kind();
            match (answer.status, kind.as_deref()) {
                (201, _) => return Fared::Placed,
                (409, Some("out-of-stock")) => return Fared::SoldOut,
                (503, Some("busy")) => {}
                _ => panic!("another answer: {answer}"),
            }
            let detail = answer.member("detail").unwrap().to_string();
            assert!(detail.contains("placed nothing"), "{detail}");
            assert!(detail.contains("same Idempotency-Key"), "{detail}");
            self.load.lock().unwrap().busy += 1;
            if asked == asked_max {
                break;
            }
            let after: u64 = answer.headers["retry-after"].parse().unwrap();
            let pause = (MILLISECOND * 250 * 2_u32.pow(asked.min(6) - 1)).min(MILLISECOND * 8_000);
            let pause = Duration::from_secs(after) + random.duration(Duration::ZERO, pause);
            self.shop.sleep(pause).await;
        }
        Fared::Waits
    }

    /// Lets customers come, each at its time, and order so many times, one after the other.
    fn run(&self, customers: Vec<Duration>, orders: usize, asked_max: u32) -> Report {
        let began = self.shop.time.elapsed();
        let comes = |(number, at): (usize, Duration)| {
            let (rush, mut random) = (self.clone(), self.shop.fork());
            async move {
                rush.shop.sleep(at).await;
                let mut fared = Vec::new();
                for order in 0..orders {
                    let number = number * orders + order;
                    fared.push(rush.order(number, &mut random, asked_max).await);
                }
                fared
            }
        };
        let all = join_all(customers.into_iter().enumerate().map(comes));
        let fared = self.shop.run(all).unwrap().concat();
        let count = |what| fared.iter().filter(|fared| **fared == what).count();
        let load = self.load.lock().unwrap().clone();
        let result = Report {
            placed: count(Fared::Placed),
            sold_out: count(Fared::SoldOut),
            waits: count(Fared::Waits),
            lasted: load.since.saturating_sub(began),
            load,
        };
        println!("{result}");
        assert!(result.load.longest <= BUDGET, "{:?}", result.load.longest);
        result
    }

    /// Checks every write and every answer, among them that nothing was refused while there was
    /// stock.
    fn judge(&self) {
        self.shop.time.settle().unwrap();
        self.shop.judge();
        let violations = self.shop.journal(|journal| journal.violations.clone());
        assert!(violations.is_empty(), "{violations:#?}");
        self.shop.time.end();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.lasted.as_secs_f64();
        let placed = u32::try_from(self.placed).unwrap();
        let Load {
            peak,
            used,
            longest,
            busy,
            invocations,
            ..
        } = &self.load;
        write!(
            formatter,
            "{placed} placed in {seconds:.1} s ({:.0}/s), {} sold out, {} wait; {busy} of \
             {invocations} invocations busy, the longest {} ms; environments: {:.1} on average, \
             {peak} at most",
            f64::from(placed) / seconds,
            self.sold_out,
            self.waits,
            longest.as_millis(),
            used / seconds,
        )
    }
}

#[test]
fn sixty_four_customers_of_one_product_get_all_of_it_and_no_early_refusal() {
    const ORDERS: usize = 3;
    let demand = 64 * ORDERS;
    for (seed, stock) in [(1, 250), (2, 100)] {
        let rush = Rush::open(seed, stock);
        let result = rush.run(vec![Duration::ZERO; 64], ORDERS, 50);
        let sold = demand.min(usize::try_from(stock).unwrap());
        assert_eq!(result.placed, sold, "sold = min(stock, demand)");
        assert_eq!(result.sold_out, demand - sold);
        assert_eq!(rush.shop.orders(), sold);
        assert!(
            result.load.busy != 0,
            "the customers do not meet each other"
        );
        rush.judge();
    }
}

#[test]
fn slow_three_hundred_orders_a_second_of_one_product_need_few_environments() {
    const SECONDS: u32 = 5;
    const OFFERED: u32 = 300;
    for asked_max in [1, ASKED_MAX] {
        let rush = Rush::open(16, 100_000);
        let mut random = rush.shop.fork();
        let whole = Duration::from_secs(u64::from(SECONDS));
        let customers = (0..SECONDS * OFFERED).map(|_| random.duration(Duration::ZERO, whole));
        let result = rush.run(customers.collect(), 1, asked_max);
        println!("of {OFFERED} offered a second, each asked {asked_max} times at most: {result}");
        let mean = result.load.used / result.lasted.as_secs_f64();
        assert!(mean < 40., "{mean} environments on average");
        assert!(result.load.peak < 130, "{} at once", result.load.peak);
        rush.shop.time.end();
    }
}
