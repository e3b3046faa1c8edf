//! Tells the team what the account and this stack cost, and what could be saved.
//!
//! Read `facts.rs` and `report.rs` first. [`mod@ask`] asks Cost Explorer and its neighbours, and every
//! answer or failure becomes a [`facts::Facts`]. [`mod@report`] computes the figures from the facts and
//! today's date, [`mod@words`] puts them into sentences, [`chart`] draws them, and [`mod@message`] makes the one
//! message that the alerts' topic gets. All of these are pure functions. Only [`mod@ask`], [`kept`] and
//! [`mod@publish`] do I/O.

mod app;
mod ask;
mod chart;
mod clients;
mod config;
mod days;
mod error;
mod facts;
mod kept;
mod message;
mod money;
mod publish;
mod report;
mod shortened;
mod terminal;
mod trigger;
mod words;

pub use app::{App, SERVICE, handle, preview};
pub use config::{Config, ConfigError, Timeouts};
pub use error::Error;
