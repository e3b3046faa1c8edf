//! Owns the whole API on one machine: the template's routes, functions, tables and secrets.
//!
//! Read [`template`] first (what is served), then [`serve`] (how it is put together), then
//! [`gateway`] (what API Gateway would do between a client and a function).

pub mod command;
pub(crate) mod data;
mod files;
pub mod functions;
pub(crate) mod issuer;
mod schedule;
pub mod secrets;
mod seed;
pub mod serve;
pub mod token;
mod uuid;
