//! Runs the shipped handlers and the real AWS SDK in a simulated world. A seed always gives the
//! same run.
//!
//! Read [`fault`] first (what goes wrong), then [`journal`] and [`check`] (what must hold anyway),
//! then [`network`] and [`table`] (what lies between a handler and its items), then [`run()`].

mod check;
mod clients;
mod commit;
pub mod exchanges;
pub mod fault;
pub mod functions;
pub mod history;
mod journal;
mod ledger;
mod network;
pub mod random;
mod redis;
pub mod request;
mod returned;
mod run;
pub mod sale;
pub mod shop;
mod stock;
pub mod summary;
mod table;
mod throughput;
mod time;
mod trace;
mod wishes;

#[cfg(test)]
mod tests;

pub use network::Sabotage;
pub use run::{Outcome, Plan, run};
