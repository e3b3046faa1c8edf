//! Owns the simulation: the shipped handlers and the real SDK in a world that follows from a seed.
//!
//! Read [`fault`] first (what goes wrong), then [`journal`] and [`check`] (what must hold all the
//! same), then [`network`] and [`table`] (the world between), then [`run()`].

pub mod check;
mod clients;
pub mod exchanges;
pub mod fault;
pub mod functions;
pub mod history;
pub mod journal;
pub mod network;
pub mod random;
pub mod redis;
pub mod request;
mod run;
pub mod shop;
pub mod summary;
pub mod table;
pub mod time;
pub mod trace;

#[cfg(test)]
mod tests;

pub use run::{Outcome, Plan, run};
