//! Holds back the actions of a composite alarm while its suppressor is in `ALARM`.
//!
//! Source: "Composite alarm action suppression", Amazon CloudWatch User Guide.

use crate::composite::Suppressor;
use crate::judge::State;
use crate::message::Change;

/// The actions that are held back.
#[derive(Clone, Debug)]
pub(crate) struct HeldBack {
    /// The state whose actions were performed last.
    acted: State,
    waiting: Option<Change>,
    /// The first minute in which they may be performed.
    until: i64,
    suppressed: bool,
}

impl HeldBack {
    pub(crate) fn new() -> Self {
        Self {
            acted: State::InsufficientData,
            waiting: None,
            until: i64::MIN,
            suppressed: false,
        }
    }

    /// Takes a change of the composite, and returns the change whose actions are performed now.
    pub(crate) fn pass(
        &mut self,
        suppressor: &Suppressor,
        is_suppressing: bool,
        change: Option<Change>,
        minute: i64,
    ) -> Option<Change> {
        if let Some(change) = change {
            self.until = self.until.max(minute + suppressor.wait_minutes);
            // Back in the state that everybody knows, nothing is left to say.
            self.waiting = (change.to != self.acted).then_some(change);
        }
        if is_suppressing {
            self.suppressed = true;
            return None;
        }
        if self.suppressed {
            self.suppressed = false;
            self.until = minute + suppressor.extension_minutes;
        }
        if minute < self.until {
            return None;
        }
        let due = self.waiting.take()?;
        self.acted = due.to;
        Some(due)
    }
}
