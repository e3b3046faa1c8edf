//! Checks that concurrent histories are linearizable: the answers are those of a shop with one
//! clerk, who serves the requests one by one in some order.
//!
//! The tester of stateright looks for that order. A request without an answer stays under way for
//! ever: it may have taken effect at any time, or never.

mod clerk;

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
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

use self::clerk::{Asked, Clerk, Reply};

/// The stock at the beginning.
const OPENING: i64 = 3;

fn id_of(key: &str) -> String {
    let key: IdempotencyKey = key.parse().unwrap();
    OrderId::derive(&caller("local", "ann"), &key).to_string()
}

/// What a call asks of the clerk, and its definitive answer, if it has one.
fn read(call: &Call) -> (Asked, Option<Reply>) {
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
        Wish::Fulfil { id, reference, .. } => Asked::Fulfil {
            key: key_of(id),
            parcel: reference.clone(),
        },
        Wish::Return { id, key, body } => Asked::Return {
            order: key_of(id),
            key: key.clone(),
            quantity: number(body, "/lines/0/quantity"),
            restock: body.contains("\"restock\":true"),
        },
        Wish::Cancel { id, .. } => Asked::Cancel { key: key_of(id) },
        Wish::ReadProduct { .. } => Asked::Count,
        other => panic!("no client asks for {other} here"),
    };
    let reply = call.definitive().map(|answer| reply(&asked, answer));
    (asked, reply)
}

fn reply(asked: &Asked, answer: &Answer) -> Reply {
    let kind = answer.kind();
    match (asked, answer.status, kind.as_deref()) {
        (Asked::Place { .. }, 201, _) => Reply::Placed,
        (Asked::Place { .. }, 409, Some("out-of-stock")) => {
            let lines = answer.member("lines").unwrap();
            Reply::OutOfStock {
                available: lines[0]["available"].as_i64().unwrap(),
            }
        }
        (_, 422, Some("idempotency-key-reused")) => Reply::KeyReused,
        (Asked::Adjust { .. }, 201, _) => Reply::Adjusted,
        (Asked::Adjust { .. }, 409, _) => Reply::BelowZero,
        (Asked::Confirm { .. }, 200, _) => Reply::Confirmed,
        (Asked::Fulfil { .. }, 200, _) => Reply::Fulfilled,
        (Asked::Return { .. }, 201, _) => Reply::Returned,
        (Asked::Cancel { .. }, 200, _) => Reply::Cancelled,
        (_, 404, _) => Reply::NotFound,
        (_, 409, Some("cancelled-unpaid")) => Reply::CancelledUnpaid,
        (_, 409, Some("already-confirmed")) => Reply::AlreadyConfirmed,
        (_, 409, Some("order-cancelled")) => Reply::OrderCancelled,
        (_, 409, Some("order-not-confirmed")) => Reply::NotConfirmed,
        (_, 409, Some("already-fulfilled")) => Reply::AlreadyFulfilled,
        (_, 409, Some("order-fulfilled")) => Reply::OrderFulfilled,
        (_, 409, Some("order-not-fulfilled")) => Reply::NotFulfilled,
        (_, 409, Some("exceeds-shipped")) => Reply::ExceedsShipped,
        (Asked::Count, 200, _) => {
            Reply::Available(answer.member("available").unwrap().as_i64().unwrap())
        }
        _ => panic!("{asked:?} was answered {answer}"),
    }
}

/// Whether some order of the requests explains every answer.
fn is_linearizable(history: &[Call]) -> bool {
    // A call that begins at the moment at which another ends may have come before it.
    let begins = history.iter().map(|call| (call.began, 0, call));
    let ends = history.iter().filter(|call| call.definitive().is_some());
    let ends = ends.filter_map(|call| Some((call.ended?, 1, call)));
    let mut events: Vec<_> = begins.chain(ends).collect();
    events.sort_by_key(|(at, kind, call)| (*at, *kind, call.number));
    let mut tester = LinearizabilityTester::new(Clerk::with_stock(OPENING));
    for (_, kind, call) in events {
        let (asked, reply) = read(call);
        match (kind, reply) {
            (0, _) => drop(tester.on_invoke(call.number, asked).unwrap()),
            (_, Some(reply)) => drop(tester.on_return(call.number, reply).unwrap()),
            (_, None) => {}
        }
    }
    tester.is_consistent()
}

