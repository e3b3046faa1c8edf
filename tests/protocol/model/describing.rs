//! A model of describing a product: which repeats of a `PUT` are harmless.
//!
//! One client describes a product twice, one description after the other. Each handler may send its
//! request again (`describe.rs` repeats a request that got no answer), and every copy may land
//! late. The description that was answered last must stand. So a description without a precondition
//! reads the version first.
//!
//! | the write's condition                   | a copy that lands late         |
//! |-----------------------------------------|--------------------------------|
//! | none, the mutant                         | undoes a later description     |
//! | the version that was read, or demanded  | fails: the version has changed |

use stateright::{Checker as _, Model, Property};

const LAST_STANDS: &str = "the description that was answered last stands";

const BOTH_ANSWERED: &str = "both descriptions are answered";

/// How many times a request is sent again at most.
const RESENDS: u8 = 2;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Condition {
    None,
    Version,
}

/// A write under way: which description, on which version.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Write {
    description: u8,
    version: u8,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct State {
    /// What the product is, and its `details_version`.
    description: u8,
    version: u8,
    network: Vec<Write>,
    /// The description that the client waits for.
    waits: Option<Write>,
    /// The last description that was answered, and its version.
    answered: u8,
    etag: u8,
    resent: u8,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Describe,
    SendAgain,
    Arrive { write: Write, heard: bool },
}

impl Condition {
    fn apply(self, state: &mut State, write: Write, heard: bool) {
        let holds = self == Self::None || state.version == write.version;
        if holds {
            state.description = write.description;
            state.version += 1;
        }
        // `as_asked`: the repeat of a write that succeeded is answered.
        let as_asked = state.version == write.version + 1 && state.description == write.description;
        if heard && (holds || as_asked) {
            state.waits = None;
            state.answered = write.description;
            state.etag = state.version;
        }
    }
}

impl Model for Condition {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::default()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        match state.waits {
            None if state.answered < 2 => steps.push(Step::Describe),
            Some(_) if state.resent < RESENDS => steps.push(Step::SendAgain),
            None | Some(_) => {}
        }
        for write in &state.network {
            for heard in [true, false] {
                if !heard || state.waits == Some(*write) {
                    let write = *write;
                    steps.push(Step::Arrive { write, heard });
                }
            }
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        match step {
            Step::Describe => {
                let write = Write {
                    description: state.answered + 1,
                    version: state.etag,
                };
                state.waits = Some(write);
                state.network.push(write);
            }
            Step::SendAgain => {
                state.resent += 1;
                state.network.extend(state.waits);
            }
            Step::Arrive { write, heard } => {
                let place = state.network.iter().position(|other| *other == write)?;
                state.network.remove(place);
                self.apply(&mut state, write, heard);
            }
        }
        state.network.sort_unstable();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LAST_STANDS, |_, state: &State| {
                state.waits.is_some() || state.description == state.answered
            }),
            Property::sometimes(BOTH_ANSWERED, |_, state: &State| state.answered == 2),
        ]
    }
}

#[test]
fn a_description_with_a_version_condition_survives_late_copies() {
    let checker = Condition::Version.checker().spawn_bfs().join();
    checker.assert_properties();
}

#[test]
fn an_unconditional_description_is_undone_by_a_late_copy_of_an_earlier_one() {
    let checker = Condition::None.checker().spawn_bfs().join();
    let write = |description| Write {
        description,
        version: description - 1,
    };
    let arrives = |description, heard| Step::Arrive {
        write: write(description),
        heard,
    };
    checker.assert_discovery(
        LAST_STANDS,
        vec![
            Step::Describe,
            Step::SendAgain,
            arrives(1, true),
            Step::Describe,
            arrives(2, true),
            arrives(1, false),
        ],
    );
}
