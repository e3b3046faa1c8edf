//! The clients of a simulated world: customers with several tabs, two administrators, a payment
//! service, and sweepers. Each decides at random what it wants, and repeats a write until it has a
//! definitive answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use shared::caller::Caller;

use super::fault::{Fault, Faults};
use super::functions::{Machine, ORDERS_LIMIT, Run, SWEEPER_LIMIT};
use super::history::{Wish, is_definitive};
use super::random::Random;
use super::shop::{FULL, Shop, caller};
use super::time::lock;

/// How many machines serve clients at a time.
const MACHINES: usize = 3;

/// How far a sweeper's clock may be off.
const SWEEPER_AHEAD_MILLISECONDS: i64 = 300_000;

/// How far a serving machine's clock may be off.
const AHEAD_MILLISECONDS: i64 = 2_000;

const MILLISECOND: Duration = Duration::from_millis(1);

/// The clients of a world, and what they share.
#[derive(Clone)]
pub(crate) struct Town {
    pub(crate) shop: Shop,
    faults: Arc<Mutex<Faults>>,
    machines: Arc<Mutex<Vec<Arc<Machine>>>>,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// The products, and the prices that clients believe they have.
    prices: BTreeMap<String, i64>,
    /// By customer and key: the body that was sent first.
    bodies: BTreeMap<(String, String), String>,
    /// The orders that were placed, with their customers.
    orders: Vec<(String, Caller)>,
    /// The writes that have no definitive answer yet.
    pending: Vec<(Caller, Wish)>,
    /// How many wishes are left.
    wishes_left: usize,
    /// How many keys customers use.
    keys: u64,
}

impl Town {
    pub(crate) fn found(shop: &Shop, faults: &Faults, operations: usize) -> Result<Self, String> {
        let mut machines = Vec::with_capacity(MACHINES);
        let mut random = shop.fork();
        for _ in 0..MACHINES {
            machines.push(Arc::new(shop.machine(ahead(&mut random, faults))?));
        }
        let known = Known {
            keys: u64::try_from(operations / 8).unwrap_or_default().max(2),
            ..Known::default()
        };
        Ok(Self {
            shop: shop.clone(),
            faults: Arc::new(Mutex::new(faults.clone())),
            machines: Arc::new(Mutex::new(machines)),
            known: Arc::new(Mutex::new(known)),
        })
    }

    /// Describes the products and adds their first stock.
    pub(crate) async fn stock_up(&self, random: &mut Random) {
        let admin = caller("local", "admin");
        for sku in ["TEA", "CUP", "MUG"] {
            let price = random.between(1, 5) * 100;
            let describe = Wish::Describe {
                sku: sku.to_owned(),
                unit_price: price,
                sellable: true,
                if_match: None,
            };
            self.insist(random, &admin, &describe).await;
            let delta = random.between(1, 12);
            self.insist(random, &admin, &Wish::stock("opening", sku, delta))
                .await;
            lock(&self.known).prices.insert(sku.to_owned(), price);
        }
    }

    /// One future per client. They end when the clients have made `wishes` wishes together.
    pub(crate) fn live(
        &self,
        wishes: usize,
        random: &mut Random,
    ) -> Vec<impl Future<Output = ()> + use<>> {
        lock(&self.known).wishes_left = wishes;
        let customers = [
            ("local", "ann"),
            ("local", "ann"),
            ("local", "bob"),
            ("partner", "ann"),
        ];
        let mut people: Vec<_> = customers.map(|who| (Role::Customer, who)).into();
        people.push((Role::Payments, ("local", "payments")));
        people.push((Role::Admin, ("local", "admin")));
        people.push((Role::Admin, ("partner", "admin")));
        let person = |(role, (issuer, sub)): (Role, (&str, &str))| {
            self.clone()
                .person(role, caller(issuer, sub), random.fork())
        };
        people.into_iter().map(person).collect()
    }

    async fn person(self, role: Role, caller: Caller, mut random: Random) {
        while self.take_wish() {
            self.shop.sleep(pause(&mut random)).await;
            let Some(wish) = self.wish(role, &caller, &mut random) else {
                continue;
            };
            if self.has(Fault::LateClient) && random.chance(30) {
                self.shop.network.note(Fault::LateClient);
                let (town, who, again) = (self.clone(), caller.clone(), wish.clone());
                let mut random = random.fork();
                self.shop.time.spawn(async move {
                    let later = random.duration(MILLISECOND, MILLISECOND * 1_500_000);
                    town.shop.sleep(later).await;
                    let _ = town.try_once(&mut random, &who, &again).await;
                });
            }
            self.insist(&mut random, &caller, &wish).await;
        }
    }

