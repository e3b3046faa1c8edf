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
mod config;
mod deadline;
mod deliver;
mod discord;
mod draft;
mod envelope;
mod error;
mod event;
mod fitting;
mod forward;
mod json;
mod link;
mod message;
mod outcome;
mod pace;
mod parse;
mod queue;
mod region;
mod render;
mod route;
mod seen;
mod send;
mod text;
mod webhook;
mod when;
mod whole;

// The function.
pub use app::{App, handle};
pub use config::{Config, ConfigError, Timeouts};
pub use error::Error;
pub use outcome::SERVICE;
pub use webhook::{WebhookError, WebhookUrl};

// Its steps, each for itself.
pub use discord::{Answer, Call, Discord};
pub use envelope::{Notification, unwrap};
pub use event::{Event, Field, Kind, Moment, Rich, Severity, Span, State};
pub use message::{Detail, Embed, FILE_BYTES_MAX, Message};
pub use parse::{kinds, parse};
pub use render::{Options, render};
pub use text::{Style, clean, escaped, fit, units};
