//! Every alarm of the template has a cause that fires it.

use std::collections::BTreeSet;

use template::{Place, Stack};
use watch::{Pace, Watch};

use super::causes;
use super::stage::short_name;

/// The alarms that no cause fires, with the reason.
const WITHOUT_A_CAUSE: [(&str, &str); 3] = [
    ("order-events-failed", "EventBridge Pipes has no local form"),
    (
        "order-events-dead-letters",
        "EventBridge Pipes has no local form",
    ),
    (
        "sweeper-seen",
        "its threshold cannot be crossed: it is OK once the sweeper has run",
    ),
];
/// The alarms that another test fires.
const ELSEWHERE: [&str; 5] = [
    "audit-inconclusive",
    "auditor-missed",
    "delivery-test",
    "delivery-test-missed",
    "integrity",
];

#[test]
fn every_alarm_of_the_template_is_fired_by_a_cause() {
    let place = Place::default();
    let stack = Stack::read_in(&place, template::SHIPPED, [("Monitoring", "full")]).unwrap();
    let now = jiff::Timestamp::UNIX_EPOCH;
    let watch = Watch::new(&stack, &place, Pace::REAL, now).unwrap();
    let all: BTreeSet<String> = watch
        .alarms()
        .iter()
        .map(|it| short_name(&it.name))
        .collect();
    let mut covered: BTreeSet<String> = causes::all()
        .flat_map(|scenario| scenario.fires)
        .chain(&ELSEWHERE)
        .map(|name| (*name).to_owned())
        .collect();
    for (name, reason) in WITHOUT_A_CAUSE {
        assert!(
            covered.insert(name.to_owned()),
            "{name} has a cause, so it needs no reason: {reason}"
        );
    }
    let missing: Vec<&String> = all.difference(&covered).collect();
    assert!(
        missing.is_empty(),
        "no cause in tests/watch/causes/ fires {missing:?}"
    );
    let unknown: Vec<&String> = covered.difference(&all).collect();
    assert!(unknown.is_empty(), "the template has no alarms {unknown:?}");
}
