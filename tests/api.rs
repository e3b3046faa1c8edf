//! The API as its clients use it: over HTTP, against the real functions and a real database.

mod arbitrary;
pub(crate) mod auditing;
mod callers;
mod costs;
mod counting;
mod description;
mod examples;
mod orders;
mod records;
mod redis;
mod shards;
pub(crate) mod sweeping;

use crate::support::harness::shop;
