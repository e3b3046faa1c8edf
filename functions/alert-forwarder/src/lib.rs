//! Forwards alarms to Discord: no alert is lost, none is sent twice where that can be known.
//!
//! An invocation is unwrapped ([`envelope`]), each message understood
//! ([`parse`]) and rendered ([`render`]); these are pure. [`forward`] walks through the messages of an
//! invocation, [`deliver`] claims and sends one of them, [`send`] decides what follows from what Discord
//! answers; [`discord`], [`seen`], [`webhook`] and [`queue`] are all that reaches out. [`app`] wires them.
//! Read `event.rs` and `forward.rs` first.
//!
//! Incidents (editing an alarm's message when it ends), flood control, graphs
//! and log lines are not here yet. Their places: [`event::Event::fingerprint`]
//! names an incident, [`discord::Call::Edit`] edits its message, an image is a
//! further [`message::File`], which [`message::Detail::NoImage`] leaves out.

mod alarm;
mod app;
mod circuit;
pub mod config;
mod deadline;
mod deliver;
pub mod discord;
mod draft;
pub mod envelope;
mod error;
pub mod event;
mod fitting;
mod forward;
mod json;
pub mod link;
pub mod message;
mod outcome;
mod pace;
pub mod parse;
mod queue;
mod region;
pub mod render;
pub mod route;
mod seen;
mod send;
pub mod text;
pub mod webhook;
mod when;
mod whole;

pub use app::{App, handle};
pub use config::{Config, ConfigError};
pub use error::Error;
pub use outcome::SERVICE;
