//! A stand-in for the services that say what an account costs, and for the topic that gets the report.
//!
//! Read `scenario.rs` first: a [`Scenario`] is what the services know, and how they fail. [`router()`]
//! answers the AWS SDK over HTTP in the forms that AWS documents, [`generate()`] makes the scenario that
//! is shipped, and [`Billing`] remembers what was called and what was published.

mod answer;
mod billing;
mod cbor;
mod cost_explorer;
mod generate;
mod router;
mod savings;
mod scenario;
mod topic;

pub use billing::{Billing, Seen};
pub use generate::generate;
pub use router::router;
pub use scenario::{Fault, SHIPPED, Scenario, ScenarioError};
