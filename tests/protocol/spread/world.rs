//! What can happen: lost answers, late copies, conflicts, crashes, and moves that are seen half.

use stateright::{Model, Property};

use super::buyer::{Buyer, Phase};
use super::table::{Forgotten, Heard, KEYS, Record, Table, Write};

/// The rules that handlers follow: those of the shipped code, or a wrong variant.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) enum Rule {
    #[default]
    Shipped,
    /// A shard that is short means that the product is sold out.
    RefusesOnOneShard,
    /// A shard other than shard 0 refuses by its own terms.
    ShardRefusesByItself,
    OneCollect,
    /// Whether it is sold out is judged by what is available, which moves change.
    AvailableJudged,
    LevelledForgotten,
    DonorsConditionDropped,
    HintForTruth,
    AnsweredBeforeAllFollowed,
    FewerShards,
    /// A shard takes any terms, also older ones.
    FollowConditionDropped,
    RecordConditionDropped,
}

/// What the staff do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Staff {
    Cancel { key: u8 },
    Move { from: u8, to: u8 },
    Describe { shards: u8 },
}

/// A worker of the staff.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Worker {
    /// How many of its writes were answered.
    done: u8,
}

/// How often things may go wrong.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Budget {
    /// Answers that are lost.
    pub(super) lost: u8,
    /// Requests that arrive once more, later.
    pub(super) copies: u8,
    /// Requests that meet another write.
    pub(super) busy: u8,
    /// Handlers that die.
    pub(super) crashes: u8,
    /// Moves that are seen half.
    pub(super) torn: u8,
}

#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) table: Table,
    pub(super) buyers: Vec<Buyer>,
    pub(super) staff: Vec<Staff>,
    pub(super) budget: Budget,
    pub(super) rule: Rule,
    pub(super) goals: Vec<&'static str>,
    /// Copies of earlier writes that are still under way.
    pub(super) late: Vec<Write>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct State {
    pub(super) table: Table,
    pub(super) buyers: Vec<Buyer>,
    workers: Vec<Worker>,
    late: Vec<Write>,
    left: Budget,
    /// An order was refused although there was no reason at any moment.
    early: bool,
    collected: bool,
    followed: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Choose {
        buyer: usize,
        shard: u8,
    },
    /// The write of a buyer arrives.
    Arrive {
        buyer: usize,
        heard: bool,
        again: bool,
        torn: Option<u8>,
    },
    Busy {
        buyer: usize,
    },
    Read {
        buyer: usize,
    },
    Crash {
        buyer: usize,
    },
    Work {
        worker: usize,
        heard: bool,
        again: bool,
        torn: Option<u8>,
    },
    Late {
        place: usize,
    },
    /// The last move is seen whole.
    Seen,
}

impl World {
    const fn forgotten(&self) -> Forgotten {
        match self.rule {
            Rule::DonorsConditionDropped => Forgotten::DonorsCondition,
            Rule::LevelledForgotten => Forgotten::Levelled,
            Rule::FollowConditionDropped => Forgotten::FollowCondition,
            Rule::RecordConditionDropped => Forgotten::RecordCondition,
            _ => Forgotten::Nothing,
        }
    }

    /// The next write of a worker. `None` if it is finished.
    fn work(&self, state: &State, worker: usize) -> Option<Write> {
        let done = state.workers[worker].done;
        match self.staff[worker] {
            Staff::Cancel { key } => (done == 0).then_some(Write::Cancel { key }),
            Staff::Move { from, to } => (done == 0).then_some(Write::Move { from, to }),
            Staff::Describe { shards } => {
                let before = u8::try_from(self.table.shards.len()).unwrap();
                let made = shards.saturating_sub(before);
                let first = self.table.count;
                if done < made {
                    return Some(Write::Make {
                        shard: first + done,
                    });
                }
                let step = done - made;
                let shards = match self.rule {
                    Rule::FewerShards => shards - 1,
                    _ => shards,
                };
                let follows = match self.rule {
                    Rule::AnsweredBeforeAllFollowed => shards.saturating_sub(1),
                    _ => shards,
                };
                match step {
                    0 => Some(Write::Describe { base: 0, shards }),
                    shard if shard < follows => Some(Write::Follow { shard, details: 1 }),
                    _ => None,
                }
            }
        }
    }

