//! Tests a new version of the functions before CodeDeploy sends traffic to it.
//!
//! CodeDeploy invokes this function between the publication of a version and the first request to it.
//! [`mod@steps`] invokes the new versions themselves, by their ARNs, and [`app`] tells CodeDeploy whether
//! they work. If they do not, the alias keeps the version that it has.

mod app;
mod config;
mod event;
mod steps;
mod versions;

pub use app::{App, Error, SERVICE, handle};
pub use config::{Config, ConfigError};
