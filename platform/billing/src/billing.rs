//! Remembers the calls that were made, the messages that were published, and the faults that are left.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::scenario::{Fault, Scenario};

/// The services of one account.
#[derive(Debug)]
pub struct Billing {
    pub(crate) scenario: Scenario,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Seen>,
    published: Vec<String>,
    faults: Vec<Fault>,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The permission that it needs: `budgets:ViewBudget`.
    pub action: String,
    /// Its parameters.
    pub body: Value,
}

/// How a call ends before the service looks at it.
pub(crate) enum Ruled {
    Answered,
    Refused { code: String, message: String },
    Silent,
}

impl Billing {
    /// The services of a scenario.
    pub fn new(scenario: Scenario) -> Arc<Self> {
        let state = State {
            faults: scenario.faults.clone(),
            ..State::default()
        };
        Arc::new(Self {
            scenario,
            state: Mutex::new(state),
        })
    }

    /// The calls until now.
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// How many calls until now cost money: those of Cost Explorer.
    pub fn paid_calls(&self) -> usize {
        let state = self.state();
        let paid = |seen: &&Seen| seen.action.starts_with("ce:");
        state.seen.iter().filter(paid).count()
    }

    /// Takes the messages that were published and not taken yet.
    pub fn take_published(&self) -> Vec<String> {
        std::mem::take(&mut self.state().published)
    }

    /// Notes a call, and says how it ends.
    pub(crate) fn note(&self, action: &str, body: &Value) -> Ruled {
        let mut state = self.state();
        state.seen.push(Seen {
            action: action.to_owned(),
            body: body.clone(),
        });
        let is_meant = |fault: &&mut Fault| fault.action == action && fault.times != Some(0);
        let Some(fault) = state.faults.iter_mut().find(is_meant) else {
            return Ruled::Answered;
        };
        fault.times = fault.times.map(|times| times - 1);
        match &fault.code {
            None => Ruled::Silent,
            Some(code) => Ruled::Refused {
                code: code.clone(),
                message: fault.message.clone(),
            },
        }
    }

    pub(crate) fn publish(&self, message: String) {
        self.state().published.push(message);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
