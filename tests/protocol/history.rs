//! Owns the check that concurrent histories are those of some order of events: what clients of a
//! simulated shop were told is what a shop with one clerk would have told them.
//!
//! stateright's tester looks for that order. A request without an answer is under way for ever: it
//! may have happened at any time, or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use once::IdempotencyKey;
use orders::OrderId;
use simulator::fault::{Fate, Faults};
use simulator::functions::{Answer, Run};
use simulator::history::{Call, Wish};
use simulator::random::Random;
use simulator::shop::{FULL, Shop, caller};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

/// The stock at the beginning.
const OPENING: i64 = 3;

/// What a client asks of the clerk.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Place { key: String, quantity: i64 },
    Adjust { key: String, delta: i64 },
    Confirm { key: String, reference: String },
    Cancel { key: String },
    Count,
}

/// What the clerk says.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Placed,
    OutOfStock { available: i64 },
    KeyReused,
    Adjusted,
    BelowNothing,
    Confirmed,
    Cancelled,
    NotFound,
    OrderCancelled,
    AlreadyConfirmed,
    Available(i64),
}

/// A shop with one clerk, one product, and one thing at a time.
#[derive(Clone, Debug)]
struct Clerk {
    available: i64,
    orders: BTreeMap<String, (i64, Decided)>,
    adjustments: BTreeMap<String, (i64, Told)>,
}

#[derive(Clone, Debug)]
enum Decided {
    Refused { available: i64 },
    Pending,
    Confirmed(String),
    Cancelled,
}

impl SequentialSpec for Clerk {
    type Op = Asked;
    type Ret = Told;

    fn invoke(&mut self, asked: &Asked) -> Told {
        match asked {
            Asked::Place { key, quantity } => self.place(key, *quantity),
            Asked::Adjust { key, delta } => self.adjust(key, *delta),
            Asked::Confirm { key, reference } => self.confirm(key, reference),
            Asked::Cancel { key } => self.cancel(key),
            Asked::Count => Told::Available(self.available),
        }
    }
}

impl Clerk {
    fn place(&mut self, key: &str, quantity: i64) -> Told {
        if let Some((asked, decided)) = self.orders.get(key) {
            return match decided {
                _ if *asked != quantity => Told::KeyReused,
                Decided::Refused { available } => Told::OutOfStock {
                    available: *available,
                },
                Decided::Pending | Decided::Confirmed(_) | Decided::Cancelled => Told::Placed,
            };
        }
        let available = self.available;
        let (decided, told) = if available < quantity {
            (
                Decided::Refused { available },
                Told::OutOfStock { available },
            )
        } else {
            self.available -= quantity;
            (Decided::Pending, Told::Placed)
        };
        self.orders.insert(key.to_owned(), (quantity, decided));
        told
    }

    fn adjust(&mut self, key: &str, delta: i64) -> Told {
        if let Some((asked, told)) = self.adjustments.get(key) {
            return if *asked == delta {
                told.clone()
            } else {
                Told::KeyReused
            };
        }
        let told = if self.available + delta < 0 {
            Told::BelowNothing
        } else {
            self.available += delta;
            Told::Adjusted
        };
        self.adjustments
            .insert(key.to_owned(), (delta, told.clone()));
        told
    }

    fn confirm(&mut self, key: &str, reference: &str) -> Told {
        match self.orders.get_mut(key) {
            None | Some((_, Decided::Refused { .. })) => Told::NotFound,
            Some((_, Decided::Cancelled)) => Told::OrderCancelled,
            Some((_, Decided::Confirmed(other))) if other == reference => Told::Confirmed,
            Some((_, Decided::Confirmed(_))) => Told::AlreadyConfirmed,
            Some((_, decided @ Decided::Pending)) => {
                *decided = Decided::Confirmed(reference.to_owned());
                Told::Confirmed
            }
        }
    }

    fn cancel(&mut self, key: &str) -> Told {
        match self.orders.get_mut(key) {
            None | Some((_, Decided::Refused { .. })) => Told::NotFound,
            Some((_, Decided::Cancelled)) => Told::Cancelled,
            Some((quantity, decided)) => {
                self.available += *quantity;
                *decided = Decided::Cancelled;
                Told::Cancelled
            }
        }
    }
}

