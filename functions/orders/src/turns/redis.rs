//! A Redis: the way to it, its circuit breaker, and its limits.

use std::sync::Arc;
use std::time::Duration;

use shared::world::World;

use super::breaker::Breaker;
use super::connection::Connection;
use super::link::{Exchange, Link};
use crate::config::{REDIS_WAIT_DEFAULT, RedisConfig, StoreConfig};

/// A Redis that orders may use.
#[derive(Debug)]
pub struct Redis {
    pub(super) link: Link,
    pub(super) breaker: Arc<Breaker>,
    pub(super) prefix: String,
    pub(super) wait: Duration,
}

impl Redis {
    /// The Redis of a configuration. The first order opens the connection.
    pub(crate) fn new(config: &RedisConfig, store: &StoreConfig, world: World) -> Self {
        let breaker = Arc::new(Breaker::default());
        let connection = Connection::new(config, store, Arc::clone(&breaker), world);
        Self {
            link: Link::Network(connection),
            breaker,
            prefix: prefix(&store.table),
            wait: config.wait,
        }
    }

    /// A Redis that a simulation plays, with all its faults.
    pub fn played(exchange: Exchange, table: &str) -> Self {
        Self {
            link: Link::Played(exchange),
            breaker: Arc::default(),
            prefix: prefix(table),
            wait: REDIS_WAIT_DEFAULT,
        }
    }

    /// The same Redis. An order waits this long for it before the write.
    #[must_use]
    pub fn waited_for(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }
}

/// The prefix of all keys of a table. Two stacks may share a Redis. The braces
/// keep the keys of one script in one slot of a cluster.
fn prefix(table: &str) -> String {
    format!("surefire:{{{table}}}:")
}
