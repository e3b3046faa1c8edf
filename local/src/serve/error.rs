//! Why a server does not start.

use std::net::SocketAddr;

use database::DatabaseError;
use template::TemplateError;

use crate::data::DataError;
use crate::functions::StartError;
use crate::seed::SeedError;
use crate::token::TokenError;
use crate::watching::WatchingError;

/// Why a server does not start, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template has faults.
    #[error("the template cannot be served: {0}")]
    Template(#[from] TemplateError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The secrets cannot be read or written.
    #[error("the secrets cannot be read or written: {0}")]
    Secrets(String),
    /// The key of the program's own issuer cannot be read or written.
    #[error("the ES256 key cannot be read or written: {0}")]
    IssuerKey(String),
    /// A function does not start.
    #[error(transparent)]
    Function(#[from] StartError),
    /// The demo products cannot be added.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The address is not free, or not of this machine.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, String),
    /// The alarms cannot be watched.
    #[error(transparent)]
    Watching(#[from] WatchingError),
    /// A token cannot be made.
    #[error(transparent)]
    Token(#[from] TokenError),
}
