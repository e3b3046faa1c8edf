//! What AWS Lambda does around a built function, on this machine: starts it, gives it invocations,
//! and takes its answers.
//!
//! [`Function`] is a running one. It talks to the server of `runtime_api.rs`.

mod function;
mod process;
mod runtime_api;

pub use function::{Failure, Function, Start};
pub use process::{Program, Usage, Written};
