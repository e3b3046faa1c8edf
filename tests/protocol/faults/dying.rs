//! A handler can be killed at any of its waits, and a retry finds the right answer.

use simulator::fault::{Accident, Fate};
use simulator::history::Wish;

use super::stage::*;

/// Kills the handler of a wish at its first wait, then at its second, and so on, each time on a new
/// stage. Then asks again. Returns at how many waits the handler can be killed.
fn at_every_wait(tea: i64, fates: &[Fate], before: impl Fn(&Stage) -> Wish, status: u16) -> u32 {
    for wait in 0.. {
        let mut survived = false;
        stage(tea, |stage| {
            let wish = before(stage);
            stage.next(fates.iter().cloned());
            survived = stage.ask_within(&wish, killed_at(wait)).is_some();
            let first = stage.ask(&wish);
            assert_eq!(first.status, status, "killed at wait {wait}");
            let second = stage.ask(&wish);
            assert_eq!((second.body, second.status), (first.body, status));
        });
        if survived {
            return wait;
        }
    }
    panic!("a handler waits a finite number of times")
}

#[test]
fn a_placement_survives_the_end_of_its_handler_at_every_wait() {
    assert!(1 <= at_every_wait(3, &[], |_| tea("key-1", 2), 201));
    let rough = [
        goes_wrong(Accident::Conflict(vec![0])),
        goes_wrong(Accident::LoseAnswer { reset: true }),
    ];
    assert!(4 <= at_every_wait(3, &rough, |_| tea("key-1", 2), 201));
}

#[test]
fn a_refusal_survives_the_end_of_its_handler_at_every_wait() {
    assert!(2 <= at_every_wait(0, &[], |_| tea("key-1", 1), 409));
    let rough = [calm(), goes_wrong(Accident::LoseAnswer { reset: true })];
    assert!(4 <= at_every_wait(0, &rough, |_| tea("key-1", 1), 409));
}

#[test]
fn an_adjustment_survives_the_end_of_its_handler_at_every_wait() {
    assert!(1 <= at_every_wait(3, &[], |_| Wish::stock("count", "TEA", -2), 201));
    assert!(2 <= at_every_wait(1, &[], |_| Wish::stock("count", "TEA", -2), 409));
}

#[test]
fn a_cancel_and_a_confirmation_survive_the_end_of_their_handler_at_every_wait() {
    let cancel = |stage: &Stage| Wish::Cancel {
        id: id(&stage.ask(&tea("key-1", 1))),
        if_match: None,
    };
    assert!(2 <= at_every_wait(3, &[], cancel, 200));
    let confirm = |stage: &Stage| Wish::Confirm {
        id: id(&stage.ask(&tea("key-1", 1))),
        reference: "pay-1".to_owned(),
        if_match: None,
    };
    assert!(2 <= at_every_wait(3, &[], confirm, 200));
}

#[test]
fn a_fulfilment_and_a_return_survive_the_end_of_their_handler_at_every_wait() {
    let ship = |stage: &Stage| fulfil(&stage.paid(2), "parcel 7");
    assert!(2 <= at_every_wait(3, &[], ship, 200));
    let back = |stage: &Stage| tea_back(&stage.shipped(2), "back", 1, false);
    assert!(2 <= at_every_wait(3, &[], back, 201));
    let rough = [
        goes_wrong(Accident::Conflict(vec![1])),
        goes_wrong(Accident::LoseAnswer { reset: true }),
    ];
    assert!(4 <= at_every_wait(3, &rough, back, 201));
    let too_many = |stage: &Stage| tea_back(&stage.shipped(2), "back", 3, true);
    assert!(2 <= at_every_wait(3, &[], too_many, 409));
    let rough = [goes_wrong(Accident::LoseAnswer { reset: true })];
    assert!(3 <= at_every_wait(3, &rough, too_many, 409));
}
