//! Owns the tests of the whole: real HTTP, the real functions, a real database.
//!
//! One program, a module a capability. Read `harness.rs` first: it starts the
//! API, and after each test checks that no stock was made or lost.
#![cfg(test)]

mod alerts;
mod arbitrary;
mod between;
mod bootstraps;
mod browser;
mod cors;
mod counting;
mod deployment;
mod events;
mod faults;
mod harness;
mod history;
mod model;
mod orders;
mod races;
mod redis;
mod specification;
mod sweeping;
mod your_own;

use harness::shop;
