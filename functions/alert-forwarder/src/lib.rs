//! Forwards alerts to Discord. No alert is lost, and an alert that was certainly sent is not sent again.
//!
//! Read `event.rs` and `forward.rs` first. Three pure steps turn an invocation into messages:
//! [`envelope`] unwraps it, [`mod@parse`] understands each message, and [`mod@render`] writes what
//! Discord gets. [`app`] wires the function, [`forward`] goes through the messages of an invocation,
//! [`deliver`] claims and sends one of them, and [`send`] makes its calls. An alarm's message follows the
//! alarm: [`incident`] decides without I/O, [`incidents`] and [`showing`] act. Only [`discord`], [`seen`],
//! [`incident_store`], [`webhooks`], [`queue`], [`alarms`], [`log_reader`] and [`deployed`] do I/O;
//! [`enrich`] adds to an alarm what the last three know.

mod accounts;
mod alarm;
mod alarms;
mod answer;
mod app;
mod button;
mod channels;
mod circuit;
mod config;
mod deadline;
mod deliver;
mod deployed;
mod details;
mod digests;
mod directives;
mod discord;
mod draft;
mod enrich;
mod envelope;
mod error;
mod event;
mod face;
mod fitting;
mod flood;
mod forward;
mod headline;
mod held;
mod incident;
mod incident_store;
mod incidents;
mod json;
mod link;
mod linked;
mod log_reader;
mod mask;
mod message;
mod number;
mod outcome;
mod pace;
mod parse;
mod phone;
mod preview;
mod queue;
mod region;
mod reminder;
mod render;
mod route;
mod seen;
mod send;
mod showing;
mod text;
mod trouble;
mod verdict;
mod wake;
mod watcher;
mod webhook;
mod webhooks;
mod when;
mod whole;

// The function.
pub use accounts::AccountsError;
pub use app::{App, handle};
pub use config::{Config, ConfigError, Timeouts};
pub use error::Error;
pub use outcome::SERVICE;
pub use preview::preview;
pub use webhook::{WebhookError, WebhookUrl};

// Its steps, for tests of each.
pub use answer::{Answer, RouteFault};
pub use discord::{Call, Discord};
pub use envelope::{Notification, unwrap};
pub use event::{Event, Field, Kind, Moment, Rich, Severity, Span, State};
pub use message::{Detail, Embed, FILE_BYTES_MAX, Message};
pub use parse::{kinds, parse};
pub use phone::render_text;
pub use render::{Options, render};
pub use text::{Style, clean, escaped, fit, units};
