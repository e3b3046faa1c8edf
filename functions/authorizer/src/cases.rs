//! Tests of the whole authorizer: requests, key sets and configurations, good and bad.
//!
//! Some tests are about tokens that libraries wrongly accept. They first show that
//! the library alone accepts the token (`harness::library_accepts`).

mod audiences;
mod audit;
mod claims;
mod configuration;
mod corpus;
mod dependencies;
mod events;
mod explanations;
mod failing_sources;
mod form;
mod harness;
mod key_sets;
mod left_out;
mod providers;
mod public_keys;
mod replaced_keys;
mod rotation;
mod scopes;
mod servers;
mod signatures;
mod signers;
mod slow_mutations;
mod sources;
mod test_keys;
