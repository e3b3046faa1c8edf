//! DynamoDB on one machine: an embedded database, as a server or inside the process.
//!
//! [`Embedded`] listens on a loopback port, for the local program. [`Engine`] answers in this
//! process, for the simulation. [`connector`] connects the AWS SDK to an engine, for tests. [`Front`]
//! stands before a database at a URL, breaks it on demand, and reports what it answers; [`Forward`]
//! is its way there.

mod client;
pub mod connector;
mod engine;
mod error;
mod fault;
mod forward;
mod front;
mod response;
mod server;
mod tables;

pub use client::client;
pub use dynoxide::storage_backend::Clock;
pub use engine::Engine;
pub use error::DatabaseError;
pub use fault::Fault;
pub use forward::Forward;
pub use front::{Exchange, Front, Gate};
pub use response::{Response, code};
pub use server::Embedded;
pub use tables::prepare;
