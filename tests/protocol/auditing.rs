//! The auditor among clients: whatever halves of transactions it sees, it accuses no sound table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::{join, join_all};
use serde_json::Value;
use simulator::fault::Fate;
use simulator::history::Wish;
use simulator::random::Random;
use simulator::shop::{FULL, FULL_AUDIT, Shop, caller};
use simulator::{Plan, run};

use crate::support::cases::made_up;

/// Runs audited worlds on two threads. Returns how many audits ended as sound, and how many as
/// inconclusive.
fn audited(seeds: u64, plan: &Plan) -> (u64, u64) {
    let next = AtomicU64::new(1);
    let work = || {
        let (mut sound, mut inconclusive) = (0, 0);
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seeds < seed {
                return (sound, inconclusive);
            }
            let outcome = run(seed, plan).unwrap();
            assert_eq!(outcome.violations, [""; 0], "seed {seed}");
            // The last audit of a world must end as sound. Without it nothing was audited.
            let ended: u64 = outcome.audits.values().sum();
            assert_ne!(ended, 0, "seed {seed}: no audit came to an end");
            let ended = |how: &str| outcome.audits.get(how).copied().unwrap_or_default();
            sound += ended("sound");
            inconclusive += ended("inconclusive");
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let mut sum = (0, 0);
        for thread in threads {
            match thread.join() {
                Ok((sound, inconclusive)) => sum = (sum.0 + sound, sum.1 + inconclusive),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        println!("{} audits were sound, {} inconclusive", sum.0, sum.1);
        sum
    })
}

#[test]
fn slow_the_auditor_accuses_nobody_in_random_worlds() {
    let plan = Plan {
        operations: 24,
        audited: true,
        ..Plan::default()
    };
    // The long tests have more cases.
    let worlds = u64::from(made_up(100).cases.min(1_000));
    let (sound, _) = audited(worlds, &plan);
    // Each world has one at its end, when nothing moves any more.
    assert!(worlds < sound, "{sound}");
}

const MILLISECOND: Duration = Duration::from_millis(1);

const CUSTOMERS: usize = 20;

/// One customer after another operation: orders, of which half are paid, and a third cancelled. In
/// between are quiet times, in which versions stand still.
async fn buy(shop: Shop, operations: usize, number: usize, mut random: Random) {
    let machine = shop.machine(0).unwrap();
    let who = caller("local", &format!("customer-{number}"));
    let mut done = 0;
    while done < operations {
        let key = format!("key-{number}-{done}");
        let sku = format!("TEA-{}", random.below(4));
        let wish = Wish::order(&key, &sku, 1, 100);
        let placed = shop.ask(&machine, &who, &wish, FULL).await;
        done += 1;
        let Some(id) = placed.and_then(|it| it.member("id")) else {
            continue;
        };
        let id = id.as_str().unwrap().to_owned();
        let next = match random.below(6) {
            0..3 => Wish::Confirm {
                reference: format!("pay-{id}"),
                id,
                if_match: None,
            },
            3..5 => Wish::Cancel { id, if_match: None },
            _ => continue,
        };
        shop.ask(&machine, &who, &next, FULL).await;
        done += 1;
        if random.chance(20) {
            shop.sleep(random.duration(MILLISECOND, MILLISECOND * 150_000))
                .await;
        }
    }
}

/// Audits until the customers have gone. Returns the outcomes.
async fn watch(shop: Shop, customers: Arc<AtomicU64>) -> Vec<Value> {
    let machine = shop.machine(0).unwrap();
    let mut reports = Vec::new();
    while customers.load(Ordering::Relaxed) != 0 {
        let report = shop.audit(&machine, FULL_AUDIT).await.unwrap().unwrap();
        reports.push(report);
        shop.sleep(MILLISECOND * 7_000).await;
    }
    reports
}

/// Every transaction shows its items one by one for up to a third of a second, in either order.
#[test]
fn slow_the_auditor_accuses_nobody_while_customers_order_at_once() {
    // The long tests have ten thousand.
    let operations = usize::try_from(made_up(1_000).cases.min(10_000)).unwrap();
    let shop = Shop::open(1, false, None).unwrap();
    let admin = caller("local", "admin");
    for number in 0..4 {
        let sku = format!("TEA-{number}");
        let describe = Wish::Describe {
            sku: sku.clone(),
            unit_price: 100,
            sellable: true,
            if_match: None,
            shards: None,
        };
        for wish in [describe, Wish::stock("opening", &sku, 1_000_000)] {
            let (at, admin) = (shop.clone(), admin.clone());
            let machine = shop.machine(0).unwrap();
            let asked = async move { at.ask(&machine, &admin, &wish, FULL).await };
            assert_eq!(shop.run(asked).unwrap().unwrap().status, 201);
        }
    }
    let mut random = shop.fork();
    shop.direct(move |request| Fate {
        torn: if request.operation.writes() {
            random.duration(MILLISECOND, MILLISECOND * 300)
        } else {
            Duration::ZERO
        },
        ..Fate::calm(&mut random)
    });
    let left = Arc::new(AtomicU64::new(CUSTOMERS as u64));
    let customers = (0..CUSTOMERS).map(|number| {
        let (left, shop) = (Arc::clone(&left), shop.clone());
        let random = shop.fork();
        async move {
            buy(shop, operations / CUSTOMERS, number, random).await;
            left.fetch_sub(1, Ordering::Relaxed);
        }
    });
    let auditors = (0..3).map(|_| watch(shop.clone(), Arc::clone(&left)));
    let all = join(join_all(customers), join_all(auditors));
    let (_, reports) = shop.run(all).unwrap();
    shop.time.settle().unwrap();
    let machine = shop.machine(0).unwrap();
    let at = shop.clone();
    let last = shop.run(async move { at.audit(&machine, FULL_AUDIT).await });
    let last = last.unwrap().unwrap().unwrap();
    shop.time.end();

    let reports = reports.concat();
    let ended = |how: &str| reports.iter().filter(|it| it["outcome"] == how).count();
    let (sound, unsure) = (ended("sound"), ended("inconclusive"));
    let again = reports.iter().filter(|it| it["passes"] != 1).count();
    println!("{sound} audits were sound, {unsure} inconclusive; {again} looked again");
    for report in &reports {
        assert_ne!(report["outcome"], "violated", "{report}");
    }
    assert_eq!(last["outcome"], "sound", "{last}");
    // Without halves to see, this test could not fail.
    assert!(4 <= again, "{again}");
}
