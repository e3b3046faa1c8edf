//! Fulfilments and returns that are decided or written wrong.

use super::super::mutation::Mutation as M;
use super::super::property::{
    CONSERVED, NO_DEFECT, NOT_NEGATIVE, RETURNED_AT_MOST, RETURNED_ONCE, SAME_ANSWER,
    SHIPPED_FOR_GOOD, SHIPPED_ONCE, TRUE_ANSWER,
};
use super::super::record::Standing;
use super::{catch, read, unheard};

#[test]
fn a_fulfilment_at_any_version_ships_an_order_twice() {
    catch(M::FulfilAtAnyVersion, SHIPPED_ONCE)
        .in_steps(6, unheard)
        .mentions(&[
            "reads",
            "reads",
            "fulfil order 0 at version 2",
            "fulfil order 0 at version 2",
        ])
        .stands(0, Standing::Fulfilled);
}

#[test]
fn a_fulfilment_at_any_version_ships_a_cancelled_order() {
    catch(M::FulfilAtAnyVersion, SHIPPED_FOR_GOOD)
        .in_steps(6, unheard)
        .mentions(&["Cancelled at version 2", "fulfil order 0 at version 2"])
        .stands(0, Standing::Fulfilled)
        .leaves(1);
}

#[test]
fn without_the_version_condition_a_cancel_gives_back_what_was_shipped() {
    catch(M::CancelAtAnyVersion, SHIPPED_FOR_GOOD)
        .in_steps(6, unheard)
        .mentions(&["fulfil order 0 at version 2", "Cancelled at version 2"])
        .stands(0, Standing::Cancelled)
        .leaves(1);
}

#[test]
fn a_cancel_of_a_fulfilled_order_gives_back_what_another_order_holds() {
    catch(M::CancelAfterShipping, SHIPPED_FOR_GOOD)
        .in_steps(6, unheard)
        .mentions(&["fulfil order 0", "Cancelled at version 3"])
        .stands(0, Standing::Cancelled)
        .leaves(1);
}

#[test]
fn a_cancel_of_a_fulfilled_order_is_stopped_by_the_stock_if_no_other_order_holds_any() {
    catch(M::CancelAfterShipping, NO_DEFECT)
        .in_steps(6, unheard)
        .stands(0, Standing::Fulfilled)
        .leaves(0);
}

#[test]
fn a_fulfilment_that_forgets_the_stock_leaves_it_taken() {
    catch(M::FulfilWithoutStock, CONSERVED)
        .in_steps(3, unheard)
        .stands(0, Standing::Fulfilled);
}

#[test]
fn a_fulfilment_that_forgets_the_stock_stops_its_return() {
    catch(M::FulfilWithoutStock, NO_DEFECT)
        .in_steps(6, unheard)
        .mentions(&["fulfil order 0", "make return 0"]);
}

#[test]
fn a_return_at_any_version_gives_back_what_another_order_shipped() {
    catch(M::ReturnAtAnyVersion, RETURNED_AT_MOST)
        .in_steps(6, unheard)
        .mentions(&["reads", "reads", "at version 3", "at version 3"]);
}

#[test]
fn a_return_at_any_version_is_stopped_by_the_stock_if_no_other_order_was_shipped() {
    catch(M::ReturnAtAnyVersion, NO_DEFECT).in_steps(6, unheard);
}

#[test]
fn without_both_conditions_more_is_returned_than_was_shipped() {
    catch(M::ReturnUnconditionally, RETURNED_AT_MOST).in_steps(6, unheard);
    catch(M::ReturnUnconditionally, NOT_NEGATIVE).in_steps(6, unheard);
}

#[test]
fn without_the_condition_on_its_record_a_repeat_returns_the_rest_of_the_order() {
    catch(M::NoReturnCondition, RETURNED_ONCE)
        .in_steps(6, unheard)
        .mentions(&["at version 3", "asks", "at version 4"])
        .leaves(2);
}

#[test]
fn without_its_record_a_return_is_made_twice() {
    catch(M::ReturnWithoutRecord, RETURNED_ONCE)
        .in_steps(6, unheard)
        .mentions(&["at version 3", "asks", "at version 4"])
        .leaves(2);
}

#[test]
fn stock_that_comes_back_without_a_record_is_missing_from_the_books() {
    catch(M::ReturnWithoutRecord, CONSERVED)
        .in_steps(3, unheard)
        .leaves(1);
}

#[test]
fn without_its_record_a_refused_return_is_made_once_its_order_is_fulfilled() {
    catch(M::NoReturnRefusalRecord, TRUE_ANSWER)
        .in_steps(8, unheard)
        .mentions(&["reads", "fulfil order 0", "make return 0"])
        .got(&["no"])
        .leaves(1);
}

#[test]
fn without_its_record_a_return_that_was_made_is_refused_to_its_repeat() {
    catch(M::NoReturnRefusalRecord, SAME_ANSWER)
        .in_steps(5, read)
        .mentions(&["heard", "asks", "reads"])
        .got(&["yes", "no"]);
}

#[test]
fn without_the_refusals_condition_the_record_of_a_return_is_overwritten() {
    catch(M::NoRefusalCondition, TRUE_ANSWER)
        .in_steps(6, unheard)
        .mentions(&["make return", "heard", "refuse return"])
        .got(&["yes"]);
}

#[test]
fn what_is_written_off_without_the_books_is_missing() {
    catch(M::WriteOffWithoutReceived, CONSERVED)
        .in_steps(3, unheard)
        .leaves(0);
}
