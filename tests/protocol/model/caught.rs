//! Catches each mutant, and keeps its shortest counterexample.

mod changing;
mod placing;
mod shipping;

use stateright::{Checker as _, HasDiscoveries, Model as _};

use super::handler::Answer;
use super::mutation::Mutation as M;
use super::property::{
    ALWAYS, ANSWERABLE, CONSERVED, GONE_FOR_GOOD, MOVED_ONCE, NO_DEFECT, NOT_NEGATIVE, ONE_FATE,
    ONE_ORDER, ONE_PAYMENT, RETURNED_AT_MOST, RETURNED_ONCE, SAME_ANSWER, SEEN_OFFER,
    SHIPPED_FOR_GOOD, SHIPPED_ONCE, TRUE_ANSWER,
};
use super::protocol::{Protocol, Step};
use super::record::Standing;
use super::state::{Faults, State};
use super::story::Story;
use super::worlds;

/// No counterexample needs more steps.
const STEPS_MAX: usize = 20;

/// Each mutant, a world that it fails in, and the property that it violates.
const MUTANTS: [(M, fn() -> Protocol, &str); 46] = [
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
    (M::CancelAtAnyVersion, calm_holds, ONE_FATE),
    (M::CancelAtAnyVersion, calm_fates, NO_DEFECT),
    (M::CancelUnconditionally, calm_fates, ONE_FATE),
    (M::CancelUnconditionally, calm_fates, NOT_NEGATIVE),
    (M::ExpireAtAnyVersion, calm_fates, ONE_FATE),
    (M::NoPaymentCondition, worlds::payments, ONE_PAYMENT),
    (M::TokenOfTheKey, worlds::one_key, TRUE_ANSWER),
    (M::ReleaseApart, calm_holds, ONE_FATE),
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
    (M::StatusBeforePayment, calm_fates, TRUE_ANSWER),
    (M::CancelAfterShipping, calm_shipping, SHIPPED_FOR_GOOD),
    (M::CancelAfterShipping, calm_single, NO_DEFECT),
    (M::CancelAtAnyVersion, calm_shipping, SHIPPED_FOR_GOOD),
    (M::FulfilAtAnyVersion, calm_parcels, SHIPPED_ONCE),
    (M::FulfilAtAnyVersion, calm_shipping, SHIPPED_FOR_GOOD),
    (M::FulfilWithoutStock, calm_early_return, CONSERVED),
    (M::FulfilWithoutStock, calm_early_return, NO_DEFECT),
    (M::ReturnAtAnyVersion, calm_returns, RETURNED_AT_MOST),
    (M::ReturnAtAnyVersion, calm_single_returns, NO_DEFECT),
    (
        M::ReturnUnconditionally,
        calm_single_returns,
        RETURNED_AT_MOST,
    ),
    (M::ReturnUnconditionally, calm_single_returns, NOT_NEGATIVE),
    (M::NoReturnCondition, calm_return, RETURNED_ONCE),
    (M::ReturnWithoutRecord, calm_return, RETURNED_ONCE),
    (M::ReturnWithoutRecord, calm_return, CONSERVED),
    (M::NoReturnRefusalRecord, calm_early_part, TRUE_ANSWER),
    (M::NoReturnRefusalRecord, calm_returns, SAME_ANSWER),
    (M::NoRefusalCondition, calm_returns, TRUE_ANSWER),
    (M::WriteOffWithoutReceived, calm_returns, CONSERVED),
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

/// As [`calm_fates`], and another order holds stock of the same product. The condition on `taken`
/// cannot tell the two orders' units apart.
fn calm_holds() -> Protocol {
    let mut world = calm_fates();
    world.placed.extend_from_within(..);
    world
}

fn calm_shipping() -> Protocol {
    calm(worlds::fulfil_or_cancel())
}

fn calm_parcels() -> Protocol {
    calm(worlds::parcels())
}

/// One client that returns one of two units.
fn calm_return() -> Protocol {
    let mut world = calm(worlds::one_return());
    world.clients.truncate(1);
    world
}

fn calm_returns() -> Protocol {
    calm(worlds::two_returns())
}

fn calm_early_return() -> Protocol {
    calm(worlds::early_return())
}

/// One client that returns one of two units, perhaps before they were shipped.
fn calm_early_part() -> Protocol {
    let mut world = calm_early_return();
    world.clients.remove(1);
    world.placed = vec![([2, 0], Standing::Confirmed)];
    world
}

/// The world without its second order, so that no other stock hides a defect.
fn single(mut world: Protocol) -> Protocol {
    world.placed.truncate(1);
    world
}

fn calm_single() -> Protocol {
    single(calm_shipping())
}

fn calm_single_returns() -> Protocol {
    single(calm_returns())
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

fn read(step: &Step) -> bool {
    matches!(step, Step::Read { .. })
}

#[test]
fn each_property_is_violated_by_a_mutant() {
    for (property, _) in ALWAYS {
        let fails = MUTANTS.iter().any(|(_, _, violated)| *violated == property);
        assert!(fails, "no mutant violates: {property}");
    }
}
