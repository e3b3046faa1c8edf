//! Runs the shipped handlers in simulated time with faults: first each fault where a test puts it,
//! then random faults by seed.
//!
//! Read [`stage`] first: it runs one test, then checks every answer and every write.

mod describing;
mod dying;
mod incomplete;
mod meeting;
mod mutants;
mod retrying;
mod returning;
mod sabotage;
mod seeds;
mod shipping;
mod stage;
mod sweeping;
