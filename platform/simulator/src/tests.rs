//! Tests of whole runs.

use super::fault::Faults;
use super::run::{Plan, run};

#[test]
fn a_world_is_the_same_every_time() {
    let plan = Plan {
        traced: true,
        ..Plan::default()
    };
    let (first, second) = (run(7, &plan).unwrap(), run(7, &plan).unwrap());
    assert_eq!(first.trace, second.trace);
    assert!(500 < first.trace.lines().count());
    assert_ne!(run(8, &plan).unwrap().trace, first.trace);
}

#[test]
fn a_world_without_faults_answers_every_call() {
    let plan = Plan {
        faults: Faults::none(),
        ..Plan::default()
    };
    let outcome = run(1, &plan).unwrap();
    assert_eq!(outcome.violations, [""; 0]);
    assert_eq!(outcome.tally.faults, [].into());
    let unanswered = outcome
        .history
        .iter()
        .filter(|call| call.definitive().is_none());
    assert_eq!(unanswered.count(), 0);
}
