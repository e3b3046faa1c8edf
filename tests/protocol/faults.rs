//! Owns the tests in which the world goes wrong: the shipped handlers in simulated time, with each
//! fault exactly where a case asks for it, and then wherever a seed puts it.
//!
//! Read [`stage`] first: it plays a case, and then judges everything that was said and written.

mod dying;
mod meeting;
mod mutants;
mod retrying;
mod seeds;
mod stage;
mod sweeping;
