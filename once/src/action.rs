//! The conditional writes that a transaction consists of.

use std::borrow::Cow;

use crate::item::Item;

/// The condition under which a record is written: no item has its primary key.
pub(crate) const ABSENT: &str = "attribute_not_exists(pk)";

/// A conditional update of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// The item's primary key.
    pub key: Item,
    /// The update expression.
    pub update: &'static str,
    /// The condition expression. Empty for an update without a condition.
    pub condition: Cow<'static, str>,
    /// The attributes whose names are reserved words, by placeholder.
    pub names: &'static [(&'static str, &'static str)],
    /// The values of both expressions, by placeholder.
    pub values: Item,
}

/// One action of a transaction. Each action has an item of its own.
#[derive(Clone, Debug)]
pub enum Action<'action> {
    /// Writes a whole item if a condition holds.
    Put {
        /// The item.
        item: &'action Item,
        /// The condition expression.
        condition: &'static str,
        /// The condition's values, by placeholder.
        values: Item,
    },
    /// Changes an item if a condition holds.
    Update(&'action Effect),
}

impl<'action> Action<'action> {
    /// Writes an item if no item has its primary key.
    pub fn put_absent(item: &'action Item) -> Self {
        Self::Put {
            item,
            condition: ABSENT,
            values: Item::new(),
        }
    }
}
