//! How long an intent fights for its items against other writers.

use std::time::Duration;

/// After how much of this an intent gives up that only met other writers, or too
/// little capacity.
///
/// An invocation that keeps trying holds its environment, and makes the others meet
/// it. So where many want the same item, few tries are better for all. Whoever calls
/// [`settle_by`](crate::settle_by) knows how crowded the items are, and
/// [`Tally`](crate::Tally) says how many tries met another writer.
///
/// An intent of which one try got no answer does not give up before the deadline:
/// it wants to know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Patience {
    /// The most tries.
    pub tries_max: u32,
    /// No try begins later than this after the first.
    pub time_max: Duration,
}

impl Default for Patience {
    /// Tries until the deadline.
    fn default() -> Self {
        Self {
            tries_max: u32::MAX,
            time_max: Duration::MAX,
        }
    }
}
