//! The shipped functions in random worlds: a few hundred seeds, with every kind of fault.

use std::sync::atomic::{AtomicU64, Ordering};

use simulator::exchanges::Accident;
use simulator::fault::{Fault, Faults};
use simulator::summary::Summary;
use simulator::{Outcome, Plan, run};

use super::assert_calls_described;

/// What clients do in some world.
const DEEDS: [&str; 7] = [
    "placed",
    "adjusted",
    "confirmed",
    "fulfilled",
    "returned",
    "cancelled",
    "described",
];

/// The problems that clients get in some world.
const PROBLEMS: [&str; 15] = [
    "already-confirmed",
    "already-fulfilled",
    "cancelled-unpaid",
    "exceeds-shipped",
    "expired-unpaid",
    "has-changed",
    "idempotency-key-reused",
    "not-found",
    "order-cancelled",
    "order-expired",
    "order-fulfilled",
    "order-not-confirmed",
    "order-not-fulfilled",
    "out-of-stock",
    "price-changed",
];

/// Runs seeds on two threads and sums them up. A seed that fails prints its trace.
fn run_all(seeds: u64, plan: &Plan) -> Summary {
    let next = AtomicU64::new(1);
    let work = || {
        let mut summary = Summary::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seeds < seed {
                return summary;
            }
            let outcome = run(seed, plan).unwrap();
            assert_sound(&outcome, plan);
            summary.add(&outcome);
        }
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(work), scope.spawn(work)];
        let mut summary = Summary::default();
        for thread in threads {
            match thread.join() {
                Ok(part) => summary.merge(&part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        summary
    })
}

fn assert_sound(outcome: &Outcome, plan: &Plan) {
    assert_calls_described(outcome.calls());
    if outcome.violations.is_empty() {
        return;
    }
    let seed = outcome.seed;
    let traced = Plan {
        traced: true,
        ..plan.clone()
    };
    let trace = run(seed, &traced).unwrap().trace;
    panic!(
        "{trace}\n{:#?}\nsurefire simulate --seed {seed} --operations {} --faults {} --trace",
        outcome.violations, plan.operations, plan.faults
    );
}

#[test]
fn two_hundred_worlds_keep_every_promise() {
    // Small worlds: a debug build takes a quarter of a second for each. The worlds of
    // `surefire simulate` are larger.
    let plan = Plan {
        operations: 24,
        ..Plan::default()
    };
    let summary = run_all(200, &plan);
    println!("{summary}");
    // Worlds in which nothing happens would pass, too. So every fault and answer must occur.
    for fault in Fault::ALL {
        assert!(
            summary.faults.contains_key(&fault),
            "no world had the fault {}",
            fault.name()
        );
    }
    for accident in Accident::ALL {
        assert!(
            summary.redis.accidents.contains_key(&accident),
            "no world had the Redis accident {}",
            accident.name()
        );
    }
    assert!(0 < summary.redis.known, "no Redis knew a decision");
    for status in [0, 200, 201, 404, 409, 410, 412, 422, 503] {
        assert!(
            summary.answers.contains_key(&status),
            "no world had an answer of {status}"
        );
    }
    for deed in DEEDS {
        assert!(summary.deeds.contains_key(deed), "nothing was {deed}");
    }
    for kind in PROBLEMS {
        assert!(
            summary.problems.contains_key(kind),
            "no client got the problem {kind}"
        );
    }
    for status in summary.answers.keys() {
        assert!(
            [0, 200, 201, 404, 409, 410, 412, 422, 503].contains(status),
            "{status}"
        );
    }
}

#[test]
fn each_kind_of_fault_alone_breaks_nothing() {
    for fault in Fault::ALL {
        let plan = Plan {
            operations: 30,
            faults: Faults::from([fault]),
            ..Plan::default()
        };
        let summary = run_all(2, &plan);
        assert!(
            summary.faults.keys().all(|happened| *happened == fault),
            "{fault:?}"
        );
    }
}

#[test]
fn a_seed_gives_the_same_trace_every_time() {
    let plan = Plan {
        traced: true,
        ..Plan::default()
    };
    for seed in [3, 14] {
        let (first, second) = (run(seed, &plan).unwrap(), run(seed, &plan).unwrap());
        assert_eq!(first.trace, second.trace);
        assert!(400 < first.trace.lines().count(), "the trace is not empty");
    }
}
