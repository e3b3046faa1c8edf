//! The way to Redis: a server, or a simulation that plays one.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::connection::Connection;
use super::question::{Fault, Question, Reply};

/// A Redis that a simulation or a test plays.
pub type Exchange = Arc<dyn Fn(Question) -> BoxFuture<'static, Result<Reply, Fault>> + Send + Sync>;

/// What answers the questions.
pub(super) enum Link {
    /// A server.
    Network(Connection),
    /// A simulation.
    Played(Exchange),
}

impl Link {
    /// Asks, and waits without a limit.
    pub(super) async fn exchange(&self, question: &Question) -> Result<Reply, Fault> {
        match self {
            Self::Network(connection) => connection.exchange(question).await,
            Self::Played(exchange) => exchange(question.clone()).await,
        }
    }

    /// Makes the next question open a new connection.
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
