//! The outcomes of an intent.

use crate::item::Item;
use crate::retry::{Defect, GaveUp};

/// What became of an intent. It is final for its key.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It happened, now. The record that was written.
    Done(Item),
    /// It was refused, now. The record of the refusal.
    Refused(Item),
    /// It was decided before. The record of that decision.
    Before(Item),
}

/// Why nothing final is known about an intent.
#[derive(Clone, Debug, PartialEq)]
pub enum Unsettled {
    /// Its key was used before, for another request.
    KeyReused,
    /// The time ran out. It may have happened, or may happen yet. The same
    /// request under the same key finds out.
    OutcomeUnknown,
    /// Every try met another writer or too little capacity, so this one did nothing.
    /// An earlier request under the same key may still do it. The same request under
    /// the same key can be sent again.
    Busy,
    /// A newer release recorded the decision, in a form that this one cannot read.
    Unreadable,
    /// The request to the database was wrong: a defect in the program.
    Invalid(String),
}

impl From<GaveUp> for Unsettled {
    fn from(gave_up: GaveUp) -> Self {
        match gave_up {
            GaveUp::Busy => Self::Busy,
            GaveUp::Unknown => Self::OutcomeUnknown,
        }
    }
}

impl From<Defect> for Unsettled {
    fn from(Defect(cause): Defect) -> Self {
        Self::Invalid(cause)
    }
}
