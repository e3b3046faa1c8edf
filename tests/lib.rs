//! Tests of the whole system: real HTTP, the real functions, a real database.
//!
//! They are one program, with a module for each capability. Read `support/harness.rs` first: it
//! starts the API, and after each test checks that no stock appeared or vanished.
#![cfg(test)]

mod alerts;
mod api;
mod browser;
mod cors;
mod cost;
mod deployment;
mod protocol;
mod support;
mod watch;

use support::harness::shop;
