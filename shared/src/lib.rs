//! Owns what two or more functions say or need alike, and names none of them.
//!
//! Read [`caller`] (who is asking), [`problem`] (how an error is told) and
//! [`world`] (why nothing here takes the time by itself) first.
#![warn(missing_docs)]

pub mod aws;
pub mod caller;
pub mod cors;
pub mod headers;
pub mod init;
pub mod metrics;
mod origin;
pub mod problem;
pub mod secret;
pub mod telemetry;
pub mod world;
