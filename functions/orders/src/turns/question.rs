//! The two questions that orders ask of Redis, and its answers.

/// How long Redis keeps a decision, in seconds: a day.
pub(super) const REMEMBERED_SECONDS: u64 = 24 * 60 * 60;

/// How long a lock lasts whose owner does not give it back, in milliseconds.
///
/// It is longer than nearly every transaction, and short for the orders that
/// wait for a lock whose owner died. Nothing depends on it: a lock that ends too
/// early costs a conflict, which DynamoDB settles.
pub(super) const LOCK_MILLISECONDS: u64 = 500;

/// The largest entry. A larger one is neither read nor written.
pub(super) const ENTRY_BYTES_MAX: usize = 32 * 1024;

/// A question to Redis: one round trip, and atomic for all other clients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Question {
    /// Returns the entry at `decided`. If it is missing, takes all locks, or none
    /// if one is taken.
    Enter {
        /// The key of the decision.
        decided: String,
        /// The keys of the locks, sorted.
        locks: Vec<String>,
        /// The locks' new owner, for [`LOCK_MILLISECONDS`].
        owner: String,
    },
    /// Gives back the locks that the owner still has, and keeps an entry for
    /// [`REMEMBERED_SECONDS`].
    Leave {
        /// The key of the decision.
        decided: String,
        /// What was decided, if it is known.
        entry: Option<String>,
        /// The keys of the locks, sorted.
        locks: Vec<String>,
        /// The owner. Another owner's locks stay.
        owner: String,
    },
}

/// What Redis answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// The entry of the decision. No lock was taken.
    Decided(String),
    /// The owner has all locks now.
    Turn,
    /// Another owner has one of the locks. None was taken.
    Busy,
    /// The locks are given back, and the entry is kept.
    Left,
}

/// Why there is no answer. The text has no address and no password.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// No answer came in time.
    #[error("no answer in time")]
    NoAnswer,
    /// The connection broke, or could not be opened.
    #[error("no connection: {0}")]
    Broken(String),
    /// The answer was an error, such as `OOM` or `READONLY`.
    #[error("refused: {0}")]
    Refused(String),
}
