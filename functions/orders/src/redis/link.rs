//! Owns what can be asked of Redis, and who answers: a server, or a simulation.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::connection::Connection;

/// How long a decision is remembered, in seconds: a day.
pub(super) const REMEMBERED_SECONDS: u64 = 24 * 60 * 60;

/// How long a lock lasts whose owner does not give it back, in milliseconds.
///
/// Longer than nearly every transaction, and short for those who come after an
/// owner that died. Nothing depends on it: a lock that ends too early costs a
/// conflict, which DynamoDB settles.
pub(super) const LOCK_MILLISECONDS: u64 = 500;

/// A larger entry is none of ours, and is neither read nor written.
pub(super) const ENTRY_BYTES_MAX: usize = 32 * 1024;

/// What is asked of Redis; one exchange, and one step for everybody else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Question {
    /// Returns the entry at `decided`; if there is none, takes all locks or none.
    Enter {
        /// The key of the decision.
        decided: String,
        /// The keys of the locks, sorted.
        locks: Vec<String>,
        /// Whose they become, for [`LOCK_MILLISECONDS`].
        owner: String,
    },
    /// Gives back those locks that are the owner's, and remembers an entry for
    /// [`REMEMBERED_SECONDS`].
    Leave {
        /// The key of the decision.
        decided: String,
        /// What was decided, if it is known.
        entry: Option<String>,
        /// The keys of the locks, sorted.
        locks: Vec<String>,
        /// Whose they must be.
        owner: String,
    },
}

/// What Redis answers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reply {
    /// There is an entry. No lock was taken.
    Decided(String),
    /// All locks are the owner's now.
    Turn,
    /// One of the locks is somebody else's. None was taken.
    Busy,
    /// The locks are given back, the entry is remembered.
    Left,
}

/// Why there is no answer. It names no address and no password.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// None came in time.
    #[error("no answer in time")]
    NoAnswer,
    /// The connection broke, or there was none to be had.
    #[error("no connection: {0}")]
    Broken(String),
    /// The answer was an error, such as `OOM` or `READONLY`.
    #[error("refused: {0}")]
    Refused(String),
}

/// A Redis that somebody else plays: a simulation, or a test.
pub type Exchange = Arc<dyn Fn(Question) -> BoxFuture<'static, Result<Reply, Fault>> + Send + Sync>;

/// Who answers.
pub(super) enum Link {
    /// A server.
    Network(Connection),
    /// A simulation.
    Played(Exchange),
}

impl Link {
    /// Asks, and waits for as long as it takes.
    pub(super) async fn exchange(&self, question: &Question) -> Result<Reply, Fault> {
        match self {
            Self::Network(connection) => connection.exchange(question).await,
            Self::Played(exchange) => exchange(question.clone()).await,
        }
    }

    /// Makes the next exchange begin with a new connection.
    pub(super) fn forget(&self) {
        match self {
            Self::Network(connection) => connection.forget(),
            Self::Played(_) => {}
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Network(_) => "Network",
            Self::Played(_) => "Played",
        })
    }
}
