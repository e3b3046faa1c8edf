//! Fulfilments and returns: every property holds, whoever races.

use super::super::handler::Answer;
use super::super::mutation::Mutation;
use super::super::protocol::Goal;
use super::super::record::Standing;
use super::super::worlds;
use super::{LATE_WRITE, NO, REPLAYED, YES, check, got, is_no, is_yes};

#[test]
fn an_order_is_fulfilled_or_cancelled_and_its_payment_is_remembered() {
    let fulfilled: Goal = ("it is fulfilled first", |_, state| {
        got(state, 0, |answer| answer == Answer::Fulfilled)
            && got(state, 1, |answer| answer == Answer::OrderFulfilled)
    });
    let cancelled: Goal = ("it is cancelled first", |_, state| {
        got(state, 0, |answer| answer == Answer::OrderCancelled)
            && got(state, 1, |answer| answer == Answer::Cancelled)
    });
    let fulfilled_and_paid: Goal = ("a fulfilled order says it was paid", |_, state| {
        got(state, 0, |answer| answer == Answer::Fulfilled)
            && got(state, 2, |answer| answer == Answer::Confirmed)
    });
    let cancelled_and_paid: Goal = ("a cancelled order says it was paid", |_, state| {
        got(state, 0, |answer| answer == Answer::OrderCancelled)
            && got(state, 2, |answer| answer == Answer::Confirmed)
    });
    let goals = [
        fulfilled,
        cancelled,
        fulfilled_and_paid,
        cancelled_and_paid,
        LATE_WRITE,
    ];
    check(worlds::fulfil_or_cancel(), &goals);
}

#[test]
fn an_order_is_fulfilled_only_after_its_confirmation() {
    let too_early: Goal = (
        "it is not confirmed yet, and fulfilled later",
        |_, state| {
            got(state, 1, |answer| answer == Answer::NotConfirmed)
                && got(state, 1, |answer| answer == Answer::Fulfilled)
        },
    );
    let expired: Goal = ("it expires first", |_, state| {
        got(state, 0, |answer| answer == Answer::Expired)
            && got(state, 1, |answer| answer == Answer::Expired)
    });
    check(worlds::fulfil_or_expire(), &[too_early, expired]);
}

#[test]
fn an_order_ships_in_one_parcel_and_the_other_is_refused() {
    let ours: Goal = ("the parcel of two handlers", |_, state| {
        got(state, 0, |answer| answer == Answer::Fulfilled)
            && got(state, 1, |answer| answer == Answer::Fulfilled)
            && got(state, 2, |answer| answer == Answer::AlreadyFulfilled)
    });
    let theirs: Goal = ("the other parcel", |_, state| {
        got(state, 0, |answer| answer == Answer::AlreadyFulfilled)
            && got(state, 2, |answer| answer == Answer::Fulfilled)
    });
    check(worlds::parcels(), &[ours, theirs, LATE_WRITE]);
}

#[test]
fn repeats_of_a_return_move_stock_once() {
    let reused: Goal = ("another return under the key is refused", |_, state| {
        got(state, 0, is_yes) && got(state, 2, |answer| answer == Answer::KeyReused)
    });
    check(worlds::one_return(), &[YES, REPLAYED, reused, LATE_WRITE]);
}

#[test]
fn of_two_returns_of_one_unit_one_is_refused() {
    let written_off: Goal = ("it is written off", |_, state| {
        got(state, 0, is_no) && got(state, 1, is_yes) && state.table.stock[0].received == 1
    });
    let goals = [YES, NO, REPLAYED, written_off, LATE_WRITE];
    check(worlds::two_returns(), &goals);
}

#[test]
fn returns_of_parts_of_an_order_are_both_made() {
    let both: Goal = ("both are made", |_, state| {
        got(state, 0, is_yes) && got(state, 1, is_yes)
    });
    check(worlds::parts(), &[both, REPLAYED]);
}

#[test]
fn the_refusal_of_a_return_stands_when_its_order_is_fulfilled_after_it() {
    let no_though_fulfilled: Goal = ("no, though it is fulfilled", |_, state| {
        let order = state.table.orders[0];
        got(state, 0, is_no) && order.is_some_and(|order| order.standing == Standing::Fulfilled)
    });
    check(
        worlds::early_return(),
        &[YES, NO, no_though_fulfilled, LATE_WRITE],
    );
}

#[test]
fn a_returned_unit_is_lost_or_sold_again_once() {
    let lost: Goal = ("it is lost", |_, state| {
        got(state, 0, is_yes) && got(state, 1, is_yes) && got(state, 2, is_no)
    });
    let sold: Goal = ("it is sold again", |_, state| {
        got(state, 0, is_yes) && got(state, 1, is_no) && got(state, 2, is_yes)
    });
    check(worlds::sold_again(), &[lost, sold]);
}

#[test]
fn a_unit_is_shipped_returned_and_sold_again() {
    let sold: Goal = ("it is sold again", |_, state| {
        got(state, 0, |answer| answer == Answer::Fulfilled)
            && got(state, 1, is_yes)
            && got(state, 2, is_yes)
    });
    check(worlds::there_and_back(), &[sold]);
}

/// The version condition alone makes a change of an order happen once. The stock's condition is a
/// second guard: it can only fail after a defect, and then it shows the defect.
#[test]
fn leaving_out_the_condition_on_stock_is_harmless_while_the_version_condition_stands() {
    for world in [worlds::fates(), worlds::fulfil_or_cancel()] {
        check(world.with(Mutation::NoTakenCondition), &[]);
    }
    check(
        worlds::two_returns().with(Mutation::NoShippedCondition),
        &[],
    );
}

/// The order is judged again, and the next write or the refusal meets the return's record. So
/// reading the record's reason first only saves a round trip.
#[test]
fn reading_the_orders_reason_first_is_harmless_because_the_next_write_meets_the_record() {
    let mut one_key = worlds::one_return();
    one_key.clients.remove(1);
    for world in [one_key, worlds::two_returns()] {
        check(world.with(Mutation::OrderReasonFirst), &[YES, REPLAYED]);
    }
}

#[test]
fn slow_everything_after_the_payment_at_once() {
    let sold_again: Goal = ("a unit that came back is sold again", |_, state| {
        got(state, 2, is_yes) && got(state, 4, is_yes)
    });
    let cancelled_and_sold: Goal = ("a unit that never left is sold again", |_, state| {
        got(state, 1, |answer| answer == Answer::Cancelled) && got(state, 4, is_yes)
    });
    let written_off: Goal = ("it is written off", |_, state| {
        got(state, 2, is_no) && got(state, 3, is_yes)
    });
    let goals = [sold_again, cancelled_and_sold, written_off];
    check(worlds::everything_after(), &goals);
}
