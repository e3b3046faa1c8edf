//! The world around the handlers: clients that repeat, a network that loses, duplicates and delays,
//! handlers that die, and time that passes.

use super::handler::{Answer, Next, Phase, Task, begin, hear, read};
use super::items::{Stock, Table, Witness};
use super::mutation::Mutated;
use super::mutation::Mutation as M;
use super::record::{Intent, KEYS, Lines, Record, SKUS, Stamp, Standing};
use super::request::{Call, Request};
use super::state::{Actor, Faults, PER_CLIENT, State, TOKENS_OF_KEYS};

/// The stamp of orders that exist from the start.
const FIRST: Stamp = 255;

/// Something that must be possible in a world. Otherwise its properties would prove nothing.
pub(super) type Goal = (&'static str, fn(&Protocol, &State) -> bool);

/// What one client wants, and how often it asks at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    pub(super) task: Task,
    pub(super) attempts: u8,
}

/// A small world to explore.
#[derive(Clone, Debug, Default)]
pub(super) struct Protocol {
    pub(super) clients: Vec<Client>,
    /// What is available at the start.
    pub(super) stock: Lines,
    /// Orders that were placed before the start, in the order of their keys, and their status.
    pub(super) placed: Vec<(Lines, Standing)>,
    pub(super) faults: Faults,
    /// Whether there are locks and remembered answers in Redis.
    pub(super) redis: bool,
    pub(super) mutated: Mutated,
    pub(super) goals: Vec<Goal>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// A client asks, for the first time or again. If its last handler has not answered, it is dead
    /// from now on: a crash, a deadline, or a lost answer.
    Begin {
        client: u8,
    },
    /// A strongly consistent read. `overdue`: whether the hold is over by the handler's clock.
    Read {
        client: u8,
        overdue: bool,
    },
    /// A request takes effect.
    Arrive {
        request: Request,
        /// Its handler still waits, and gets the response.
        heard: bool,
        /// The network delivers it once more, later.
        again: bool,
        /// If its token was applied before, the table still remembers it.
        recognised: bool,
    },
    /// No answer in time: the handler sends the same request under the same token.
    TimeOut {
        client: u8,
    },
    /// A conflict or throttling: nothing was applied. The handler sends it under a new token.
    Busy {
        client: u8,
    },
    /// Time to live deletes a refusal.
    Delete {
        key: u8,
    },
    /// The product's description changes.
    Reprice {
        sku: u8,
    },
    /// The handler gets the lock in Redis.
    Lock {
        client: u8,
    },
    GoOnWithoutLock {
        client: u8,
    },
    LockExpires {
        sku: u8,
    },
    Recall {
        client: u8,
    },
    Forget {
        key: u8,
    },
}

impl Protocol {
    /// The state at the start.
    pub(super) fn start(&self) -> State {
        let stock = self.stock.map(|available| Stock {
            available,
            received: available,
            ..Stock::default()
        });
        let mut table = Table {
            orders: [None; KEYS],
            ledger: [None; KEYS],
            returns: [None; KEYS],
            payments: [None; 2],
            stock,
            tokens: Vec::new(),
            witness: Witness::default(),
        };
        for (key, (lines, standing)) in (0..).zip(&self.placed) {
            place(&mut table, key, *lines, *standing);
        }
        State {
            table,
            network: Vec::new(),
            actors: vec![Actor::default(); self.clients.len()],
            locks: [None; SKUS],
            cache: [None; KEYS],
            left: self.faults,
        }
    }

    pub(super) fn with(&self, mutation: M) -> Self {
        Self {
            mutated: Some(mutation),
            ..self.clone()
        }
    }

    pub(super) fn task(&self, client: u8) -> Task {
        self.clients[usize::from(client)].task
    }

    /// Begins an attempt, even if the client has no attempts left.
    pub(super) fn begin(&self, state: &mut State, client: u8) {
        let actor = state.actor(client);
        actor.attempts += 1;
        let by = actor.stamp(client);
        match begin(self.task(client), by, self.mutated) {
            Some(_) if self.redis => state.actor(client).phase = Phase::Locking,
            Some(call) => self.send(state, client, call),
            None => state.actor(client).phase = Phase::Reading,
        }
    }

    /// Goes on after the wait for a lock, with or without it.
    pub(super) fn unlocked(&self, state: &mut State, client: u8) {
        let by = state.actor(client).stamp(client);
        match begin(self.task(client), by, self.mutated) {
            Some(call) if self.mutated != Some(M::LockForACondition) => {
                self.send(state, client, call);
            }
            Some(_) | None => state.actor(client).phase = Phase::Reading,
        }
    }

    pub(super) fn read(&self, state: &mut State, client: u8, overdue: bool) {
        let by = state.actor(client).stamp(client);
        let next = read(self.task(client), by, &state.table, overdue, self.mutated);
        self.go_on(state, client, next);
    }

    pub(super) fn arrive(
        &self,
        state: &mut State,
        request: Request,
        heard: bool,
        recognised: bool,
    ) {
        let Request {
            client,
            token,
            call,
        } = request;
        let response = state.table.serve(call, token, recognised, self.mutated);
        if heard {
            let by = state.actor(client).stamp(client);
            let next = hear(self.task(client), by, call, response, self.mutated);
            self.go_on(state, client, next);
        }
    }

