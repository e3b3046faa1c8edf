//! Orders and adjustments that are decided wrong: the record, the refusal, the stock, Redis.

use super::super::mutation::Mutation as M;
use super::super::property::{
    ANSWERABLE, CONSERVED, MOVED_ONCE, NOT_NEGATIVE, ONE_ORDER, SAME_ANSWER, SEEN_OFFER,
    TRUE_ANSWER,
};
use super::super::protocol::Step;
use super::super::record::Standing;
use super::{catch, heard, unheard};

#[test]
fn without_a_refusal_record_an_order_is_placed_after_a_refusal() {
    catch(M::NoRefusalRecord, TRUE_ANSWER)
        .in_steps(5, unheard)
        .mentions(&[
            "heard, and will once more",
            "adjustment",
            "make order",
            "unheard",
        ])
        .got(&["no"])
        .stands(0, Standing::Pending);
}

#[test]
fn a_refusal_decided_by_a_read_is_overtaken_by_the_write() {
    catch(M::AnswerFromARead, TRUE_ANSWER)
        .in_steps(3, unheard)
        .mentions(&["asks", "reads", "arrives, unheard"])
        .stands(0, Standing::Pending);
}

#[test]
fn reading_the_stocks_reasons_first_refuses_a_repeat_of_the_order_for_the_last_unit() {
    catch(M::StockReasonsFirstUnrecorded, TRUE_ANSWER)
        .in_steps(4, heard)
        .got(&["yes", "no"])
        .stands(0, Standing::Pending)
        .leaves(0);
}

#[test]
fn a_repeat_answered_with_its_own_body_contradicts_the_first_answer() {
    catch(M::OwnBodyReplayed, SAME_ANSWER)
        .in_steps(4, heard)
        .got(&["yes", "yes"]);
}

#[test]
fn without_the_records_condition_a_duplicate_sells_twice() {
    catch(M::NoRecordCondition, ONE_ORDER)
        .in_steps(3, unheard)
        .mentions(&["and will once more", "its token forgotten"])
        .leaves(0);
}

#[test]
fn without_the_refusals_condition_an_order_is_overwritten() {
    catch(M::NoRefusalCondition, CONSERVED)
        .in_steps(6, unheard)
        .mentions(&["make order", "adjustment", "make order", "refuse order"])
        .stands(0, Standing::Refused);
}

#[test]
fn without_the_stocks_condition_the_last_unit_is_sold_twice() {
    catch(M::NoStockCondition, NOT_NEGATIVE)
        .in_steps(4, unheard)
        .leaves(-1);
}

#[test]
fn without_the_offers_condition_a_price_is_charged_that_was_not_shown() {
    catch(M::NoOfferCondition, SEEN_OFFER)
        .in_steps(3, unheard)
        .mentions(&["asks", "offer of product", "arrives"]);
}

#[test]
fn without_the_adjustments_condition_stock_goes_below_zero() {
    catch(M::NoAdjustmentCondition, NOT_NEGATIVE)
        .in_steps(2, unheard)
        .leaves(-1);
}

#[test]
fn with_the_key_as_token_a_repeat_is_refused_as_a_reused_key() {
    catch(M::TokenOfTheKey, TRUE_ANSWER)
        .in_steps(4, heard)
        .got(&["yes", "the key was used"]);
}

#[test]
fn a_hold_deleted_by_time_to_live_never_gives_its_stock_back() {
    catch(M::ExpiryByTtl, CONSERVED).in_steps(3, |step| matches!(step, Step::Delete { key: 0 }));
}

#[test]
fn an_order_deleted_by_time_to_live_is_placed_again_under_its_key() {
    catch(M::ExpiryByTtl, ONE_ORDER)
        .in_steps(5, unheard)
        .leaves(0);
}

#[test]
fn without_its_record_an_adjustment_is_applied_twice() {
    catch(M::AdjustmentWithoutRecord, MOVED_ONCE)
        .in_steps(4, unheard)
        .leaves(2);
}

#[test]
fn a_refusal_deleted_early_lets_a_late_duplicate_order() {
    catch(M::RefusalDeletedEarly, TRUE_ANSWER)
        .in_steps(7, unheard)
        .mentions(&["refuse order", "time to live", "make order"])
        .got(&["no"])
        .stands(0, Standing::Pending);
}

#[test]
fn a_key_that_is_claimed_first_is_stuck_after_a_crash() {
    catch(M::ClaimFirst, ANSWERABLE)
        .in_steps(2, unheard)
        .stands(0, Standing::Claimed);
}

#[test]
fn a_lock_instead_of_a_condition_sells_the_last_unit_twice() {
    catch(M::LockForACondition, NOT_NEGATIVE)
        .in_steps(9, unheard)
        .mentions(&[
            "gets the lock",
            "reads",
            "expires",
            "gets the lock",
            "reads",
        ])
        .leaves(-1);
}

#[test]
fn a_refusal_remembered_too_long_contradicts_the_table() {
    catch(M::CacheOutlivesTheRefusal, TRUE_ANSWER)
        .in_steps(11, unheard)
        .mentions(&["time to live", "answered from Redis", "goes on without"])
        .got(&["no"]);
}