    fn take_wish(&self) -> bool {
        let mut known = lock(&self.known);
        let left = known.wishes_left.checked_sub(1);
        known.wishes_left = left.unwrap_or_default();
        left.is_some()
    }

    /// Asks a few times. A write that still has no definitive answer waits for the recovery.
    async fn insist(&self, random: &mut Random, caller: &Caller, wish: &Wish) {
        for _ in 0..random.between(1, 4) {
            if self.try_once(random, caller, wish).await {
                return;
            }
            let longest = if random.chance(900) { 2_000 } else { 700_000 };
            self.shop
                .sleep(random.duration(MILLISECOND * 20, MILLISECOND * longest))
                .await;
        }
        if wish.writes() {
            lock(&self.known)
                .pending
                .push((caller.clone(), wish.clone()));
        }
    }

    /// Asks once. Returns whether the answer is definitive.
    async fn try_once(&self, random: &mut Random, caller: &Caller, wish: &Wish) -> bool {
        let machine = self.some_machine(random);
        let run = self.run(random);
        let Some(machine) = machine else { return false };
        let answer = self.shop.ask(&machine, caller, wish, run).await;
        let Some(answer) = answer.filter(is_definitive) else {
            return false;
        };
        let mut known = lock(&self.known);
        match (wish, answer.status, answer.member("id")) {
            (Wish::Place { .. }, 201, Some(id)) => {
                let id = id.as_str().unwrap_or_default().to_owned();
                if !known.orders.iter().any(|(other, _)| *other == id) {
                    known.orders.push((id, caller.clone()));
                }
            }
            (
                Wish::Describe {
                    sku, unit_price, ..
                },
                200 | 201,
                _,
            ) => {
                known.prices.insert(sku.clone(), *unit_price);
            }
            _ => {}
        }
        true
    }

    fn some_machine(&self, random: &mut Random) -> Option<Arc<Machine>> {
        let mut machines = lock(&self.machines);
        let index = random.index(machines.len());
        if self.has(Fault::ColdStart) && random.chance(80) {
            let faults = lock(&self.faults).clone();
            if let Ok(cold) = self.shop.machine(ahead(random, &faults)) {
                self.shop.network.note(Fault::ColdStart);
                self.shop
                    .trace
                    .tell(|| format!("machine {index} starts cold"));
                *machines.get_mut(index)? = Arc::new(cold);
            }
        }
        machines.get(index).cloned()
    }

    fn run(&self, random: &mut Random) -> Run {
        let mut run = FULL;
        if self.has(Fault::Kill) && random.chance(80) {
            self.shop.network.note(Fault::Kill);
            run.killed_at_wait = Some(u32::try_from(random.below(6)).unwrap_or_default());
        }
        if self.has(Fault::Deadline) && random.chance(80) {
            self.shop.network.note(Fault::Deadline);
            run.limit = random.duration(MILLISECOND * 100, ORDERS_LIMIT / 4);
        }
        run
    }

    fn has(&self, fault: Fault) -> bool {
        lock(&self.faults).has(fault)
    }

    /// Ends all faults.
    pub(crate) fn calm(&self) {
        *lock(&self.faults) = Faults::none();
        self.shop.calm();
    }

    /// Repeats the writes that have no definitive answer. Without faults, a few attempts must do.
    pub(crate) async fn recover(&self, random: &mut Random) {
        let pending = std::mem::take(&mut lock(&self.known).pending);
        for (who, wish) in pending {
            let mut known = false;
            for _ in 0..5 {
                known = self.try_once(random, &who, &wish).await;
                if known {
                    break;
                }
                self.shop.sleep(MILLISECOND * 1_000).await;
            }
            self.shop.journal(|journal| {
                journal.check(known, || {
                    format!("without faults there is still no definitive answer: {wish}")
                });
            });
        }
    }

    /// Sweeps now and then, with a clock that may be minutes off, until no wishes are left.
    pub(crate) async fn sweeper(self, mut random: Random) {
        loop {
            let faults = lock(&self.faults).clone();
            let off = faults
                .has(Fault::ClockSkew)
                .then_some(SWEEPER_AHEAD_MILLISECONDS);
            let off = off.unwrap_or_default();
            let ahead = random.between(-off, off);
            if let Ok(machine) = self.shop.machine(ahead) {
                let killed = faults.has(Fault::Kill) && random.chance(300);
                let run = Run {
                    limit: SWEEPER_LIMIT,
                    killed_at_wait: killed
                        .then(|| u32::try_from(random.below(24)).unwrap_or_default()),
                };
                self.shop.sweep(&machine, run).await;
            }
            if lock(&self.known).wishes_left == 0 {
                return;
            }
            self.shop
                .sleep(random.duration(MILLISECOND * 240_000, MILLISECOND * 2_400_000))
                .await;
        }
    }
}

