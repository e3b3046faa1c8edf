//! Explores the protocol as designed: every property holds in every world.

mod shipping;

use stateright::{Checker as _, Model as _};

use super::handler::{Answer, Phase};
use super::mutation::Mutation;
use super::protocol::{Goal, Protocol};
use super::record::Standing;
use super::state::State;
use super::story::Story;
use super::worlds;

/// Explores every path of a world. Every property must hold in every state,
/// and every goal must be reached in some.
#[track_caller]
fn check(world: Protocol, goals: &[Goal]) {
    let world = Protocol {
        goals: goals.to_vec(),
        ..world
    };
    let checker = world.clone().checker().threads(2).spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    for property in world.properties() {
        let found = checker.discovery(property.name);
        let failed = property.expectation.discovery_is_failure();
        match found {
            Some(path) if failed => {
                let (world, path) = (&world, &path);
                panic!("not {}:\n{}", property.name, Story { world, path });
            }
            None if !failed => panic!("never {}", property.name),
            Some(_) | None => {}
        }
    }
    assert!(checker.is_done(), "some paths were not explored");
}

fn got(state: &State, client: usize, expected: impl Fn(Answer) -> bool) -> bool {
    state.actors[client].answers.iter().copied().any(expected)
}

fn is_yes(answer: Answer) -> bool {
    matches!(answer, Answer::Made(_))
}

fn is_no(answer: Answer) -> bool {
    matches!(answer, Answer::Refused(_))
}

/// A write is still under way though its client has got a definitive answer.
const LATE_WRITE: Goal = ("a write lands after the answer", |_, state| {
    state
        .network
        .iter()
        .any(|request| !state.actors[usize::from(request.client)].answers.is_empty())
});

const YES: Goal = ("client 0 gets yes", |_, state| got(state, 0, is_yes));

const NO: Goal = ("client 0 gets no", |_, state| got(state, 0, is_no));

/// The handler of the second attempt answers with what the first one made.
const REPLAYED: Goal = ("a repeat gets what the first attempt made", |_, state| {
    let actor = &state.actors[0];
    actor.attempts == 2 && got(state, 0, |answer| answer == Answer::Made(1))
});

#[test]
fn repeats_under_one_key_make_one_order() {
    check(worlds::one_key(), &[YES, REPLAYED, LATE_WRITE]);
}

#[test]
fn the_last_unit_is_sold_once_and_the_other_is_refused() {
    check(worlds::last_unit(), &[YES, NO, LATE_WRITE]);
}

#[test]
fn a_refusal_stands_when_stock_arrives_after_it() {
    let no_though_there_is_stock: Goal = ("no, though there is stock", |_, state| {
        got(state, 0, is_no) && state.table.stock[0].available == 1
    });
    check(
        worlds::restock(),
        &[YES, no_though_there_is_stock, LATE_WRITE],
    );
}

#[test]
fn a_key_used_for_two_different_orders_makes_one_order() {
    let first: Goal = ("the first wins", |_, state| {
        got(state, 1, |answer| answer == Answer::KeyReused)
    });
    let second: Goal = ("the second wins", |_, state| {
        got(state, 0, |answer| answer == Answer::KeyReused)
    });
    check(worlds::changed_body(), &[YES, first, second]);
}

#[test]
fn an_order_of_two_products_takes_both_or_none() {
    check(worlds::two_products(), &[YES, NO]);
}

#[test]
fn a_hold_is_confirmed_or_released_once_whoever_races_for_it() {
    let confirmed: Goal = ("it is confirmed, then cancelled", |_, state| {
        got(state, 0, |answer| answer == Answer::Confirmed)
            && got(state, 1, |answer| answer == Answer::Cancelled)
    });
    let cancelled: Goal = ("it is cancelled first", |_, state| {
        got(state, 0, |answer| answer == Answer::OrderCancelled)
    });
    let expired: Goal = ("it expires first", |_, state| {
        got(state, 0, |answer| answer == Answer::Expired)
            && got(state, 1, |answer| answer == Answer::Expired)
    });
    check(worlds::fates(), &[confirmed, cancelled, expired]);
}

#[test]
fn a_payment_confirms_one_order_and_an_order_takes_one_payment() {
    let used: Goal = ("a payment was used", |_, state| {
        got(state, 1, |answer| answer == Answer::PaymentUsed)
    });
    let twice: Goal = ("an order was confirmed by another payment", |_, state| {
        got(state, 1, |answer| answer == Answer::AlreadyConfirmed)
    });
    check(worlds::payments(), &[used, twice]);
}

#[test]
fn an_adjustment_is_applied_once_and_never_below_zero() {
    let refused: Goal = ("a loss is refused", |_, state| got(state, 1, is_no));
    let made: Goal = ("a loss is made", |_, state| got(state, 1, is_yes));
    check(worlds::adjustments(), &[YES, refused, made]);
}

#[test]
fn deleting_a_refusal_is_safe_once_no_earlier_write_can_land() {
    let again: Goal = (
        "a key is used again after its refusal",
        |protocol, state| {
            state.actors[0].attempts == 3 && protocol.faults.deletions == 1 && got(state, 0, is_yes)
        },
    );
    check(worlds::deletion(), &[NO, again]);
}

#[test]
fn no_customer_pays_a_price_that_was_not_shown() {
    check(worlds::offers(), &[YES, NO]);
}

#[test]
fn expired_locks_and_forgotten_answers_break_nothing() {
    let from_memory: Goal = ("a repeat is answered without a request", |_, state| {
        let actor = &state.actors[0];
        let (asked, sent) = (actor.attempts, actor.tokens);
        (asked, sent, actor.phase) == (2, 1, Phase::Idle) && got(state, 0, is_yes)
    });
    check(worlds::redis(), &[YES, NO, from_memory]);
}

#[test]
fn redis_forgets_a_refusal_before_the_table_deletes_it() {
    check(worlds::redis_and_deletion(), &[YES, NO]);
}

/// Reading the record's reason first only saves a round trip. The record itself makes the answer
/// right. So it does no harm if DynamoDB reads the items one after the other: the record before a
/// first copy commits, and the stock after.
#[test]
fn reading_the_stocks_reason_first_is_harmless_if_the_refusal_is_recorded() {
    for world in [worlds::two_handlers(), worlds::changed_body()] {
        check(world.with(Mutation::StockReasonsFirst), &[YES]);
    }
}

#[test]
#[should_panic(expected = "not stock is never negative")]
fn a_mutated_world_does_not_pass() {
    check(worlds::last_unit().with(Mutation::NoStockCondition), &[]);
}

#[test]
#[should_panic(expected = "never client 0 gets no")]
fn a_world_that_misses_its_goal_does_not_pass() {
    check(worlds::two_handlers(), &[NO]);
}

#[test]
fn slow_everything_at_once() {
    let sold_again: Goal = ("a unit that was given back is sold again", |_, state| {
        state.table.witness.released[0] == 1
            && state.table.orders[1].is_some_and(|order| order.standing == Standing::Pending)
    });
    check(worlds::everything(), &[YES, NO, sold_again]);
}