/// The calls of a few clients who want the same few things at the same time, on a bad network.
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
            shards: shards(seed),
        },
        Wish::stock("opening", "TEA", OPENING),
    ] {
        let (shop_of_task, machine, ann) = (shop.clone(), machine.clone(), ann.clone());
        shop.run(async move { shop_of_task.ask(&machine, &ann, &wish, FULL).await })
            .unwrap()
            .unwrap();
    }
    let setup = shop.history().len();
    for wish in before(seed) {
        let (shop_of_task, machine, ann) = (shop.clone(), machine.clone(), ann.clone());
        shop.run(async move { shop_of_task.ask(&machine, &ann, &wish, FULL).await })
            .unwrap();
    }
    let mut chance = shop.fork();
    // With several shards, a refusal reads the stock. A repeat can be answered while the first
    // request is still under way, and reads do not show all of it yet. No single clerk explains
    // that. The random worlds have such reads of shards, and check refusals.
    let faults = match shards(seed) {
        None => "all,-delay",
        Some(_) => "all,-delay,-torn-read",
    };
    let faults: Faults = faults.parse().unwrap();
    shop.direct(move |request| Fate::drawn(&mut chance, &faults, request));
    let clients = (0..3).map(|_| {
        let (shop, machine, ann, mut random) =
            (shop.clone(), machine.clone(), ann.clone(), shop.fork());
        async move {
            for _ in 0..4 {
                shop.sleep(random.duration(Duration::ZERO, Duration::from_millis(60)))
                    .await;
                let wish = wish(seed, &mut random);
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

/// What was done to the order `a` before: nothing in half of the worlds. In the others it was
/// confirmed, and in every fourth fulfilled. Else few orders would get that far.
fn before(seed: u64) -> Vec<Wish> {
    let id = id_of("a");
    let place = Wish::order("a", "TEA", 2, 100);
    let confirm = Wish::Confirm {
        id: id.clone(),
        reference: "pay-a-0".to_owned(),
        if_match: None,
    };
    let fulfil = Wish::Fulfil {
        id,
        reference: "parcel 0".to_owned(),
        if_match: None,
    };
    match seed % 4 {
        0 => vec![place, confirm, fulfil],
        2 => vec![place, confirm],
        _ => Vec::new(),
    }
}

/// Over how many shards the product is spread: in every third world over two, and in every third
/// over three.
fn shards(seed: u64) -> Option<u32> {
    u32::try_from(seed % 3 + 1)
        .ok()
        .filter(|shards| 1 < *shards)
}

fn wish(seed: u64, random: &mut Random) -> Wish {
    let key = if random.chance(500) { "a" } else { "b" };
    match random.below(15) {
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
        9..11 => Wish::Fulfil {
            id: id_of(key),
            reference: format!("parcel {}", random.below(2)),
            if_match: None,
        },
        11..14 => {
            let goods = [("TEA", random.between(1, 2))];
            let name = format!("return-{}", random.below(2));
            Wish::goods_back(&id_of(key), &name, &goods, random.chance(500))
        }
        // What several shards have together is read one by one, which is no moment.
        _ if shards(seed).is_some() => Wish::order(key, "TEA", 1, 100),
        _ => Wish::ReadProduct {
            sku: "TEA".to_owned(),
        },
    }
}

#[test]
fn concurrent_answers_are_those_of_one_clerk_in_some_order() {
    for seed in 1..=150 {
        let history = concurrent_history(seed);
        assert!(is_linearizable(&history), "seed {seed}: {history:#?}");
    }
}

#[test]
fn many_histories_have_fulfilments_and_returns() {
    let (mut fulfilled, mut returned) = (0, 0);
    for seed in 1..=60 {
        for call in concurrent_history(seed).iter().skip(before(seed).len()) {
            let status = call.answer.as_ref().map(|answer| answer.status);
            match call.wish {
                Wish::Fulfil { .. } if status == Some(200) => fulfilled += 1,
                Wish::Return { .. } if status == Some(201) => returned += 1,
                _ => {}
            }
        }
    }
    assert!(5 < fulfilled, "{fulfilled} fulfilments succeed");
    assert!(5 < returned, "{returned} returns succeed");
}

#[test]
fn a_history_with_one_wrong_answer_is_not_linearizable() {
    let mut found = 0;
    for seed in 1..=60 {
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
            assert!(!is_linearizable(&history), "seed {seed}");
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
    assert!(is_linearizable(&[order.clone(), count("2")]));
    assert!(
        !is_linearizable(&[order, count("3")]),
        "it was placed before it was counted"
    );
}
