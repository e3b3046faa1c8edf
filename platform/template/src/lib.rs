//! Reads `template.yaml` and evaluates it: its parameters, conditions and intrinsic functions.
//!
//! Read [`Template::read`] first: it is pure, evaluates only what is served, and reports all faults
//! at once. [`Stack::read`] evaluates every resource, for tests of the whole template.

mod edge;
mod evaluate;
mod fault;
mod function;
mod intrinsic;
mod network;
mod parameters;
mod resource;
mod route;
mod rules;
mod secret;
mod stack;
mod substitute;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod throttle;
mod yaml;

pub use edge::{EdgeCors, EdgeHeader, EdgePolicy};
pub use fault::{Fault, TemplateError};
pub use function::{FunctionSpec, Kind, Schedule};
pub use resource::Place;
pub use route::{Authorizer, Route};
pub use rules::refusals;
pub use secret::{Recipe, SecretSpec, SecretValue};
pub use stack::{Resource, Stack};
pub use table::{IndexSpec, TableKey, TableSpec};
pub use template::{SHIPPED, SHIPPED_COST, Template};
pub use throttle::Throttle;