    fn go_on(&self, state: &mut State, client: u8, next: Next) {
        match next {
            Next::Send(call) => self.send(state, client, call),
            Next::Again => self.send_under_a_new_token(state, client),
            Next::Stop => state.actor(client).phase = Phase::Idle,
            Next::Say(answer) => self.say(state, client, answer),
        }
    }

    pub(super) fn say(&self, state: &mut State, client: u8, answer: Answer) {
        let actor = state.actor(client);
        let by = actor.stamp(client);
        actor.phase = Phase::Idle;
        actor.answers.push(answer);
        actor.answers.sort_unstable();
        actor.answers.dedup();
        if !self.redis {
            return;
        }
        // Compare and delete: if the lock expired and another handler holds it, it stays.
        for lock in &mut state.locks {
            *lock = lock.filter(|holder| *holder != by);
        }
        if let (Task::Make(intent @ Intent::Order { .. }), Answer::Made(_) | Answer::Refused(_)) =
            (self.task(client), answer)
        {
            state.cache[intent.key()] = Some((intent, answer));
        }
    }

    fn send(&self, state: &mut State, client: u8, call: Call) {
        let actor = state.actor(client);
        let token = match call {
            Call::Make { intent, .. } if self.mutated == Some(M::TokenOfTheKey) => {
                TOKENS_OF_KEYS + u8::try_from(intent.key()).unwrap()
            }
            _ => {
                actor.tokens += 1;
                client * PER_CLIENT + actor.tokens
            }
        };
        actor.phase = Phase::Waiting { call, token };
        state.network.push(Request {
            client,
            token,
            call,
        });
    }

    pub(super) fn send_under_a_new_token(&self, state: &mut State, client: u8) {
        if let Phase::Waiting { call, .. } = state.actor(client).phase {
            self.send(state, client, call);
        }
    }

    /// Whether time to live may delete the record under an order's key.
    ///
    /// A refusal stays for at least 14 days. By then, each request from before it has arrived or
    /// never will, and Redis has forgotten it.
    pub(super) fn may_delete(&self, state: &State, key: u8) -> bool {
        let Some(record) = state.table.orders[usize::from(key)] else {
            return false;
        };
        if self.mutated == Some(M::ExpiryByTtl) {
            return record.standing == Standing::Pending;
        }
        if record.standing != Standing::Refused {
            return false;
        }
        let under_way = state.network.iter().any(|request| {
            matches!(request.call, Call::Make { intent, .. } | Call::Refuse { intent, .. }
                if intent.key() == usize::from(key))
        });
        let handled = self.clients_of(key).any(|client| {
            let phase = state.actors[usize::from(client)].phase;
            phase != Phase::Idle
        });
        let remembered = state.cache[usize::from(key)].is_some();
        let early = self.mutated == Some(M::RefusalDeletedEarly);
        let cached = remembered && self.mutated != Some(M::CacheOutlivesTheRefusal);
        early || !(under_way || handled || cached)
    }

    /// After the deletion, a repeat is a new attempt, as documented: earlier answers no longer
    /// count.
    pub(super) fn delete(&self, state: &mut State, key: u8) {
        state.table.orders[usize::from(key)] = None;
        let kept = [M::ExpiryByTtl, M::RefusalDeletedEarly];
        if self
            .mutated
            .is_some_and(|mutation| kept.contains(&mutation))
        {
            return;
        }
        for client in self.clients_of(key) {
            state.actor(client).answers.clear();
        }
    }

    /// The clients that order under a key.
    fn clients_of(&self, key: u8) -> impl Iterator<Item = u8> {
        let orders = move |client: &u8| {
            matches!(self.task(*client), Task::Make(Intent::Order { key: theirs, .. })
                if theirs == key)
        };
        self.every_client().filter(orders)
    }

    pub(super) fn every_client(&self) -> impl Iterator<Item = u8> + use<> {
        0..u8::try_from(self.clients.len()).unwrap()
    }
}

/// Adds an order as it is after its placement, its confirmation by the payment of its own number,
/// and its fulfilment in parcel 0.
fn place(table: &mut Table, key: u8, lines: Lines, standing: Standing) {
    let offer = 0;
    let number = usize::from(key);
    let is_fulfilled = standing == Standing::Fulfilled;
    for (stock, quantity) in table.stock.iter_mut().zip(lines) {
        stock.received += quantity;
        if is_fulfilled {
            stock.shipped += quantity;
        } else {
            stock.taken += quantity;
        }
    }
    let mut order = Record::new(Intent::Order { key, lines, offer }, FIRST, standing);
    if standing != Standing::Pending {
        order.version += 1;
        order.payment = Some(key);
        table.payments[number] = Some(key);
        table.witness.confirmed[number] = 1;
    }
    if is_fulfilled {
        order.version += 1;
        order.parcel = Some(0);
        table.witness.shipped[number] = 1;
    }
    table.put(order);
}