#[derive(Clone, Copy)]
enum Role {
    Customer,
    Payments,
    Admin,
}

impl Town {
    fn wish(&self, role: Role, caller: &Caller, random: &mut Random) -> Option<Wish> {
        let mut known = lock(&self.known);
        match role {
            Role::Customer => known.customer_wish(caller, random),
            Role::Payments => known.payment_wish(random),
            Role::Admin => known.admin_wish(random),
        }
    }
}

impl Known {
    fn customer_wish(&mut self, caller: &Caller, random: &mut Random) -> Option<Wish> {
        match random.below(100) {
            0..60 => self.place(caller, random),
            60..80 => {
                let (id, _) = self.some_order(caller, random)?;
                let if_match = random.chance(300).then(|| random.between(1, 2));
                Some(Wish::Cancel { id, if_match })
            }
            80..88 => self
                .some_order(caller, random)
                .map(|(id, _)| Wish::ReadOrder { id }),
            88..94 => Some(Wish::ListOrders),
            _ => self.some_sku(random).map(|sku| Wish::ReadProduct { sku }),
        }
    }

    fn place(&mut self, caller: &Caller, random: &mut Random) -> Option<Wish> {
        let key = format!("key-{}", random.below(self.keys));
        let name = (format!("{}#{}", caller.issuer, caller.sub), key.clone());
        let fresh = self.body(random)?;
        let first = self.bodies.entry(name).or_insert_with(|| fresh.clone());
        // Sometimes a customer uses a key for another order.
        let body = if random.chance(120) {
            fresh
        } else {
            first.clone()
        };
        Some(Wish::Place { key, body })
    }

    fn body(&self, random: &mut Random) -> Option<String> {
        let mut lines = Vec::new();
        for _ in 0..random.between(1, 2) {
            let sku = if random.chance(20) {
                "NONE".to_owned()
            } else {
                self.some_sku(random)?
            };
            let quantity = random.between(1, 4);
            let price = self.prices.get(&sku).copied().unwrap_or(100);
            lines.push(json!({"sku": sku, "quantity": quantity, "unit_price": price}));
        }
        Some(json!({"currency": "KRW", "lines": lines}).to_string())
    }

    fn payment_wish(&self, random: &mut Random) -> Option<Wish> {
        let (id, _) = random.pick(&self.orders)?.clone();
        let reference = if random.chance(800) {
            format!("payment-of-{id}")
        } else {
            format!("payment-{}", random.below(3))
        };
        let if_match = random.chance(150).then(|| random.between(1, 2));
        Some(Wish::Confirm {
            id,
            reference,
            if_match,
        })
    }

    fn admin_wish(&self, random: &mut Random) -> Option<Wish> {
        let sku = self.some_sku(random)?;
        if random.chance(150) {
            let unit_price = random.between(1, 5) * 100;
            let sellable = random.chance(850);
            let if_match = random.chance(500).then(|| random.between(1, 4));
            return Some(Wish::Describe {
                sku,
                unit_price,
                sellable,
                if_match,
            });
        }
        let delta = if random.chance(700) {
            random.between(1, 8)
        } else {
            -random.between(1, 5)
        };
        let key = format!("count-{}", random.below(self.keys));
        Some(Wish::stock(&key, &sku, delta))
    }

    /// An order, usually the caller's own.
    fn some_order(&self, caller: &Caller, random: &mut Random) -> Option<(String, Caller)> {
        let own: Vec<_> = self
            .orders
            .iter()
            .filter(|(_, owner)| owner == caller)
            .collect();
        if random.chance(900) {
            random.pick(&own).map(|order| (*order).clone())
        } else {
            random.pick(&self.orders).cloned()
        }
    }

    fn some_sku(&self, random: &mut Random) -> Option<String> {
        let skus: Vec<_> = self.prices.keys().collect();
        random.pick(&skus).map(|sku| (*sku).clone())
    }
}

fn ahead(random: &mut Random, faults: &Faults) -> i64 {
    if faults.has(Fault::ClockSkew) {
        random.between(-AHEAD_MILLISECONDS, AHEAD_MILLISECONDS)
    } else {
        0
    }
}

/// How long a client waits before its next wish.
fn pause(random: &mut Random) -> Duration {
    let longest = match random.below(100) {
        0..70 => 300,
        70..90 => 30_000,
        _ => 1_100_000,
    };
    random.duration(Duration::ZERO, MILLISECOND * longest)
}