    fn arrive(&self, state: &mut State, write: Write, torn: Option<u8>) -> Heard {
        state.left.torn -= u8::from(torn.is_some());
        let heard = state.table.apply(write, torn, self.forgotten());
        if heard == Heard::Done
            && let Write::Take { given, .. } = write
        {
            state.collected |= given.iter().any(|pieces| 0 < *pieces);
        }
        heard
    }
}

/// The shards that may show a write later than the others.
fn lagging(write: Write, left: u8) -> Vec<Option<u8>> {
    let both: Vec<u8> = match write {
        Write::Move { from, to } => vec![from, to],
        Write::Take { to, given, .. } if given.iter().any(|pieces| 0 < *pieces) => vec![to],
        _ => Vec::new(),
    };
    let torn = both.into_iter().filter(|_| 0 < left).map(Some);
    std::iter::once(None).chain(torn).collect()
}

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let mut buyers = self.buyers.clone();
        for buyer in &mut buyers {
            buyer.witness(&self.table);
        }
        vec![State {
            table: self.table.clone(),
            buyers,
            workers: vec![Worker::default(); self.staff.len()],
            late: self.late.clone(),
            left: self.budget,
            early: false,
            collected: false,
            followed: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let left = state.left;
        let ways = |write: Write| {
            let heards = [true, false]
                .into_iter()
                .filter(move |heard| *heard || 0 < left.lost);
            let agains = [false, true]
                .into_iter()
                .filter(move |again| !again || 0 < left.copies);
            let torns = lagging(write, left.torn);
            heards.flat_map(move |heard| {
                let torns = torns.clone();
                agains.clone().flat_map(move |again| {
                    torns
                        .clone()
                        .into_iter()
                        .map(move |torn| (heard, again, torn))
                })
            })
        };
        for (buyer, it) in state.buyers.iter().enumerate() {
            match it.phase {
                Phase::Choosing => {
                    steps.extend((0..it.hint).map(|shard| Step::Choose { buyer, shard }));
                }
                Phase::Waiting(write) => {
                    steps.extend(ways(write).map(|(heard, again, torn)| Step::Arrive {
                        buyer,
                        heard,
                        again,
                        torn,
                    }));
                    if 0 < left.busy && matches!(write, Write::Take { .. }) {
                        steps.push(Step::Busy { buyer });
                    }
                }
                Phase::ReadingFirst { .. } | Phase::Collecting { .. } => {
                    steps.push(Step::Read { buyer });
                }
                Phase::Placed | Phase::Refused | Phase::Busy => {}
            }
            if 0 < left.crashes && !it.is_over() && it.phase != Phase::Choosing {
                steps.push(Step::Crash { buyer });
            }
        }
        for worker in 0..self.staff.len() {
            if let Some(write) = self.work(state, worker) {
                steps.extend(ways(write).map(|(heard, again, torn)| Step::Work {
                    worker,
                    heard,
                    again,
                    torn,
                }));
            }
        }
        steps.extend((0..state.late.len()).map(|place| Step::Late { place }));
        if state.table.torn.is_some() {
            steps.push(Step::Seen);
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Choose { buyer, shard } => state.buyers[buyer].choose(shard),
            Step::Arrive {
                buyer,
                heard,
                again,
                torn,
            } => {
                let Phase::Waiting(write) = state.buyers[buyer].phase else {
                    return None;
                };
                let answer = self.arrive(&mut state, write, torn);
                state.copy(write, again);
                state.left.lost -= u8::from(!heard);
                if heard {
                    state.followed |= matches!(write, Write::Follow { .. });
                    state.buyers[buyer].hear(write, answer, self.rule);
                }
            }
            Step::Busy { buyer } => {
                state.left.busy -= 1;
                state.buyers[buyer].phase = Phase::Choosing;
            }
            Step::Read { buyer } => {
                let table = &state.table;
                let it = &mut state.buyers[buyer];
                match it.phase {
                    Phase::ReadingFirst { shard, own } => it.read_first(shard, own, table),
                    _ => it.read_next(table, self.rule),
                }
            }
            Step::Crash { buyer } => {
                state.left.crashes -= 1;
                if let Phase::Waiting(write) = state.buyers[buyer].phase {
                    state.late.push(write);
                }
                state.buyers[buyer].restart();
            }
            Step::Work {
                worker,
                heard,
                again,
                torn,
            } => {
                let write = self.work(&state, worker)?;
                self.arrive(&mut state, write, torn);
                state.copy(write, again);
                state.left.lost -= u8::from(!heard);
                state.workers[worker].done += u8::from(heard);
                let finished = self.work(&state, worker).is_none();
                if finished && matches!(self.staff[worker], Staff::Describe { .. }) {
                    state.table.answered = 1;
                }
            }
            Step::Late { place } => {
                let write = state.late.remove(place);
                self.arrive(&mut state, write, None);
            }
            Step::Seen => state.table.torn = None,
        }
        state.settle();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::<Self>::always("no number is negative", |_, state| {
                let shards = &state.table.shards;
                shards.iter().all(|it| 0 <= it.available && 0 <= it.taken)
            }),
            Property::<Self>::always("the books of each shard add up", |_, state| {
                let shards = &state.table.shards;
                shards
                    .iter()
                    .all(|it| it.available + it.taken == it.received + it.levelled)
            }),
            Property::<Self>::always("nothing comes from nowhere", |_, state| {
                let shards = &state.table.shards;
                shards.iter().map(|it| it.levelled).sum::<i8>() == 0
            }),
            Property::<Self>::always("taken is what the orders hold", |_, state| {
                let held = |record: &Option<Record>| match record {
                    Some(Record::Placed { quantity, .. }) => *quantity,
                    _ => 0,
                };
                let held: i8 = state.table.records.iter().map(held).sum();
                held == state.table.shards.iter().map(|it| it.taken).sum::<i8>()
            }),
            Property::<Self>::always("a key has one effect", |_, state| {
                state.table.effects.iter().all(|effects| *effects <= 1)
            }),
            Property::<Self>::always("every answer is what the record says", |_, state| {
                state.buyers.iter().all(|buyer| {
                    let record = state.table.records[usize::from(buyer.key) % KEYS];
                    match buyer.phase {
                        Phase::Placed => {
                            matches!(record, Some(Record::Placed { .. } | Record::Cancelled))
                        }
                        Phase::Refused => record == Some(Record::Refused),
                        _ => true,
                    }
                })
            }),
            Property::<Self>::always("nobody is refused early", |_, state| !state.early),
            Property::<Self>::always(
                "after its answer, a description is everywhere",
                |_, state| !state.table.sold_old,
            ),
        ];
        for goal in &self.goals {
            properties.push(match *goal {
                "an order is placed" => {
                    Property::<Self>::sometimes("an order is placed", |_, state| {
                        state.buyers.iter().any(|it| it.phase == Phase::Placed)
                    })
                }
                "an order is refused" => {
                    Property::<Self>::sometimes("an order is refused", |_, state| {
                        state.buyers.iter().any(|it| it.phase == Phase::Refused)
                    })
                }
                "an order is collected" => {
                    Property::<Self>::sometimes("an order is collected", |_, state| state.collected)
                }
                _ => Property::<Self>::sometimes("a shard follows for an order", |_, state| {
                    state.followed
                }),
            });
        }
        properties
    }
}

impl State {
    fn copy(&mut self, write: Write, again: bool) {
        if again {
            self.left.copies -= 1;
            self.late.push(write);
        }
    }

    /// Notes what every handler has seen, and whether one refuses without a reason.
    fn settle(&mut self) {
        for buyer in &mut self.buyers {
            if buyer.is_over() {
                continue;
            }
            buyer.witness(&self.table);
            let refuses = matches!(buyer.phase, Phase::Waiting(Write::Refuse { .. }));
            self.early |= refuses && !buyer.was_short && !buyer.had_other_terms;
        }
    }
}
