//! Why nothing is served.

use std::net::SocketAddr;

use database::DatabaseError;
use template::TemplateError;

use crate::data::DataError;
use crate::functions::StartError;
use crate::seed::SeedError;
use crate::token::TokenError;

/// Why nothing is served; each is one line for a person.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template cannot be served.
    #[error("the template cannot be served: {0}")]
    Template(#[from] TemplateError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The secrets cannot be kept.
    #[error("the secrets cannot be kept: {0}")]
    Secrets(String),
    /// The program's own issuer has no key.
    #[error("the ES256 key cannot be kept: {0}")]
    IssuerKey(String),
    /// A function does not start.
    #[error(transparent)]
    Function(#[from] StartError),
    /// The demo products cannot be put in.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The address cannot be had.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, String),
    /// A token cannot be made.
    #[error(transparent)]
    Token(#[from] TokenError),
}
