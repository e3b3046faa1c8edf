//! Tests of ordering that need no injected faults.
//!
//! They run twice, on the `shop` of their parent module: without Redis here, and with Redis in
//! `redis::orders`. The paths are written out so that both parents find the files.

use super::shop;

#[path = "orders/adjusting.rs"]
mod adjusting;
#[path = "orders/carrying.rs"]
mod carrying;
#[path = "orders/confirming.rs"]
mod confirming;
#[path = "orders/expiring.rs"]
mod expiring;
#[path = "orders/fulfilling.rs"]
mod fulfilling;
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
#[path = "orders/returning.rs"]
mod returning;
#[path = "orders/staff.rs"]
mod staff;
