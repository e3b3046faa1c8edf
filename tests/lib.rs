//! Owns the tests of the whole: real HTTP, the real functions, a real database.
//!
//! One program, a module a capability. Read `support/harness.rs` first: it starts the
//! API, and after each test checks that no stock was made or lost.
#![cfg(test)]

mod alerts;
mod api;
mod browser;
mod cors;
mod deployment;
mod protocol;
mod support;

use support::harness::shop;
