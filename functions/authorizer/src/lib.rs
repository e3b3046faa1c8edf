//! An API Gateway Lambda authorizer (HTTP API, payload format 2.0, simple
//! responses) that fails closed: what is not proven valid is denied, and what
//! cannot be decided is an error, never an allow.
//!
//! Read [`verify()`] first: it is the whole decision about a token, and pure.
//! Then [`handle`], which does the I/O around it, and `cache`, which says how
//! long keys are believed. [`Denial`] lists every reason there is.
//!
//! Invariants:
//! - Nothing of a token is believed before its signature is verified, except
//!   `iss`, which chooses whose keys must prove it.
//! - A key is chosen by `(issuer, key id)` and used with the algorithms it is
//!   for: never with the one the token would like.
//! - No log line, error or panic that leaves this crate holds anything of the
//!   token, of a claim, or of a library's error text.

mod algorithm;
mod app;
mod audit;
mod cache;
mod claims;
mod config;
mod denial;
mod error;
mod event;
mod fetch;
mod fetch_error;
mod header;
mod http;
mod issuer;
mod json;
mod jwks;
mod keys;
mod policy;
pub mod quiet;
mod secret;
mod token;
mod url;
mod verify;

pub use algorithm::Algorithm;
pub use app::{App, handle};
pub use audit::SERVICE;
pub use cache::REFRESH_SECONDS;
pub use config::{Config, ConfigError, OVERLAP_SECONDS_DEFAULT};
pub use denial::Denial;
pub use error::{Error, StartError};
pub use issuer::Issuer;
pub use keys::{KeySet, KeySetError};
pub use verify::verify;

#[cfg(test)]
mod cases;
