//! A commit to the table: each item that it wrote, before and after.

use serde_json::Value;

use super::request::Key;

/// One item before and after a commit.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// The item's key.
    pub(crate) key: Key,
    /// The item before.
    pub(crate) old: Option<Value>,
    /// The item after.
    pub(crate) new: Option<Value>,
    /// Whether time to live deletes it.
    pub(crate) expired: bool,
}
