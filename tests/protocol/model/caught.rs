//! Catches each mutant, and keeps its shortest counterexample.

use stateright::{Checker as _, HasDiscoveries, Model as _};

use super::handler::Answer;
use super::mutation::Mutation as M;
use super::property::{
    ALWAYS, ANSWERABLE, CONSERVED, GONE_FOR_GOOD, MOVED_ONCE, NOT_NEGATIVE, ONE_FATE, ONE_ORDER,
    ONE_PAYMENT, SAME_ANSWER, SEEN_OFFER, TRUE_ANSWER,
};
use super::protocol::{Faults, Protocol, State, Step};
use super::record::Standing;
use super::story::Story;
use super::worlds;

/// No counterexample needs more steps.
const STEPS_MAX: usize = 20;

/// Each mutant, a world that it fails in, and the property that it violates.
const MUTANTS: [(M, fn() -> Protocol, &str); 24] = [
    (M::NoRefusalRecord, worlds::restock, TRUE_ANSWER),
    (M::AnswerFromARead, worlds::one_key, TRUE_ANSWER),
    (M::StockReasonsFirstUnrecorded, calm_key, TRUE_ANSWER),
    (M::OwnBodyReplayed, worlds::one_key, SAME_ANSWER),
    (M::NoRecordCondition, worlds::changed_body, ONE_ORDER),
    (M::NoRefusalCondition, worlds::restock, CONSERVED),
    (M::NoStockCondition, worlds::last_unit, NOT_NEGATIVE),
    (M::NoOfferCondition, worlds::offers, SEEN_OFFER),
    (M::NoAdjustmentCondition, worlds::adjustments, NOT_NEGATIVE),
    (M::ConfirmAtAnyVersion, calm_fates, ONE_FATE),
    (M::CancelAtAnyVersion, calm_fates, ONE_FATE),
    (M::ExpireAtAnyVersion, calm_fates, ONE_FATE),
    (M::NoPaymentCondition, worlds::payments, ONE_PAYMENT),
    (M::TokenOfTheKey, worlds::one_key, TRUE_ANSWER),
    (M::ReleaseApart, calm_fates, ONE_FATE),
    (M::ReleaseWithoutAllocation, calm_fates, CONSERVED),
    (M::ExpiryByTtl, deleted_orders, CONSERVED),
    (M::ExpiryByTtl, deleted_orders, ONE_ORDER),
    (M::ConfirmByTheClock, worlds::fates, GONE_FOR_GOOD),
    (M::AdjustmentWithoutRecord, calm_adjustments, MOVED_ONCE),
    (M::RefusalDeletedEarly, one_customer, TRUE_ANSWER),
    (M::ClaimFirst, worlds::one_key, ANSWERABLE),
    (M::LockForACondition, worlds::redis, NOT_NEGATIVE),
    (
        M::CacheOutlivesTheRefusal,
        worlds::redis_and_deletion,
        TRUE_ANSWER,
    ),
];

/// The world with no faults except crashes, lost answers and late arrivals.
fn calm(world: Protocol) -> Protocol {
    Protocol {
        faults: Faults::default(),
        ..world
    }
}

fn calm_key() -> Protocol {
    calm(worlds::one_key())
}

fn calm_fates() -> Protocol {
    calm(worlds::fates())
}

fn calm_adjustments() -> Protocol {
    calm(worlds::adjustments())
}

/// A refusal that is deleted, and only one client that orders under its key.
fn one_customer() -> Protocol {
    let mut world = worlds::deletion();
    world.clients.remove(1);
    world
}

/// Enough stock to sell twice, and time to live deletes orders.
fn deleted_orders() -> Protocol {
    let faults = Faults {
        deletions: 1,
        ..Faults::default()
    };
    Protocol {
        faults,
        ..worlds::changed_body()
    }
}

/// How a mutant fails.
struct Caught {
    steps: Vec<Step>,
    end: State,
    story: String,
}

