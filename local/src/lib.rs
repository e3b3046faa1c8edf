//! The whole API on one machine: the template's routes, functions, tables and secrets.
//!
//! Read [`serve`] first: it starts everything that the [`template`] declares. The [`gateway`]
//! stands between clients and functions, and [`functions`] runs the real handlers in this process.

pub mod command;
pub(crate) mod data;
pub mod fault;
mod files;
pub mod functions;
pub(crate) mod issuer;
mod pages;
mod schedule;
#[cfg(test)]
mod scratch;
pub mod secrets;
mod seed;
pub mod serve;
pub mod token;
pub mod watching;
