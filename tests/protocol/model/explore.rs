//! What can happen next: the model that stateright explores.

use stateright::{Model, Property};

use super::handler::{Phase, Task};
use super::mutation::Mutation as M;
use super::property;
use super::protocol::{Protocol, Step};
use super::record::{Intent, KEYS, SKUS};
use super::request::{Call, Request};
use super::state::State;

impl Model for Protocol {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for client in self.every_client() {
            self.steps_of(state, client, steps);
        }
        let mut last = None;
        for request in &state.network {
            if last.replace(request) != Some(request) {
                arrivals(state, *request, steps);
            }
        }
        self.steps_of_time(state, steps);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let mut state = state.clone();
        self.step(&mut state, step);
        state.settle();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        property::all(&self.goals)
    }
}

impl Protocol {
    fn steps_of(&self, state: &State, client: u8, steps: &mut Vec<Step>) {
        let actor = &state.actors[usize::from(client)];
        let known = match self.task(client) {
            // No client knows the id of an order that never existed.
            Task::Make(Intent::Return { order: key, .. })
            | Task::Confirm { key, .. }
            | Task::Cancel { key }
            | Task::Expire { key }
            | Task::Fulfil { key, .. } => state.table.has_order(key),
            Task::Make(_) => true,
        };
        if known && actor.attempts < self.clients[usize::from(client)].attempts {
            steps.push(Step::Begin { client });
        }
        match actor.phase {
            Phase::Idle => {}
            Phase::Locking => self.steps_for_a_lock(state, client, steps),
            Phase::Reading => {
                let overdue = false;
                steps.push(Step::Read { client, overdue });
                if self.mutated == Some(M::ConfirmByTheClock) {
                    let overdue = true;
                    steps.push(Step::Read { client, overdue });
                }
            }
            Phase::Waiting { call, token } => {
                if 0 < state.left.resends {
                    steps.push(Step::TimeOut { client });
                    let request = Request {
                        client,
                        token,
                        call,
                    };
                    if state.network.contains(&request) {
                        steps.push(Step::Busy { client });
                    }
                }
                let reads = self.mutated == Some(M::AnswerFromARead);
                if reads && matches!(call, Call::Make { .. }) {
                    let overdue = false;
                    steps.push(Step::Read { client, overdue });
                }
            }
        }
    }

    fn steps_for_a_lock(&self, state: &State, client: u8, steps: &mut Vec<Step>) {
        if state.locks[0].is_none() {
            steps.push(Step::Lock { client });
        }
        if self.mutated != Some(M::LockForACondition) {
            steps.push(Step::GoOnWithoutLock { client });
        }
        let Task::Make(intent) = self.task(client) else {
            return;
        };
        if state.cache[intent.key()].is_some_and(|(theirs, _)| theirs == intent) {
            steps.push(Step::Recall { client });
        }
    }

    fn steps_of_time(&self, state: &State, steps: &mut Vec<Step>) {
        for (key, place) in (0..).zip(0..KEYS) {
            if 0 < state.left.deletions && self.may_delete(state, key) {
                steps.push(Step::Delete { key });
            }
            if state.cache[place].is_some() {
                steps.push(Step::Forget { key });
            }
        }
        for (sku, place) in (0..).zip(0..SKUS) {
            if 0 < state.left.offers && sku == 0 {
                steps.push(Step::Reprice { sku });
            }
            if state.locks[place].is_some() {
                steps.push(Step::LockExpires { sku });
            }
        }
    }

    fn step(&self, state: &mut State, step: Step) {
        match step {
            Step::Begin { client } => self.begin(state, client),
            Step::Read { client, overdue } => self.read(state, client, overdue),
            Step::Arrive {
                request,
                heard,
                again,
                recognised,
            } => {
                if again {
                    state.left.copies -= 1;
                } else {
                    state.take(&request);
                }
                self.arrive(state, request, heard, recognised);
            }
            Step::TimeOut { client } => time_out(state, client),
            Step::Busy { client } => self.busy(state, client),
            Step::Delete { key } => {
                state.left.deletions -= 1;
                self.delete(state, key);
            }
            Step::Reprice { sku } => {
                state.left.offers -= 1;
                state.table.stock[usize::from(sku)].offer += 1;
            }
            Step::Lock { client } => {
                state.locks[0] = Some(state.actor(client).stamp(client));
                self.unlocked(state, client);
            }
            Step::GoOnWithoutLock { client } => self.unlocked(state, client),
            Step::LockExpires { sku } => state.locks[usize::from(sku)] = None,
            Step::Recall { client } => {
                if let Task::Make(intent) = self.task(client)
                    && let Some((_, answer)) = state.cache[intent.key()]
                {
                    self.say(state, client, answer);
                }
            }
            Step::Forget { key } => state.cache[usize::from(key)] = None,
        }
    }

    fn busy(&self, state: &mut State, client: u8) {
        state.left.resends -= 1;
        if let Phase::Waiting { call, token } = state.actor(client).phase {
            state.take(&Request {
                client,
                token,
                call,
            });
            self.send_under_a_new_token(state, client);
        }
    }
}

fn time_out(state: &mut State, client: u8) {
    state.left.resends -= 1;
    if let Phase::Waiting { call, token } = state.actor(client).phase {
        state.network.push(Request {
            client,
            token,
            call,
        });
    }
}

/// The ways in which one request can take effect.
fn arrivals(state: &State, request: Request, steps: &mut Vec<Step>) {
    let token = request.token;
    let known = state.table.tokens.iter().any(|(known, _)| *known == token);
    let both = [true, false];
    for heard in both {
        for again in both {
            for recognised in both {
                let possible = (state.is_waiting_for(&request) || !heard)
                    && (0 < state.left.copies || !again)
                    && (known || recognised);
                if possible {
                    steps.push(Step::Arrive {
                        request,
                        heard,
                        again,
                        recognised,
                    });
                }
            }
        }
    }
}
