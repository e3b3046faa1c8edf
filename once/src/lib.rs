//! Owns the protocol that makes an effect happen exactly once, free of the shop's words.
//!
//! An [`Intent`] is a record and the effects that go with it. They are written
//! in one transaction whose first condition is that no record exists under the
//! key, which [`mod@derive`] computes from who asks and the key they chose. So the
//! record *is* the memory of the decision; there is no "in progress" state that
//! a crash could leave behind:
//!
//! ```text
//! request ──► intent ──► [put record IF absent] + [effect IF its condition]…   one transaction
//!                             │
//!     committed ──────────────┤ the effects happened, once
//!     record was there ───────┤ decided before: the record tells the answer
//!     an effect's condition ──┤ refused: recorded under the same key, then told
//!     conflict, throttling ───┤ nothing happened: again, after a pause
//!     no answer ──────────────┘ unknown: the same request again, until it is known
//! ```
//!
//! Read [`classify`] first: the order in which it reads the reasons is the
//! heart of it.

pub mod classify;
pub mod decide;
pub mod derive;
pub mod key;
pub mod record;
pub mod settle;
pub mod store;

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// A table's item, by attribute name.
pub type Item = HashMap<String, AttributeValue>;

/// What is to happen at most once: a record of it, and its effects.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Written if nothing was decided under its primary key. It carries
    /// [`derive::FINGERPRINT`] and [`derive::FINGERPRINT_VERSION`].
    pub record: Item,
    /// At most 99, each on an item of its own.
    pub effects: Vec<Effect>,
}

/// A conditional update of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The item's primary key.
    pub key: Item,
    /// The update expression.
    pub update: &'static str,
    /// The condition it depends on; empty for none.
    pub condition: Cow<'static, str>,
    /// The attributes whose names are reserved words, by placeholder.
    pub names: &'static [(&'static str, &'static str)],
    /// The values of both expressions, by placeholder.
    pub values: Item,
}

/// A string attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A string attribute of an item, if it is there and a string.
pub fn text_of<'item>(item: &'item Item, name: &str) -> Option<&'item str> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
}

/// An integer attribute of an item, if it is there and an integer.
pub fn number_of(item: &Item, name: &str) -> Option<i64> {
    item.get(name)
        .and_then(|value| value.as_n().ok())
        .and_then(|digits| digits.parse().ok())
}