/// Explores a mutant's world, one step deeper each time, until it violates `property`. So the path
/// that it finds is one of the shortest.
#[track_caller]
fn catch(mutation: M, property: &'static str) -> Caught {
    let is_it = |(other, _, violated): &&(M, _, _)| (*other, *violated) == (mutation, property);
    let (_, world, _) = MUTANTS.iter().find(is_it).unwrap();
    let world = world().with(mutation);
    let violation = |depth: usize| {
        let found = HasDiscoveries::AnyOf([property].into());
        let checker = world.clone().checker().finish_when(found);
        let checker = checker.target_max_depth(depth).spawn_bfs().join();
        checker.discovery(property)
    };
    let Some(path) = (1..=STEPS_MAX + 1).find_map(violation) else {
        panic!("{mutation:?} survived {STEPS_MAX} steps: {property}");
    };
    let story = Story {
        world: &world,
        path: &path,
    };
    let story = format!("{mutation:?}: not {property}:\n{story}");
    println!("{story}");
    Caught {
        end: path.last_state().clone(),
        steps: path.into_actions(),
        story,
    }
}

impl Caught {
    /// Checks the number of steps, and the last of them.
    #[track_caller]
    fn in_steps(self, count: usize, is_last: impl Fn(&Step) -> bool) -> Self {
        let last = self.steps.last().unwrap();
        assert!(is_last(last), "another last step:\n{}", self.story);
        assert_eq!(self.steps.len(), count, "{}", self.story);
        self
    }

    /// Checks that these parts appear in its story, in this order.
    #[track_caller]
    fn mentions(self, parts: &[&str]) -> Self {
        let mut rest = self.story.as_str();
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else {
                panic!("{part:?} is missing there:\n{}", self.story);
            };
            rest = after;
        }
        self
    }

    /// Checks that some client got answers that begin like these, and no others.
    #[track_caller]
    fn got(self, expected: &[&str]) -> Self {
        let is_it = |got: &Vec<Answer>| {
            let mut pairs = got.iter().zip(expected);
            got.len() == expected.len()
                && pairs.all(|(answer, words)| answer.to_string().starts_with(words))
        };
        let is_found = self.end.actors.iter().any(|actor| is_it(&actor.answers));
        assert!(is_found, "no client got {expected:?}:\n{}", self.story);
        self
    }

    /// Checks an order's status at the end.
    #[track_caller]
    fn stands(self, key: usize, expected: Standing) -> Self {
        let order = self.end.table.orders[key].unwrap();
        assert_eq!(order.standing, expected, "{}", self.story);
        self
    }

    /// Checks how much of the first product is available at the end.
    #[track_caller]
    fn leaves(self, expected: i8) -> Self {
        let available = self.end.table.stock[0].available;
        assert_eq!(available, expected, "{}", self.story);
        self
    }
}

fn heard(step: &Step) -> bool {
    matches!(step, Step::Arrive { heard: true, .. })
}

fn unheard(step: &Step) -> bool {
    matches!(step, Step::Arrive { heard: false, .. })
}

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
fn without_the_version_condition_a_released_hold_is_confirmed() {
    catch(M::ConfirmAtAnyVersion, ONE_FATE)
        .in_steps(6, unheard)
        .mentions(&["reads", "reads", "confirm order 0 at version 1"])
        .stands(0, Standing::Confirmed);
}

#[test]
fn without_the_version_condition_a_cancel_gives_stock_back_twice() {
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
fn with_the_key_as_token_a_repeat_is_refused_as_a_reused_key() {
    catch(M::TokenOfTheKey, TRUE_ANSWER)
        .in_steps(4, heard)
        .got(&["yes", "the key was used"]);
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
fn a_hold_that_is_expired_by_one_clock_is_confirmed_by_another() {
    catch(M::ConfirmByTheClock, GONE_FOR_GOOD)
        .in_steps(5, unheard)
        .mentions(&["over by its clock", "reads", "confirm order 0"])
        .got(&["the hold has expired"])
        .stands(0, Standing::Confirmed);
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

#[test]
fn each_property_is_violated_by_a_mutant() {
    for (property, _) in ALWAYS {
        let fails = MUTANTS.iter().any(|(_, _, violated)| *violated == property);
        assert!(fails, "no mutant violates: {property}");
    }
}
