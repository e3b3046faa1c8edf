//! The table, and the client that reaches it.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use shared::world::World;

/// A table, and what reaching it takes.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) world: World,
}

/// The client repeats failed requests by itself.
///
/// Whether a request may be repeated, and under which token, is decided where
/// its meaning is known. A second loop inside the client would send a
/// transaction again without that knowledge, and use up the time of the first.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the DynamoDB client repeats requests by itself: build it with RetryConfig::disabled()")]
pub struct RetriesAreOn;

impl Store {
    /// A table of this name. Its partition key is named `pk`.
    ///
    /// # Errors
    /// The client's own retries are not switched off.
    pub fn new(client: Client, table: String, world: World) -> Result<Self, RetriesAreOn> {
        // Without a setting of its own, the SDK makes three attempts.
        let retries = client.config().retry_config();
        if retries.is_none_or(|retries| retries.max_attempts() != 1) {
            return Err(RetriesAreOn);
        }
        Ok(Self {
            client,
            table,
            world,
        })
    }

    /// The time by the machine's clock, which deadlines are measured by.
    pub fn machine_now(&self) -> Timestamp {
        self.world.machine_now()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.world.now()
    }
}
