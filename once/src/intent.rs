//! An intent: what is to happen at most once.

use crate::action::Effect;
use crate::item::Item;

/// What is to happen at most once: a record of it, and its effects.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Written if no item has its primary key. It carries
    /// [`FINGERPRINT`](crate::FINGERPRINT) and
    /// [`FINGERPRINT_VERSION`](crate::FINGERPRINT_VERSION).
    pub record: Item,
    /// At most 99, each on an item of its own.
    pub effects: Vec<Effect>,
}
