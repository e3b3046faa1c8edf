//! Owns the cases of ordering that need no injected faults.

mod adjusting;
mod confirming;
mod expiring;
mod input;
mod listing;
mod placing;
mod products;
mod refusing;
