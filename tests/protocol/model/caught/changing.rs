//! Confirmations, cancels and expiries that are written wrong.

use super::super::mutation::Mutation as M;
use super::super::property::{
    CONSERVED, GONE_FOR_GOOD, NO_DEFECT, NOT_NEGATIVE, ONE_FATE, ONE_PAYMENT, TRUE_ANSWER,
};
use super::super::record::Standing;
use super::{catch, read, unheard};

#[test]
fn without_the_version_condition_a_released_hold_is_confirmed() {
    catch(M::ConfirmAtAnyVersion, ONE_FATE)
        .in_steps(6, unheard)
        .mentions(&["reads", "reads", "confirm order 0 at version 1"])
        .stands(0, Standing::Confirmed);
}

#[test]
fn without_the_version_condition_a_cancel_gives_back_what_another_order_holds() {
    catch(M::CancelAtAnyVersion, ONE_FATE)
        .in_steps(6, unheard)
        .stands(0, Standing::Cancelled)
        .leaves(2);
}

#[test]
fn without_the_version_condition_an_expiry_ends_a_confirmed_order() {
    catch(M::ExpireAtAnyVersion, ONE_FATE)
        .in_steps(6, unheard)
        .stands(0, Standing::Expired);
}

#[test]
fn without_the_payments_condition_a_payment_confirms_two_orders() {
    catch(M::NoPaymentCondition, ONE_PAYMENT)
        .in_steps(6, unheard)
        .stands(0, Standing::Confirmed)
        .stands(1, Standing::Confirmed);
}

#[test]
fn a_release_in_a_write_of_its_own_is_made_twice() {
    catch(M::ReleaseApart, ONE_FATE)
        .in_steps(7, unheard)
        .mentions(&["Cancelled at version 1", "give back", "asks", "give back"])
        .leaves(2);
}

#[test]
fn without_its_allocation_a_released_order_gives_no_stock_back() {
    catch(M::ReleaseWithoutAllocation, CONSERVED)
        .in_steps(3, unheard)
        .leaves(0);
}

#[test]
fn a_hold_that_is_expired_by_one_clock_is_confirmed_by_another() {
    catch(M::ConfirmByTheClock, GONE_FOR_GOOD)
        .in_steps(5, unheard)
        .mentions(&["over by its clock", "reads", "confirm order 0"])
        .got(&["the hold has expired"])
        .stands(0, Standing::Confirmed);
}

#[test]
fn a_cancel_at_any_version_is_stopped_by_the_stock_if_no_other_order_holds_any() {
    catch(M::CancelAtAnyVersion, NO_DEFECT)
        .in_steps(6, unheard)
        .mentions(&["at version 1", "Cancelled at version 1"])
        .leaves(1);
}

#[test]
fn without_both_conditions_a_cancel_gives_stock_back_twice() {
    catch(M::CancelUnconditionally, ONE_FATE)
        .in_steps(6, unheard)
        .stands(0, Standing::Cancelled)
        .leaves(2);
    catch(M::CancelUnconditionally, NOT_NEGATIVE).in_steps(6, unheard);
}

#[test]
fn a_status_judged_before_the_payment_denies_a_confirmation_that_was_answered() {
    catch(M::StatusBeforePayment, TRUE_ANSWER)
        .in_steps(8, read)
        .mentions(&[
            "confirm order 0",
            "heard",
            "Cancelled at version 2",
            "reads",
        ])
        .got(&["confirmed", "the order is cancelled"])
        .stands(0, Standing::Cancelled);
}
