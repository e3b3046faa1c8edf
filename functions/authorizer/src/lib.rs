//! An API Gateway Lambda authorizer (HTTP API, payload format 2.0, simple
//! responses) that fails closed: a request without a valid token is denied, and
//! a request that cannot be decided is an error, never an allow.
//!
//! Read [`verify()`] first: it is the whole decision about a token, and pure.
//! Then [`handle`], which does the I/O around it, and `cache`, which says how
//! long keys are used. [`Denial`] lists every reason for a denial.
//!
//! Invariants:
//! - No claim is trusted before the signature is verified. `iss` is read earlier,
//!   but only to select the issuer whose keys must verify the token. After a bad
//!   signature the others decide only whether newer keys are fetched.
//! - A key is selected by `(issuer, key id)`, and used only with its own
//!   algorithms, whatever algorithm the token names.
//! - No log line, error or panic that leaves this crate quotes the token, a
//!   claim, or the error text of a library.

mod algorithm;
mod app;
mod audit;
mod cache;
mod claims;
mod config;
mod config_error;
mod denial;
mod entry;
mod error;
mod event;
mod explain;
mod fetch;
mod fetch_error;
mod grants;
mod header;
mod http;
mod issuer;
mod json;
mod jwks;
mod keys;
mod policy;
mod public_key;
pub mod quiet;
mod roca;
mod secret;
mod token;
mod url;
mod verify;

pub use algorithm::Algorithm;
pub use app::{App, handle};
pub use audit::SERVICE;
pub use cache::REFRESH_SECONDS;
pub use config::Config;
pub use config_error::ConfigError;
pub use denial::Denial;
pub use entry::OVERLAP_SECONDS_DEFAULT;
pub use error::{Error, StartError};
pub use explain::explain;
pub use issuer::Issuer;
pub use keys::{KeySet, KeySetError};
pub use verify::verify;

#[cfg(test)]
mod cases;
