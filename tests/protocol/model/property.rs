//! What must hold in every state of every world.

use orders::Books;
use stateright::Property;

use super::handler::{Answer, Phase, Task};
use super::items::{Table, Witness};
use super::protocol::{Goal, Protocol};
use super::record::{Intent, Record, SKUS, Standing};
use super::request::Request;
use super::state::State;

pub(super) const ONE_ORDER: &str = "a key makes at most one order";
pub(super) const SAME_ANSWER: &str = "all definitive answers for a key are the same";
pub(super) const TRUE_ANSWER: &str = "every definitive answer agrees with the table";
pub(super) const NOT_NEGATIVE: &str = "stock is never negative";
pub(super) const CONSERVED: &str = "stock is conserved";
pub(super) const ONE_FATE: &str = "a hold is confirmed or released, and released once";
pub(super) const MOVED_ONCE: &str = "an adjustment moves stock at most once";
pub(super) const ONE_PAYMENT: &str = "a payment confirms at most one order";
pub(super) const SEEN_OFFER: &str = "an order is placed at the offer that its customer saw";
pub(super) const GONE_FOR_GOOD: &str = "an order that a client saw as expired is never confirmed";
pub(super) const SHIPPED_ONCE: &str = "an order ships at most once";
pub(super) const SHIPPED_FOR_GOOD: &str = "a fulfilled order never gives back what it took";
pub(super) const RETURNED_ONCE: &str = "a return moves stock at most once";
pub(super) const RETURNED_AT_MOST: &str = "no more is returned than was shipped";
pub(super) const NO_DEFECT: &str = "the stock alone never stops a change of an order";
pub(super) const ANSWERABLE: &str = "an answer is always still possible";

/// How many steps a handler takes at most when nothing goes wrong.
const STEPS_MAX: usize = 8;

/// What must hold in every state of every world.
pub(super) const ALWAYS: [Goal; 16] = [
    (ONE_ORDER, |_, state| {
        at_most_once(&state.table.witness.made)
    }),
    (SAME_ANSWER, same_answer),
    (TRUE_ANSWER, true_answer),
    (NOT_NEGATIVE, |_, state| {
        let mut stock = state.table.stock.iter();
        stock.all(|stock| {
            let parts = [stock.available, stock.taken, stock.shipped, stock.received];
            parts.iter().all(|part| 0 <= *part)
        })
    }),
    (CONSERVED, |world, state| conserved(world, &state.table)),
    (ONE_FATE, |_, state| {
        let witness = &state.table.witness;
        at_most_once(&witness.released)
            && at_most_once(&witness.confirmed)
            && !witness.confirmed_and_released
    }),
    (MOVED_ONCE, |_, state| {
        at_most_once(&state.table.witness.moved)
    }),
    (ONE_PAYMENT, |_, state| one_payment(&state.table)),
    (SEEN_OFFER, |_, state| !state.table.witness.unseen_offer),
    (GONE_FOR_GOOD, gone_for_good),
    (SHIPPED_ONCE, |_, state| {
        at_most_once(&state.table.witness.shipped)
    }),
    (SHIPPED_FOR_GOOD, |_, state| {
        let Witness {
            shipped, released, ..
        } = &state.table.witness;
        let mut orders = shipped.iter().zip(released);
        orders.all(|(shipped, released)| *shipped == 0 || *released == 0)
    }),
    (RETURNED_ONCE, |_, state| {
        at_most_once(&state.table.witness.returns)
    }),
    (RETURNED_AT_MOST, |_, state| returned_at_most(&state.table)),
    (NO_DEFECT, |_, state| !state.table.witness.defect),
    (ANSWERABLE, answerable),
];

pub(super) fn all(goals: &[Goal]) -> Vec<Property<Protocol>> {
    let always = ALWAYS.map(|(name, holds)| Property::always(name, holds));
    let goals = goals
        .iter()
        .map(|(name, is_reached)| Property::sometimes(name, *is_reached));
    always.into_iter().chain(goals).collect()
}

fn at_most_once(times: &[u8]) -> bool {
    times.iter().all(|times| *times <= 1)
}

