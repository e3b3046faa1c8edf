//! Owns the simulation: the shipped handlers and the real SDK in a world that follows from a seed.
//!
//! Read [`fault`] first (what goes wrong), then [`journal`] and [`check`] (what must hold all the
//! same), then [`network`] and [`table`] (the world between), then [`run()`].

mod books;
mod check;
mod clients;
pub mod exchanges;
pub mod fault;
pub mod functions;
pub mod history;
mod journal;
mod network;
pub mod random;
mod redis;
pub mod request;
mod run;
pub mod shop;
pub mod summary;
mod table;
mod time;
mod trace;

#[cfg(test)]
mod tests;

pub use books::Books;
pub use network::Sabotage;
pub use run::{Outcome, Plan, run};
