//! A state of a world: the table, what is under way, and where each handler is.

use super::handler::{Answer, Phase};
use super::items::Table;
use super::record::{Intent, KEYS, SKUS, Stamp};
use super::request::{Request, Token};

/// The tokens of [`M::TokenOfTheKey`] begin here.
///
/// [`M::TokenOfTheKey`]: super::mutation::Mutation::TokenOfTheKey
pub(super) const TOKENS_OF_KEYS: Token = 240;

/// Stamps and tokens have the client in their upper half and a count in their lower half.
pub(super) const PER_CLIENT: u8 = 16;

/// How much may go wrong. Crashes, lost answers and late arrivals are not counted: only the number
/// of attempts bounds them.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Faults {
    /// Requests that a handler sends again: no answer in time, or a conflict.
    pub(super) resends: u8,
    /// Requests that the network delivers once more than they were sent.
    pub(super) copies: u8,
    /// Refusals that time to live deletes.
    pub(super) deletions: u8,
    /// Changes of a product's description.
    pub(super) offers: u8,
}

/// A client and its current handler, if any.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Actor {
    pub(super) attempts: u8,
    /// How many tokens its handlers used.
    pub(super) tokens: u8,
    pub(super) phase: Phase,
    /// The definitive answers that its handlers gave, received or not.
    pub(super) answers: Vec<Answer>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct State {
    pub(super) table: Table,
    pub(super) network: Vec<Request>,
    pub(super) actors: Vec<Actor>,
    pub(super) locks: [Option<Stamp>; SKUS],
    /// Redis' `decided:` entries.
    pub(super) cache: [Option<(Intent, Answer)>; KEYS],
    pub(super) left: Faults,
}

impl State {
    pub(super) fn actor(&mut self, client: u8) -> &mut Actor {
        &mut self.actors[usize::from(client)]
    }

    pub(super) fn is_waiting_for(&self, request: &Request) -> bool {
        let Request { token, call, .. } = *request;
        self.actors[usize::from(request.client)].phase == Phase::Waiting { call, token }
    }

    /// Makes states equal that differ only in what no longer matters.
    pub(super) fn settle(&mut self) {
        self.network.sort_unstable();
        let (network, actors) = (&self.network, &self.actors);
        self.table.tokens.retain(|(token, _)| {
            let under_way = network.iter().any(|request| request.token == *token);
            let awaited = actors.iter().any(
                |actor| matches!(actor.phase, Phase::Waiting { token: theirs, .. } if theirs == *token),
            );
            under_way || awaited || TOKENS_OF_KEYS <= *token
        });
    }

    /// Takes one copy of a request off the network.
    pub(super) fn take(&mut self, request: &Request) {
        if let Some(place) = self.network.iter().position(|other| other == request) {
            self.network.remove(place);
        }
    }
}

impl Actor {
    /// The current invocation's stamp.
    pub(super) fn stamp(&self, client: u8) -> Stamp {
        client * PER_CLIENT + self.attempts
    }
}
