//! Owns the cases of ordering that need no injected faults.
//!
//! They run twice, on the `shop` of the module above: without a Redis, and with
//! one (`redis::orders`). The paths are spelled out so that both find the files.

use super::shop;

#[path = "orders/adjusting.rs"]
mod adjusting;
#[path = "orders/confirming.rs"]
mod confirming;
#[path = "orders/expiring.rs"]
mod expiring;
#[path = "orders/input.rs"]
mod input;
#[path = "orders/listing.rs"]
mod listing;
#[path = "orders/placing.rs"]
mod placing;
#[path = "orders/products.rs"]
mod products;
#[path = "orders/refusing.rs"]
mod refusing;
