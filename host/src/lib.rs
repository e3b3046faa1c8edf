//! The functions behind the API in one process: what the container image runs.
//!
//! Read [`start`] first. The [`gateway`] stands between clients and functions, as on the laptop, so
//! a handler cannot tell where it runs. The routes come from `template.yaml`, which is compiled in.
//! [`check`] tests the surroundings before there is traffic.

pub mod check;
mod client;
mod connections;
pub mod credentials;
mod functions;
mod health;
mod serve;
mod settings;

pub use client::{AddressHeader, Clients};
pub use serve::{Running, StartError, start};
pub use settings::{Settings, SettingsError};
