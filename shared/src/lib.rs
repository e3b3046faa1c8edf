//! What two or more functions need. Nothing here depends on a function.
//!
//! Read first: [`caller`] (who sent the request), [`problem`] (what an error
//! answer looks like) and [`world`] (why time and randomness are passed in).
#![warn(missing_docs)]

#[cfg(feature = "http-answers")]
pub mod as_is;
pub mod aws;
pub mod caller;
pub mod cors;
pub mod headers;
#[cfg(feature = "https")]
mod https;
pub mod init;
pub mod json;
pub mod metrics;
mod origin;
#[cfg(feature = "picture")]
pub mod picture;
pub mod problem;
pub mod secret;
pub mod telemetry;
pub mod world;
