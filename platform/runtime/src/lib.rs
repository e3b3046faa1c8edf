//! Runs handlers in this process as Lambda runs them: with an event, a context and a time-out.
//!
//! [`http_handler`] and [`event_handler`] wrap a function's `handle`. [`run`] makes one invocation.

mod handler;
mod invocation;
mod uuid;

pub use handler::{Handler, event_handler, http_handler};
pub use invocation::{RETURNED_BYTES_MAX, context, run, timed_out};
pub use uuid::uuid;
