//! The clients of a simulated world: customers with several tabs, two administrators, a payment
//! service, a shipping service with two workers, sweepers and auditors. Each decides at random what
//! it wants, and repeats a write until it has a definitive answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::caller::Caller;

use super::fault::{Fault, Faults};
use super::functions::{Machine, ORDERS_LIMIT, Run, SWEEPER_LIMIT};
use super::history::{Wish, is_definitive};
use super::random::Random;
use super::shop::{FULL, FULL_AUDIT, Shop, caller};
use super::time::lock;
use super::wishes::{Known, Role};

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

impl Town {
    pub(crate) fn found(shop: &Shop, faults: &Faults, operations: usize) -> Result<Self, String> {
        let mut machines = Vec::with_capacity(MACHINES);
        let mut random = shop.fork();
        for _ in 0..MACHINES {
            machines.push(Arc::new(shop.machine(ahead(&mut random, faults))?));
        }
        Ok(Self {
            shop: shop.clone(),
            faults: Arc::new(Mutex::new(faults.clone())),
            machines: Arc::new(Mutex::new(machines)),
            known: Arc::new(Mutex::new(Known::new(operations))),
        })
    }

    /// Describes the products and adds their first stock.
    pub(crate) async fn stock_up(&self, random: &mut Random) {
        let admin = caller("local", "admin");
        for (sku, shards) in [("TEA", None), ("CUP", Some(2)), ("MUG", Some(5))] {
            let price = random.between(1, 5) * 100;
            let describe = Wish::Describe {
                sku: sku.to_owned(),
                unit_price: price,
                sellable: true,
                if_match: None,
                shards,
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
        let (ann, bob, other_ann) = (("local", "ann"), ("local", "bob"), ("partner", "ann"));
        let (payments, shipping) = (("local", "payments"), ("local", "shipping"));
        let (admin, other_admin) = (("local", "admin"), ("partner", "admin"));
        let people = [
            (Role::Customer, ann),
            (Role::Customer, ann),
            (Role::Customer, bob),
            (Role::Customer, other_ann),
            (Role::Payments, payments),
            (Role::Shipping, shipping),
            (Role::Shipping, shipping),
            (Role::Admin, admin),
            (Role::Admin, other_admin),
        ];
        let person = |(role, (issuer, sub)): (Role, (&str, &str))| {
            self.clone()
                .person(role, role.caller(issuer, sub), random.fork())
        };
        people.into_iter().map(person).collect()
    }

    async fn person(self, role: Role, caller: Caller, mut random: Random) {
        while self.take_wish() {
            self.shop.sleep(pause(&mut random)).await;
            let wish = lock(&self.known).wish(role, &caller, &mut random);
            let Some(wish) = wish else {
                continue;
            };
            if self.has(Fault::LateClient) && random.chance(30) {
                self.shop.network.note(Fault::LateClient);
                let later = random.duration(MILLISECOND, MILLISECOND * 1_500_000);
                self.ask_later(later, (caller.clone(), wish.clone()), random.fork());
            }
            let rival = lock(&self.known).rival(&wish, &mut random);
            if let Some(rival) = rival.filter(|_| random.chance(250)) {
                let later = random.duration(Duration::ZERO, MILLISECOND * 10);
                self.ask_later(later, rival, random.fork());
            }
            self.insist(&mut random, &caller, &wish).await;
        }
    }

    /// Lets a client ask once, beside everything else that happens.
    fn ask_later(&self, later: Duration, (who, wish): (Caller, Wish), mut random: Random) {
        let town = self.clone();
        self.shop.time.spawn(async move {
            town.shop.sleep(later).await;
            let _ = town.try_once(&mut random, &who, &wish).await;
        });
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
        lock(&self.known).learn(caller, wish, &answer);
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

    /// Repeats the writes that have no definitive answer. Without faults, a few attempts are
    /// enough.
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

    /// Audits again and again, until no wishes are left. Whatever it sees, it must accuse nobody.
    pub(crate) async fn auditor(self, mut random: Random) {
        while lock(&self.known).wishes_left != 0 {
            self.audit(&mut random).await;
            self.shop
                .sleep(random.duration(MILLISECOND, MILLISECOND * 60_000))
                .await;
        }
    }

    /// Audits once, while nothing moves and nothing goes wrong: the books must be right.
    pub(crate) async fn final_audit(&self) {
        let outcome = self.audit(&mut self.shop.fork()).await;
        self.shop.journal(|journal| {
            let is_sound = outcome.as_deref() == Some("sound");
            journal.check(is_sound, || format!("the last audit ended as {outcome:?}"));
        });
    }

    async fn audit(&self, random: &mut Random) -> Option<String> {
        let faults = lock(&self.faults).clone();
        let machine = self.shop.machine(ahead(random, &faults)).ok()?;
        let report = self.shop.audit(&machine, FULL_AUDIT).await?.ok()?;
        let outcome = report.get("outcome")?.as_str()?.to_owned();
        self.shop.journal(|journal| {
            journal.check(outcome != "violated", || {
                format!("the auditor accuses a sound table: {report}")
            });
        });
        self.shop.network.note_audit(&outcome);
        Some(outcome)
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
        0..30 => 10,
        30..70 => 300,
        70..90 => 30_000,
        _ => 1_100_000,
    };
    random.duration(Duration::ZERO, MILLISECOND * longest)
}