/// Repeats of one request get the same bytes, whichever client sends them. Of two different
/// requests under one key, at most one gets a decision of its own.
fn same_answer(protocol: &Protocol, state: &State) -> bool {
    let answers = |client: u8| match protocol.task(client) {
        Task::Make(intent) => Some((intent, &state.actors[usize::from(client)].answers)),
        Task::Confirm { .. } | Task::Cancel { .. } => None,
        Task::Expire { .. } | Task::Fulfil { .. } => None,
    };
    let all: Vec<_> = protocol.every_client().filter_map(answers).collect();
    all.iter().enumerate().all(|(place, (intent, ours))| {
        all[place..].iter().all(|(other, theirs)| {
            let one_key = std::mem::discriminant(intent) == std::mem::discriminant(other)
                && intent.key() == other.key();
            let mut pairs = ours
                .iter()
                .flat_map(|here| theirs.iter().map(move |there| (here, there)));
            !one_key
                || pairs.all(|(here, there)| {
                    if intent == other {
                        here == there
                    } else {
                        [here, there].contains(&&Answer::KeyReused)
                    }
                })
        })
    })
}

/// Every answer agrees with the table, at once and ever after. A missing record agrees with a
/// refusal: nothing was sold.
fn true_answer(protocol: &Protocol, state: &State) -> bool {
    protocol.every_client().all(|client| {
        let answers = &state.actors[usize::from(client)].answers;
        answers
            .iter()
            .all(|answer| is_true(protocol.task(client), *answer, &state.table))
    })
}

fn is_true(task: Task, answer: Answer, table: &Table) -> bool {
    match task {
        Task::Make(intent) => is_true_decision(intent, answer, table),
        Task::Confirm { key, payment } => is_true_confirmation(key, payment, answer, table),
        Task::Cancel { key } => match answer {
            Answer::Cancelled => standing(table, key) == Some(Standing::Cancelled),
            Answer::OrderFulfilled => standing(table, key) == Some(Standing::Fulfilled),
            _ => standing(table, key) == Some(Standing::Expired),
        },
        Task::Fulfil { key, parcel } => {
            let order = table.orders[usize::from(key)];
            let shipped_in = order.and_then(|order| order.parcel);
            let standing = standing(table, key);
            match answer {
                Answer::Fulfilled => {
                    standing == Some(Standing::Fulfilled) && shipped_in == Some(parcel)
                }
                Answer::AlreadyFulfilled => {
                    standing == Some(Standing::Fulfilled) && shipped_in != Some(parcel)
                }
                // It says where the order stood. A confirmation may have followed.
                Answer::NotConfirmed => true,
                Answer::OrderCancelled => standing == Some(Standing::Cancelled),
                _ => standing == Some(Standing::Expired),
            }
        }
        // A sweeper answers no client.
        Task::Expire { .. } => true,
    }
}

fn is_true_decision(intent: Intent, answer: Answer, table: &Table) -> bool {
    let record = table.record(intent);
    match answer {
        Answer::Made(by) => record.is_some_and(|record| {
            let made = [Standing::Adjusted, Standing::Returned];
            record.by == by && (record.is_order() || made.contains(&record.standing))
        }),
        Answer::Refused(by) => {
            record.is_none_or(|record| record.by == by && record.standing == Standing::Refused)
        }
        _ => record.is_some_and(|record| record.intent != intent),
    }
}

/// "Cancelled" and "expired" also say that the order was never paid.
fn is_true_confirmation(key: u8, payment: u8, answer: Answer, table: &Table) -> bool {
    use Standing::{Cancelled, Confirmed, Expired, Fulfilled};
    let paid_for = table.payments[usize::from(payment)];
    let ours = paid_for == Some(key);
    let order = table.orders[usize::from(key)];
    let is_unpaid = order.is_some_and(|order| order.payment.is_none());
    let standing = standing(table, key);
    match answer {
        Answer::Confirmed => ours && matches!(standing, Some(Confirmed | Fulfilled | Cancelled)),
        Answer::PaymentUsed => paid_for.is_some() && !ours,
        Answer::AlreadyConfirmed => !ours && !is_unpaid,
        Answer::OrderCancelled => standing == Some(Cancelled) && is_unpaid,
        _ => standing == Some(Expired) && is_unpaid,
    }
}

fn gone_for_good(protocol: &Protocol, state: &State) -> bool {
    protocol.every_client().all(|client| {
        let answers = &state.actors[usize::from(client)].answers;
        match protocol.task(client) {
            Task::Confirm { key, .. } | Task::Cancel { key } | Task::Fulfil { key, .. } => {
                let confirmed = 0 < state.table.witness.confirmed[usize::from(key)];
                !(confirmed && answers.contains(&Answer::Expired))
            }
            Task::Make(_) | Task::Expire { .. } => true,
        }
    })
}

fn standing(table: &Table, key: u8) -> Option<Standing> {
    table.orders[usize::from(key)].map(|record| record.standing)
}