fn id_of(key: &str) -> String {
    let key: IdempotencyKey = key.parse().unwrap();
    OrderId::derive(&caller("local", "ann"), &key).to_string()
}

/// What a call asks of the clerk, and what it was told, if it was.
fn read(call: &Call) -> (Asked, Option<Told>) {
    let key_of = |id: &str| {
        let keys = ["a", "b"];
        keys.into_iter()
            .find(|key| id_of(key) == id)
            .unwrap()
            .to_owned()
    };
    let number = |body: &str, pointer: &str| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body.pointer(pointer).unwrap().as_i64().unwrap()
    };
    let asked = match &call.wish {
        Wish::Place { key, body } => Asked::Place {
            key: key.clone(),
            quantity: number(body, "/lines/0/quantity"),
        },
        Wish::Adjust { key, body, .. } => Asked::Adjust {
            key: key.clone(),
            delta: number(body, "/delta"),
        },
        Wish::Confirm { id, reference, .. } => Asked::Confirm {
            key: key_of(id),
            reference: reference.clone(),
        },
        Wish::Cancel { id, .. } => Asked::Cancel { key: key_of(id) },
        Wish::ReadProduct { .. } => Asked::Count,
        other => panic!("{other} is not asked here"),
    };
    let told = call.definitive().map(|answer| told(&asked, answer));
    (asked, told)
}

fn told(asked: &Asked, answer: &Answer) -> Told {
    let kind = answer.kind();
    match (asked, answer.status, kind.as_deref()) {
        (Asked::Place { .. }, 201, _) => Told::Placed,
        (Asked::Place { .. }, 409, Some("out-of-stock")) => {
            let lines = answer.member("lines").unwrap();
            Told::OutOfStock {
                available: lines[0]["available"].as_i64().unwrap(),
            }
        }
        (_, 422, Some("idempotency-key-reused")) => Told::KeyReused,
        (Asked::Adjust { .. }, 201, _) => Told::Adjusted,
        (Asked::Adjust { .. }, 409, _) => Told::BelowNothing,
        (Asked::Confirm { .. }, 200, _) => Told::Confirmed,
        (Asked::Cancel { .. }, 200, _) => Told::Cancelled,
        (_, 404, _) => Told::NotFound,
        (_, 409, Some("order-cancelled")) => Told::OrderCancelled,
        (_, 409, Some("already-confirmed")) => Told::AlreadyConfirmed,
        (Asked::Count, 200, _) => {
            Told::Available(answer.member("available").unwrap().as_i64().unwrap())
        }
        _ => panic!("{asked:?} was answered {answer}"),
    }
}

/// Whether some order of events explains a history.
fn is_explained(history: &[Call]) -> bool {
    // What begins at the moment at which another ends may have been before it.
    let begins = history.iter().map(|call| (call.began, 0, call));
    let ends = history.iter().filter(|call| call.definitive().is_some());
    let ends = ends.filter_map(|call| Some((call.ended?, 1, call)));
    let mut events: Vec<_> = begins.chain(ends).collect();
    events.sort_by_key(|(at, kind, call)| (*at, *kind, call.number));
    let clerk = Clerk {
        available: OPENING,
        orders: BTreeMap::new(),
        adjustments: BTreeMap::new(),
    };
    let mut tester = LinearizabilityTester::new(clerk);
    for (_, kind, call) in events {
        let (asked, told) = read(call);
        match (kind, told) {
            (0, _) => drop(tester.on_invoke(call.number, asked).unwrap()),
            (_, Some(told)) => drop(tester.on_return(call.number, told).unwrap()),
            (_, None) => {}
        }
    }
    tester.is_consistent()
}

