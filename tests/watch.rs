//! The template's alarms, in virtual time: each fires by its cause, reaches people, and resolves.
//!
//! A cause is a fault of a service or a function, or requests that clients send. No test writes data
//! points. `causes.rs` has the list; `complete.rs` fails when an alarm of the template is not
//! in it.

mod auditing;
mod causes;
mod complete;
mod deploying;
mod faults;
mod graph;
mod healthy;
mod load;
mod scenario;
mod stage;
mod times;