/// `available + taken + shipped = received`. `taken` is what pending and confirmed orders hold.
/// `shipped` is what fulfilled orders took and nobody returned. `received` is the first stock and
/// the sum of the ledger, less what was written off.
fn conserved(protocol: &Protocol, table: &Table) -> bool {
    (0..SKUS).zip(&table.stock).all(|(sku, stock)| {
        let placed: i8 = protocol.placed.iter().map(|(lines, _)| lines[sku]).sum();
        let sum = |is_counted: fn(&&Record) -> bool| -> i8 {
            let records = table.orders.iter().chain(&table.returns).flatten();
            let counted = records.filter(is_counted);
            counted.map(|record| record.lines()[sku]).sum()
        };
        let held = sum(|record| record.holds());
        let fulfilled = sum(|record| record.standing == Standing::Fulfilled);
        let returned = sum(|record| record.standing == Standing::Returned);
        let written_off = sum(|record| {
            let is_sold_again = matches!(record.intent, Intent::Return { restock: true, .. });
            record.standing == Standing::Returned && !is_sold_again
        });
        let ledger = table.ledger.iter().flatten();
        let adjusted: i8 = ledger.map(|entry| entry.adjusted(sku)).sum();
        let books = Books {
            available: stock.available.into(),
            taken: stock.taken.into(),
            shipped: stock.shipped.into(),
            received: stock.received.into(),
            levelled: 0,
            adjusted: (protocol.stock[sku] + placed + adjusted).into(),
            written_off: written_off.into(),
            held: held.into(),
            sent: (fulfilled - returned).into(),
        };
        // That no number is negative is a property of its own.
        let [_, laws @ ..] = books.laws();
        laws.iter().all(|(holds, _)| *holds)
    })
}

/// Of each order, no more has come back than was in it, and nothing before it was shipped.
fn returned_at_most(table: &Table) -> bool {
    let Witness {
        returned, shipped, ..
    } = &table.witness;
    let mut orders = table.orders.iter().zip(returned).zip(shipped);
    orders.all(|((order, returned), shipped)| {
        let lines = order.map_or([0; SKUS], |order| order.lines());
        let mut pairs = returned.iter().zip(lines);
        pairs.all(|(returned, ordered)| *returned == 0 || (*returned <= ordered && 0 < *shipped))
    })
}

fn one_payment(table: &Table) -> bool {
    let paid: Vec<_> = table
        .orders
        .iter()
        .flatten()
        .filter_map(|order| order.payment)
        .collect();
    paid.iter()
        .enumerate()
        .all(|(place, payment)| !paid[..place].contains(payment))
}

/// If nothing more goes wrong, every client that asks once more gets an answer within a few steps.
///
/// This is not `eventually`: an attempt may be lost for ever, and a checker that joins paths
/// overlooks cycles. It is the stronger "from every state an answer can be reached". The path to
/// the answer is the witness, and the bounds on attempts and faults do not apply to it.
fn answerable(protocol: &Protocol, state: &State) -> bool {
    protocol.every_client().all(|client| {
        let exists = match protocol.task(client) {
            Task::Make(Intent::Return { order: key, .. })
            | Task::Confirm { key, .. }
            | Task::Cancel { key }
            | Task::Fulfil { key, .. } => state.table.has_order(key),
            Task::Make(_) => true,
            Task::Expire { .. } => false,
        };
        !exists || is_answered(protocol, state.clone(), client)
    })
}

fn is_answered(protocol: &Protocol, mut state: State, client: u8) -> bool {
    let answers = std::mem::take(&mut state.actor(client).answers);
    protocol.begin(&mut state, client);
    for _ in 0..STEPS_MAX {
        match state.actor(client).phase {
            Phase::Idle => break,
            Phase::Locking => protocol.unlocked(&mut state, client),
            Phase::Reading => protocol.read(&mut state, client, false),
            Phase::Waiting { call, token } => {
                let request = Request {
                    client,
                    token,
                    call,
                };
                protocol.arrive(&mut state, request, true, true);
            }
        }
    }
    !std::mem::replace(&mut state.actor(client).answers, answers).is_empty()
}

impl Record {
    /// What an entry of the ledger adds to a product.
    fn adjusted(&self, product: usize) -> i8 {
        match self.intent {
            Intent::Adjustment { sku, delta, .. }
                if usize::from(sku) == product && self.standing == Standing::Adjusted =>
            {
                delta
            }
            _ => 0,
        }
    }
}