/// A few clients who want the same few things at the same time, on a bad network.
fn concurrent_history(seed: u64) -> Vec<Call> {
    let shop = Shop::open(seed, false, None).unwrap();
    let machine = std::sync::Arc::new(shop.machine(0).unwrap());
    let ann = caller("local", "ann");
    for wish in [
        Wish::Describe {
            sku: "TEA".to_owned(),
            unit_price: 100,
            sellable: true,
            if_match: None,
        },
        Wish::stock("opening", "TEA", OPENING),
    ] {
        let (shop_of_task, machine, ann) = (shop.clone(), machine.clone(), ann.clone());
        shop.run(async move { shop_of_task.ask(&machine, &ann, &wish, FULL).await })
            .unwrap()
            .unwrap();
    }
    let setup = shop.history().len();
    let mut chance = shop.fork();
    let faults: Faults = "all,-delay".parse().unwrap();
    shop.direct(move |request| Fate::drawn(&mut chance, &faults, request));
    let clients = (0..3).map(|_| {
        let (shop, machine, ann, mut random) =
            (shop.clone(), machine.clone(), ann.clone(), shop.fork());
        async move {
            for _ in 0..4 {
                shop.sleep(random.duration(Duration::ZERO, Duration::from_millis(60)))
                    .await;
                let wish = wish(&mut random);
                let killed = random
                    .chance(150)
                    .then(|| u32::try_from(random.below(4)).unwrap());
                let run = Run {
                    killed_at_wait: killed,
                    ..FULL
                };
                shop.ask(&machine, &ann, &wish, run).await;
            }
        }
    });
    shop.run(join_all(clients.collect::<Vec<_>>())).unwrap();
    let history = shop.history();
    shop.time.end();
    history.into_iter().skip(setup).collect()
}

fn wish(random: &mut Random) -> Wish {
    let key = if random.chance(500) { "a" } else { "b" };
    match random.below(10) {
        0..4 => Wish::order(key, "TEA", random.between(1, 3), 100),
        4..6 => Wish::stock(key, "TEA", random.between(-3, 3) * 2 + 1),
        6 => {
            let reference = format!("pay-{key}-{}", random.below(2));
            Wish::Confirm {
                id: id_of(key),
                reference,
                if_match: None,
            }
        }
        7..9 => Wish::Cancel {
            id: id_of(key),
            if_match: None,
        },
        _ => Wish::ReadProduct {
            sku: "TEA".to_owned(),
        },
    }
}

#[test]
fn concurrent_answers_are_those_of_one_clerk_in_some_order() {
    for seed in 1..=150 {
        let history = concurrent_history(seed);
        assert!(is_explained(&history), "seed {seed}: {history:#?}");
    }
}

#[test]
fn a_history_with_one_wrong_answer_is_not_linearizable() {
    let mut found = 0;
    for seed in 1..=20 {
        let mut history = concurrent_history(seed);
        let counted = |call: &&mut Call| {
            matches!(call.wish, Wish::ReadProduct { .. }) && call.answer.is_some()
        };
        if let Some(answer) = history
            .iter_mut()
            .find(counted)
            .and_then(|call| call.answer.as_mut())
        {
            answer.body = answer.body.replace("\"available\":", "\"available\":9");
            assert!(!is_explained(&history), "seed {seed}");
            found += 1;
        }
    }
    assert!(3 < found, "{found} histories have a count");
}

#[test]
fn a_history_in_which_an_order_vanished_is_not_linearizable() {
    let placed = concurrent_history(1);
    let mut history: Vec<Call> = placed.into_iter().take(1).collect();
    let template = history.pop().unwrap();
    let call = |number: usize, wish: Wish, status, body: &str| Call {
        number,
        wish,
        began: Duration::from_secs(2 * u64::try_from(number).unwrap()),
        ended: Some(Duration::from_secs(2 * u64::try_from(number).unwrap() + 1)),
        answer: Some(Answer {
            status,
            headers: BTreeMap::new(),
            body: body.to_owned(),
        }),
        ..template.clone()
    };
    let order = call(0, Wish::order("a", "TEA", 1, 100), 201, "{}");
    let count = |available: &str| {
        call(
            1,
            Wish::ReadProduct {
                sku: "TEA".to_owned(),
            },
            200,
            &format!("{{\"available\":{available}}}"),
        )
    };
    assert!(is_explained(&[order.clone(), count("2")]));
    assert!(
        !is_explained(&[order, count("3")]),
        "it was placed before it was counted"
    );
}
